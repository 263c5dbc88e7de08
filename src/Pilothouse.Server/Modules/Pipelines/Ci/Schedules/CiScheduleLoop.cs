using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Modules.Pipelines.Ci.Jobs;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Schedules;

/// <summary>
/// Starts jobs at the rounds of their schedules. Which schedules there are says pilothouse.yaml of the default branch; what runs is the job as the schedule's branch has it. Rounds that passed while no server ran
/// are made up for by one.
/// </summary>
internal sealed partial class CiScheduleLoop(CiScheduleStore store, CiJobService jobs, IProjects projects, IRepositories repositories, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<CiScheduleLoop> logger)
    : DueLoop(time), IPushSubscriber, ICiSchedules
{
    private const int Batch = 100;
    private const int MaxError = 500;

    public string Subscriber => "ci schedules";

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // Jobs call this server, which listens only when it has started.
        lifetime.ApplicationStarted.Register(Wake);
        return base.StartAsync(cancellationToken);
    }

    public async Task<IReadOnlyList<CiScheduleInfo>> ListAsync(string project, CancellationToken ct)
    {
        var known = await projects.GetAsync(project, ct);
        return [.. (await store.ListAsync(project, ct)).Select(s => new CiScheduleInfo(s.Project, s.Job, s.Cron, s.Branch.Length > 0 ? s.Branch : known.DefaultBranch, s.NextMs, s.LastMs, s.Error))];
    }

    /// <summary>Whatever the push asks for: ci.skip starts no jobs, and changes no schedules.</summary>
    public async Task PushedAsync(string id, RepositoryPushed push, CancellationToken ct)
    {
        var project = await projects.GetAsync(push.Project, ct);
        if (!push.Updates.Any(u => u.Ref == "refs/heads/" + project.DefaultBranch)) return;
        if (await ReadAsync(project, ct) is not { } rows) return;
        await store.SetAsync(project.Name, rows, ct);
        Wake();
    }

    public override async Task PassAsync(CancellationToken ct)
    {
        if (!lifetime.ApplicationStarted.IsCancellationRequested) return;
        while (await store.DueAsync(Time.NowMs(), Batch, ct) is { Count: > 0 } due)
            foreach (var round in due) await StartAsync(round, ct);
    }

    protected override Task<long?> NextDueAsync(CancellationToken ct) => store.NextDueAsync(ct);

    private async Task StartAsync(ScheduleRow due, CancellationToken ct)
    {
        var now = Time.NowMs();
        // A schedule that never comes again stands where no clock gets to.
        var next = CronSchedule.Next(due.Cron, Time.GetUtcNow())?.ToUnixTimeMilliseconds() ?? long.MaxValue;
        try
        {
            var branch = due.Branch.Length > 0 ? due.Branch : (await projects.GetAsync(due.Project, ct)).DefaultBranch;
            await jobs.StartRoundAsync(due.Project, branch, due.Job, session => CiScheduleStore.TakeAsync(session, due, next, now), ct);
        }
        catch (PilothouseException e)
        {
            NotStarted(e, due.Job, due.Project);
            await store.FailAsync(due, next, now, e.Message.Length <= MaxError ? e.Message : e.Message[..MaxError], ct);
        }
    }

    /// <returns>Null = the file has faults: the schedules stay as they are.</returns>
    private async Task<IReadOnlyList<ScheduleRow>?> ReadAsync(Project project, CancellationToken ct)
    {
        try
        {
            var now = Time.GetUtcNow();
            return [.. (await repositories.ReadProjectFileAsync(project.Name, project.DefaultBranch, ct)).Ci.SelectMany(job => job.Value.On.Schedule.Select(s => new ScheduleRow
            {
                Project = project.Name,
                Job = job.Key,
                Cron = s.Cron,
                Branch = s.Branch ?? "",
                NextMs = CronSchedule.Next(s.Cron, now)?.ToUnixTimeMilliseconds() ?? long.MaxValue,
            })).DistinctBy(r => (r.Job, r.Cron, r.Branch))];
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.NotFound)
        {
            return [];
        }
        catch (PilothouseException)
        {
            return null;
        }
    }

    [LoggerMessage(1550, LogLevel.Error, "Schedules of CI failed; tried again in a moment")]
    protected override partial void PassFailed(Exception error);

    [LoggerMessage(1551, LogLevel.Warning, "The scheduled job {Job} of {Project} could not start")]
    private partial void NotStarted(Exception error, string job, string project);
}
