using System.CommandLine;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Diffs;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse diff FROM TO</c>: two versions of a model, prompt or data set, or two releases.</summary>
internal static class DiffCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var from = new Argument<string>("from") { Description = "models:/NAME/VERSION or NAME@ALIAS, prompts:/NAME/VERSION or NAME@ALIAS, datasets:/NAME/VERSION, or the digest of a release." };
        var to = new Argument<string>("to") { Description = "Another of the same kind." };
        var headers = new Option<bool>("--headers") { Description = "Models: compare headers and digests of files only, without reading the tensors." };
        var key = new Option<string>("--key") { Description = "Data sets: field that names a row in both versions (default: id, where both have it); without one rows are equal or not." };
        var limit = new Option<int>("--limit") { Description = "Data sets: rows shown of each kind, up to 100.", DefaultValueFactory = _ => 10 };
        var json = Output.JsonOption();
        var command = new Command("diff", "What changed between two versions: of a model (configuration, tokenizer, tensor by tensor with norms), a prompt, a data set (columns, profile, rows), or a release. Exit code 0 the same, 1 different.") { from, to, headers, key, limit, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var (a, b) = (result.GetValue(from)!, result.GetValue(to)!);
            if (Kind(a) != Kind(b)) throw new UsageException($"{a} and {b} are not of one kind: there is nothing to compare.");
            switch (Kind(a))
            {
                case RegistryReference.Models:
                    var model = await client.DiffModelsAsync(Valid(a), Valid(b), result.GetValue(headers) ? "headers" : "content", ct);
                    return Print(model, DiffLines.Of(model), model.Files.Count == 0, result.GetValue(json));
                case RegistryReference.Prompts:
                    var prompt = await client.DiffPromptsAsync(Valid(a), Valid(b), ct);
                    return Print(prompt, DiffLines.Of(prompt), prompt.Parts.All(p => p.Change == "same") && prompt.Variables.Count + prompt.Parameters.Count == 0, result.GetValue(json));
                case RegistryReference.Datasets:
                    var (first, second) = (await DatasetCommand.ResolveAsync(client, a, ct), await DatasetCommand.ResolveAsync(client, b, ct));
                    var by = result.GetValue(key) ?? (first.Columns.Contains("id") && second.Columns.Contains("id") ? "id" : null);
                    return await DatasetDiffCommand.CompareAsync(client, first, second, by, result.GetValue(limit), result.GetValue(json), ct) ? ExitCode.Ok : ExitCode.Failed;
                case "release":
                    var release = await client.DiffReleasesAsync(a, b, ct);
                    return Print(release, release.Lines, release.From == release.To, result.GetValue(json));
                default:
                    throw new UsageException($"'{a}' cannot be compared. Write models:/NAME/VERSION, prompts:/NAME/VERSION, datasets:/NAME/VERSION, or the digest of a release.");
            }
        }, guarded: true);
        return command;
    }

    private static string Kind(string reference) => reference.IndexOf(":/", StringComparison.Ordinal) is > 0 and var cut ? reference[..cut] : "release";

    private static string Valid(string reference) => RegistryReference.TryParse(reference, Kind(reference), out _) ? reference
        : throw new UsageException($"'{reference}' names no version. Write {Kind(reference)}:/NAME/VERSION or {Kind(reference)}:/NAME@ALIAS.");

    private static int Print<T>(T document, IEnumerable<string> lines, bool same, bool json)
    {
        if (json) Console.WriteLine(Output.ToJson(document));
        else foreach (var line in lines) Console.WriteLine(line);
        return same ? ExitCode.Ok : ExitCode.Failed;
    }
}
