using System.CommandLine;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse model | prompt | dataset | suite delete</c>.</summary>
internal static class DeleteVersion
{
    /// <param name="scheme">models, prompts, datasets or suites.</param>
    public static Command Create(string scheme)
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
