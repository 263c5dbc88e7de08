using System.CommandLine;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands.Ci;

/// <summary><c>pilothouse ci status</c>: what the checks say of a commit, or this check's own word.</summary>
internal static class CiStatusCommand
{
    public static Command Create()
    {
        var server = Cli.ServerOption();
        var (project, commit) = ProjectContext.Options();
        var state = new Option<string>("--state") { Description = "Set it: pending, success, failure (the answer is no) or error (it could not run). Without this the states are shown." };
        state.AcceptOnlyFromAmong("pending", "success", "failure", "error");
        var context = new Option<string>("--context") { Description = "Name of the check.", DefaultValueFactory = _ => "ci/script" };
        var description = new Option<string>("--description") { Description = "One line, at most 140 characters." };
        var url = new Option<string>("--url") { Description = "Where to read more." };
        var json = Output.JsonOption();
        var command = new Command("status", "Show what the checks say of a commit, or set what one says. Shown: exit code 0 all succeeded, 1 one failed, 3 one is pending or there is none, 4 one could not run.")
            { project, commit, state, context, description, url, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var at = await ProjectContext.FindAsync(result, project, commit, ct);
            if (result.GetValue(state) is { } set)
            {
                var status = await client.SetCommitStatusAsync(at.Project, at.Commit, new NewCommitStatus(set, result.GetValue(context)!, result.GetValue(description), result.GetValue(url)), ct);
                Console.WriteLine($"{status.Context}: {status.State}");
                return ExitCode.Ok;
            }
            var statuses = await client.ListCommitStatusesAsync(at.Project, at.Commit, ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(statuses));
            else if (statuses.Count == 0) Console.WriteLine("No check has said anything of this commit.");
            else Output.Table(["CHECK", "STATE", "BY", "AT", "DESCRIPTION"], statuses.Select(s => (string[])[s.Context, s.State, s.UpdatedBy, Output.Time(s.UpdatedMs), s.Description ?? ""]));
            return Verdict(statuses);
        }, guarded: true);
        return command;
    }

    private static int Verdict(IReadOnlyList<CommitStatus> statuses) =>
        statuses.Any(s => s.State == "failure") ? ExitCode.Failed
        : statuses.Any(s => s.State == "error") ? ExitCode.Infrastructure
        : statuses.Count == 0 || statuses.Any(s => s.State == "pending") ? ExitCode.Inconclusive
        : ExitCode.Ok;
}
