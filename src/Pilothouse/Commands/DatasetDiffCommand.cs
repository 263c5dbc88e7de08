using System.CommandLine;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse dataset diff | leaks</c>.</summary>
internal static class DatasetDiffCommand
{
    private const int MaxCell = 160;

    private static readonly (string Kind, char Sign)[] Kinds = [("added", '+'), ("removed", '-'), ("changed", '~')];

    public static Command Create()
    {
        var (server, json) = (Cli.ServerOption(), Output.JsonOption());
        var from = DatasetCommand.Reference("from");
        var to = DatasetCommand.Reference("to");
        var key = new Option<string>("--key") { Description = "Field that names a row in both versions, such as id; without it rows are equal or not." };
        var limit = new Option<int>("--limit") { Description = "Rows shown of each kind, up to 100.", DefaultValueFactory = _ => 10 };
        var strict = new Option<bool>("--exit-code") { Description = "Exit code 1 when anything differs." };
        var command = new Command("diff", "Rows that were added, removed or changed from one version to another, and what that did to the columns.") { from, to, key, limit, strict, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var first = await DatasetCommand.ResolveAsync(client, result.GetValue(from)!, ct);
            var second = await DatasetCommand.ResolveAsync(client, result.GetValue(to)!, ct);
            var same = await CompareAsync(client, first, second, result.GetValue(key), result.GetValue(limit), result.GetValue(json), ct);
            return result.GetValue(strict) && !same ? ExitCode.Failed : ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    /// <summary>Prints what differs between two versions.</summary>
    /// <returns>True when nothing does.</returns>
    internal static async Task<bool> CompareAsync(PilothouseClient client, DatasetVersion from, DatasetVersion to, string? key, int limit, bool json, CancellationToken ct)
    {
        var pages = new List<DatasetDiffPage>();
        foreach (var (kind, _) in Kinds) pages.Add(await client.GetDatasetDiffAsync(from, to, key, kind, 0, limit, ct));
        if (json) Console.WriteLine(Output.ToJson(new { pages[0].Diff, Added = pages[0].Rows, Removed = pages[1].Rows, Changed = pages[2].Rows }));
        else Print(pages);
        var diff = pages[0].Diff;
        return diff.Added + diff.Removed + diff.Changed + diff.Moved == 0;
    }

    public static Command Leaks()
    {
        var (server, json, reference) = (Cli.ServerOption(), Output.JsonOption(), DatasetCommand.Reference());
        var fields = new Option<string[]>("--field") { Description = "Fields that make rows the same, such as the prompt alone; may be repeated. Without it all fields." };
        var command = new Command("leaks", "Rows that stand in two splits; exit code 1 when there are any.") { reference, fields, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var version = await DatasetCommand.ResolveAsync(client, result.GetValue(reference)!, ct);
            var found = await client.GetDatasetLeaksAsync(version.Name, version.Version, result.GetValue(fields) ?? [], ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(found));
            else
            {
                foreach (var leak in found.Leaks) Console.WriteLine($"{leak.Rows} rows of {leak.First} stand in {leak.Second} too");
                foreach (var example in found.Examples.Take(10)) Console.WriteLine($"  {example.First.File}:{example.First.Line} = {example.Second.File}:{example.Second.Line}  {Cut(example.First.Fields.GetRawText())}");
                if (found.Leaks.Count == 0) Console.WriteLine("no row stands in two splits");
            }
            return found.Leaks.Count > 0 ? ExitCode.Failed : ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static void Print(List<DatasetDiffPage> pages)
    {
        var diff = pages[0].Diff;
        Console.WriteLine($"{diff.From} -> {diff.To}: {diff.Added} added, {diff.Removed} removed, {diff.Changed} changed, {diff.Unchanged} unchanged{(diff.Moved > 0 ? $" ({diff.Moved} of them in another split)" : "")}");
        if (diff.DuplicateKeys > 0) Console.WriteLine($"warning: {diff.DuplicateKeys} values of '{diff.Key}' name more than one row");
        if (diff.WithoutKey > 0) Console.WriteLine($"warning: {diff.WithoutKey} rows have no '{diff.Key}' and are compared whole");
        foreach (var column in diff.Columns) Console.WriteLine($"  column {column.Name}: {column.Change} {column.From ?? ""}{(column is { From: not null, To: not null } ? " -> " : "")}{column.To}");
        if (diff.ChangedFields.Count > 0) Console.WriteLine($"  changed fields: {string.Join(", ", diff.ChangedFields.Take(20).Select(f => $"{f.Value} {f.Count}"))}");
        foreach (var (page, (_, sign)) in pages.Zip(Kinds))
        {
            foreach (var row in page.Rows) Print(row, sign);
            if (page.Total > page.Rows.Count) Console.WriteLine($"{sign} ... and {page.Total - page.Rows.Count} more");
        }
    }

    private static void Print(DatasetDiffRow row, char sign)
    {
        if (row.From is null || row.To is null)
        {
            var only = (row.To ?? row.From)!;
            Console.WriteLine($"{sign} {only.File}:{only.Line} {Cut(only.Fields.GetRawText())}");
            return;
        }
        Console.WriteLine($"{sign} {row.From.File}:{row.From.Line} -> {row.To.File}:{row.To.Line}");
        foreach (var field in row.Fields)
            Console.WriteLine($"    {field}: {(row.From.Fields.TryGetProperty(field, out var old) ? Cut(old.GetRawText()) : "(none)")} -> {(row.To.Fields.TryGetProperty(field, out var now) ? Cut(now.GetRawText()) : "(none)")}");
    }

    private static string Cut(string text) => text.Length <= MaxCell ? text : text[..MaxCell] + "…";
}
