using System.CommandLine;
using Pilothouse.Client;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Commands;

/// <summary>Verbs that models, prompts, data sets and suites share.</summary>
internal static class RegistryVerbs
{
    /// <summary><c>list</c>: a table, or JSON.</summary>
    public static Command List<T>(string description, Func<PilothouseClient, CancellationToken, Task<IReadOnlyList<T>>> read, string[] head, Func<T, string[]> row)
    {
        var server = Cli.ServerOption();
        var json = Output.JsonOption();
        var command = new Command("list", description) { json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var all = await read(client, ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(all));
            else Output.Table(head, all.Select(row));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    /// <summary><c>alias</c>: moves a pointer, or removes it.</summary>
    /// <param name="scheme">models or prompts.</param>
    /// <param name="set">Given name, alias, version and reason.</param>
    /// <param name="delete">Given name and alias.</param>
    public static Command Alias(string scheme, string example, Func<PilothouseClient, string, string, int, string?, CancellationToken, Task> set, Func<PilothouseClient, string, string, CancellationToken, Task> delete)
    {
        var server = Cli.ServerOption();
        var name = new Argument<string>("name") { Description = $"Name of the {scheme[..^1]}." };
        var alias = new Argument<string>("alias") { Description = $"Name of the pointer, such as {example}." };
        var version = new Argument<int>("version") { Description = "Version it shall point to; 0 removes the alias." };
        var reason = new Option<string>("--reason") { Description = "Why; stands in the history of the alias and in the audit log." };
        var command = new Command("alias", "Point an alias to a version. The move stands in its history and in the audit log; pilothouse rollback takes it back.") { name, alias, version, reason, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var (owner, pointer, target) = (result.GetValue(name)!, result.GetValue(alias)!, result.GetValue(version));
            if (target == 0) await delete(client, owner, pointer, ct);
            else await set(client, owner, pointer, target, result.GetValue(reason), ct);
            Console.WriteLine(target == 0 ? $"{scheme}:/{owner}@{pointer} removed" : $"{scheme}:/{owner}@{pointer} -> {target}");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    /// <summary><c>delete</c>: a version, with the reason.</summary>
    /// <param name="scheme">models, prompts, datasets or suites.</param>
    public static Command Delete(string scheme)
    {
        var server = Cli.ServerOption();
        var reference = new Argument<string>("reference") { Description = $"{scheme}:/NAME/VERSION, or NAME/VERSION." };
        var why = new Option<string>("--why") { Description = "Why; stands in the audit log.", Required = true };
        var command = new Command("delete", "Delete a version for good. Refused, with their names, while an alias, a release or a deployment stands on it. Its number is not given again; pilothouse blobs gc frees its files.") { reference, why, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var text = result.GetValue(reference)!;
            if (!text.StartsWith(scheme + ":/", StringComparison.Ordinal)) text = $"{scheme}:/{text}";
            if (!RegistryReference.TryParse(text, scheme, out var parsed) || parsed.Version is null) throw new UsageException($"'{result.GetValue(reference)}' names no version. Write {scheme}:/NAME/VERSION.");
            await client.DeleteVersionAsync(text, result.GetValue(why)!, ct);
            Console.WriteLine($"{text} deleted");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
