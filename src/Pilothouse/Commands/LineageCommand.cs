using System.CommandLine;
using Pilothouse.Commands.Live;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse lineage REF [--up | --down]</c>.</summary>
internal static class LineageCommand
{
    private const int DefaultLimit = 200;

    public static Command Create()
    {
        var server = Cli.ServerOption();
        var reference = new Argument<string>("reference") { Description = "models:/NAME/VERSION or NAME@ALIAS (prompts:/, datasets:/, suites:/ likewise), runs:/ID, git:COMMIT, a release's digest, evaluations:/ID, fairness:/ID, or an environment." };
        var up = new Option<bool>("--up") { Description = "Only what it was made from." };
        var down = new Option<bool>("--down") { Description = "Only what came of it." };
        var limit = new Option<int>("--limit") { Description = "Things shown at most, 1 to 2000.", DefaultValueFactory = _ => DefaultLimit };
        var json = Output.JsonOption();
        var command = new Command("lineage", "Where a thing comes from, and what came of it: from data and commit to deployment, both ways.") { reference, up, down, limit, json, server };
        command.SetAction(async (result, ct) =>
        {
            if (result.GetValue(up) && result.GetValue(down)) throw new UsageException("--up and --down exclude each other; without either both ways are shown.");
            using var client = Cli.Connect(result, server);
            var direction = result.GetValue(up) ? "up" : result.GetValue(down) ? "down" : "both";
            var graph = await client.GetLineageAsync(await WithProjectAsync(result.GetValue(reference)!, ct), direction, result.GetValue(limit), ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(graph));
            else foreach (var line in LineageTree.Lines(graph, direction)) Console.WriteLine(line);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    /// <summary>A plain word is an environment of the project at hand.</summary>
    private static async Task<string> WithProjectAsync(string reference, CancellationToken ct)
    {
        if (reference.IndexOfAny([':', '/', '@']) >= 0 || reference.Length >= 8 && reference.All(char.IsAsciiHexDigit) || reference.StartsWith("m-", StringComparison.Ordinal)) return reference;
        if (!File.Exists(CheckCommand.FileName)) return reference;
        return ProjectFileReader.Parse(await File.ReadAllTextAsync(CheckCommand.FileName, ct)).File is { } file ? $"{file.Project}/{reference}" : reference;
    }
}
