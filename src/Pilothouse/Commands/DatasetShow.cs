using System.CommandLine;
using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse dataset show | rows</c>.</summary>
internal static class DatasetShow
{
    private const string Bars = " ▁▂▃▄▅▆▇█";

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var json = Output.JsonOption();
        var reference = DatasetCommand.Reference();
        var command = new Command("show", "A version: files, splits, schema, and a profile of every column.") { reference, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var version = await DatasetCommand.ResolveAsync(client, result.GetValue(reference)!, ct);
            var profile = await client.GetDatasetProfileAsync(version.Name, version.Version, ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(new { version, profile }));
            else Print(version, profile);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    public static Command Rows()
    {
        var server = Cli.ServerOption();
        var reference = DatasetCommand.Reference();
        var split = new Option<string>("--split") { Description = "Only rows of this split." };
        var offset = new Option<long>("--offset") { Description = "First row, from 0." };
        var limit = new Option<int>("--limit") { Description = "Rows, up to 100.", DefaultValueFactory = _ => 20 };
        var command = new Command("rows", "Print rows, one JSON object a line; long values are cut.") { reference, split, offset, limit, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var version = await DatasetCommand.ResolveAsync(client, result.GetValue(reference)!, ct);
            var page = await client.GetDatasetRowsAsync(version.Name, version.Version, result.GetValue(split), result.GetValue(offset), result.GetValue(limit), ct);
            foreach (var row in page.Rows) Console.WriteLine(row.Fields.GetRawText());
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static void Print(DatasetVersion version, DatasetProfile profile)
    {
        Console.WriteLine(DatasetCommand.Describe(version));
        if (version.Description is { } description) Console.WriteLine(description);
        if (version.Parents.Count > 0) Console.WriteLine($"made from {string.Join(", ", version.Parents)}{(version.Derivation is { } d ? $" by {d.Operation}, seed {d.Seed}" : "")}");
        if (profile.Duplicates > 0) Console.WriteLine($"{profile.Duplicates} rows repeat an earlier row");
        foreach (var leak in profile.Leaks) Console.WriteLine($"{leak.Rows} rows of {leak.First} stand in {leak.Second} too: pilothouse dataset leaks {version.Name}/{version.Version}");
        Output.Table(["COLUMN", "TYPE", "ROWS", "WITHOUT", "DIFFERENT", "VALUES"], profile.Columns.Select(c => new[] { c.Name, c.Type, $"{c.Count}", $"{c.Nulls}", $"{(c.DistinctIsEstimate ? "~" : "")}{c.Distinct}", Values(c) }));
    }

    private static string Values(DatasetColumn column)
    {
        if (column.Numbers is { } n) return string.Create(CultureInfo.InvariantCulture, $"{n.Min:G6} .. {n.P50:G6} .. {n.Max:G6}  {Bar(n.Histogram)}");
        if (column.Top.Count > 0) return string.Join(", ", column.Top.Take(4).Select(t => $"{Cut(t.Value)} {t.Count}"));
        return column.Lengths is { } l ? string.Create(CultureInfo.InvariantCulture, $"length {l.Min:G6} .. {l.P50:G6} .. {l.Max:G6}  {Bar(l.Histogram)}") : "";
    }

    private static string Cut(string text) => text.ReplaceLineEndings(" ") is var line && line.Length > 24 ? line[..24] + "…" : line;

    private static string Bar(IReadOnlyList<long> counts)
    {
        var most = Math.Max(1, counts.Max());
        return string.Concat(counts.Select(c => Bars[c == 0 ? 0 : 1 + (int)(c * (Bars.Length - 2) / most)]));
    }
}
