using System.CommandLine;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands.Ci;

/// <summary><c>pilothouse ci jobs | schedules | log | cancel</c>: jobs of pilothouse.yaml on the server.</summary>
internal static class CiJobsCommand
{
    public static IEnumerable<Command> All() => [Jobs(), Schedules(), Log(), Cancel()];

    private static Command Jobs()
    {
        var server = Cli.ServerOption();
        var (project, _) = ProjectContext.Options();
        var commit = new Option<string>("--commit") { Description = "Only those of this commit, branch or tag." };
        var start = new Option<string[]>("--start") { Description = "Start this job of the commit (default: of the default branch) now, with what it needs, though it ran before; may be repeated." };
        var limit = new Option<int>("--limit") { Description = "How many, newest first.", DefaultValueFactory = _ => 20 };
        var json = Output.JsonOption();
        var command = new Command("jobs", "Jobs of pilothouse.yaml that the server ran or is running, newest first.") { commit, start, limit, project, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var at = await ProjectContext.ProjectAsync(result, project, ct);
            if (result.GetValue(start) is { Length: > 0 } names) await client.StartCiJobsAsync(at, new NewCiJobs(result.GetValue(commit), names), ct);
            var jobs = await client.ListCiJobsAsync(at, result.GetValue(commit), result.GetValue(limit), ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(jobs));
            else if (jobs.Count == 0) Console.WriteLine("None yet. Write them under ci: of pilothouse.yaml and push.");
            else Output.Table(["ID", "JOB", "COMMIT", "BRANCH", "CAUSE", "STATE", "WHAT"], jobs.Select(j => (string[])[j.Id, j.Name, j.Commit[..10], j.Ref, j.Cause, j.State, j.Error ?? (j.Tests is { } tests ? $"{tests} tests, {j.Failures} failed" : "")]));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Schedules()
    {
        var server = Cli.ServerOption();
        var (project, _) = ProjectContext.Options();
        var json = Output.JsonOption();
        var command = new Command("schedules", "When jobs of pilothouse.yaml start by themselves: 'on: schedule' as the default branch has it.") { project, json, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var schedules = await client.ListCiSchedulesAsync(await ProjectContext.ProjectAsync(result, project, ct), ct);
            if (result.GetValue(json)) Console.WriteLine(Output.ToJson(schedules));
            else if (schedules.Count == 0) Console.WriteLine("None. Write on: { schedule: \"0 3 * * *\" } at a job under ci: and push it to the default branch.");
            else Output.Table(["JOB", "SCHEDULE (UTC)", "BRANCH", "NEXT", "LAST", "WHAT"], schedules.Select(s => (string[])[s.Job, s.Cron, s.Branch, Output.Time(s.NextMs), s.LastMs is { } last ? Output.Time(last) : "-", s.Error ?? ""]));
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Log()
    {
        var (server, id) = (Cli.ServerOption(), new Argument<string>("id") { Description = "Of the job." });
        var (project, _) = ProjectContext.Options();
        var command = new Command("log", "What the steps of a job wrote, so far.") { id, project, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            await using var log = await client.OpenCiJobLogAsync(await ProjectContext.ProjectAsync(result, project, ct), result.GetValue(id)!, ct);
            await using var output = Console.OpenStandardOutput();
            await log.CopyToAsync(output, ct);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }

    private static Command Cancel()
    {
        var (server, id) = (Cli.ServerOption(), new Argument<string>("id") { Description = "Of the job." });
        var (project, _) = ProjectContext.Options();
        var command = new Command("cancel", "Cancel a job: what it started is killed, and what needs it is skipped.") { id, project, server };
        command.SetAction(async (result, ct) =>
        {
            using var client = Cli.Connect(result, server);
            var job = await client.CancelCiJobAsync(await ProjectContext.ProjectAsync(result, project, ct), result.GetValue(id)!, ct);
            Console.WriteLine(job.FinishedMs is not null && job.State != "cancelled" ? $"It had ended already: {job.State}" : job.FinishedMs is null ? "being cancelled" : job.State);
            return ExitCode.Ok;
        }, guarded: true);
        return command;
    }
}
