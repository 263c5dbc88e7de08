using System.CommandLine;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse suite register | list | show | delete</c>.</summary>
internal static class SuiteCommand
{
    public static Command Create() => new("suite", "Registered evaluation suites: numbered versions that never change, with the digest of their cases.") { Register(), List(), Show(), RegistryVerbs.Delete(RegistryReference.Suites) };

    private static Command Register()
    {
        var server = Cli.ServerOption();
        var (project, commit) = ProjectContext.Options();
        var suites = new Option<string[]>("--suite") { Description = "Register only this suite (may be repeated)." };
        var json = Output.JsonOption();
        var command = new Command("register", "Register the suites of a commit without running them; pilothouse test registers what it runs.") { project, commit, suites, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var context = await ProjectContext.FindAsync(result, project, commit, ct);
            var names = result.GetValue(suites) ?? [];
            var versions = await client.RegisterSuitesAsync(new NewSuites(context.Project, context.Commit, names.Length == 0 ? null : names), ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(versions));
            else foreach (var v in versions) Console.WriteLine($"{v.Reference} {v.Digest} ({v.Cases} cases of {v.Data})");
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command List() => RegistryVerbs.List("All suites and their versions.", (client, ct) => client.ListSuitesAsync(ct), ["REFERENCE", "CASES", "DATA", "CREATED", "BY", "DIGEST"],
        s => [s.Reference, $"{s.Cases}", s.Data, Output.Time(s.CreatedMs), s.CreatedBy, s.Digest]);

    private static Command Show()
    {
        var server = Cli.ServerOption();
        var reference = new Argument<string>("reference") { Description = "suites:/PROJECT.SUITE/VERSION, or PROJECT.SUITE for the newest." };
        var command = new Command("show", "One version with its definition, as JSON.") { reference, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var text = result.GetValue(reference)!;
            var parsed = RegistryReference.TryParse(text, RegistryReference.Suites, out var r) && r.Alias is null ? r
                : RegistryReference.IsReadableName(text) ? new RegistryReference(RegistryReference.Suites, text, null, null) : throw new UsageException($"'{text}' is not a suite. Write suites:/PROJECT.SUITE/VERSION.");
            Console.WriteLine(Output.ToJson(await client.GetSuiteAsync(parsed.Name, parsed.Version, ct)));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
