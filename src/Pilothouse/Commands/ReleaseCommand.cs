using System.CommandLine;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse release create | list | show</c>.</summary>
internal static class ReleaseCommand
{
    public static Command Create() => new("release", "Releases: everything that shapes behaviour, by digest, with the evidence about it.") { CreateRelease(), List(), Show() };

    private static Command CreateRelease()
    {
        var server = Cli.ServerOption();
        var (project, commit) = ProjectContext.Options();
        var json = Output.JsonOption();
        var command = new Command("create", "Make the release of a commit; the same commit always gives the same digest.") { project, commit, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var context = await ProjectContext.FindAsync(result, project, commit, ct);
            Print(await client.CreateReleaseAsync(new NewRelease(context.Project, context.Commit), ct), result.GetValue(json));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command List()
    {
        var server = Cli.ServerOption();
        var project = new Option<string>("--project") { Description = "Only those of one project." };
        var json = Output.JsonOption();
        var command = new Command("list", "Releases, newest first.") { project, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var releases = await client.ListReleasesAsync(result.GetValue(project), ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(releases));
            else Output.Table(["RELEASE", "PROJECT", "COMMIT", "CREATED", "BY", "EVIDENCE", "SUBJECT"], releases.Select(r => new[]
            {
                r.Digest[7..19], r.Project, r.Commit[..Math.Min(12, r.Commit.Length)], Output.Time(r.CreatedMs), r.CreatedBy,
                string.Join(" ", r.Evidence.GroupBy(e => e.Type).Select(g => $"{g.Key}={g.Last().Verdict}")), r.CommitSubject,
            }));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Show()
    {
        var server = Cli.ServerOption();
        var reference = new Argument<string>("release") { Description = "Digest, or its first eight or more digits." };
        var json = Output.JsonOption();
        var command = new Command("show", "What a release consists of and what is known about it.") { reference, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            Print(await client.GetReleaseAsync(result.GetValue(reference)!, ct), result.GetValue(json));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    internal static void Print(Release release, bool json)
    {
        if (json)
        {
            Console.WriteLine(Output.ToJson(release));
            return;
        }
        Output.Fields(("Release", release.Digest), ("Project", release.Project), ("Commit", $"{release.Commit} {release.CommitSubject}"), ("Created", $"{Output.Time(release.CreatedMs)} by {release.CreatedBy}"));
        Console.WriteLine();
        Output.Table(["COMPONENT", "NAME", "REFERENCE", "DIGEST"], release.Components.Select(c => new[] { c.Type, c.Name, c.Reference, c.Digest }));
        Console.WriteLine();
        if (release.Evidence.Count == 0) Console.WriteLine("No evidence yet.");
        else Output.Table(["EVIDENCE", "VERDICT", "WHEN", "BY", "SUMMARY"], release.Evidence.Select(e => new[] { e.Type, e.Verdict, Output.Time(e.TimeMs), e.By, e.Summary }));
    }
}
