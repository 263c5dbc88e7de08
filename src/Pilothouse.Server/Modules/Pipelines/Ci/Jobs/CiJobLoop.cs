using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Jobs;

/// <summary>
/// Follows jobs by the events of what runs them, and looks itself once a minute and at the start: an event that a crash swallowed is made up for.
/// </summary>
internal sealed partial class CiJobLoop(CiJobService service, CiJobStore store, CiStore builds, CiTeller teller, CiArtifacts artifacts, IJobs commands, IServiceTokens tokens, IEventBus events, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<CiJobLoop> logger) : DueLoop(time)
{
    /// <summary>Between the note that a job starts and the note of what runs it a server may die.</summary>
    private const long LostMs = 5 * 60_000;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        events.Subscribe<JobStarted>("ci jobs", (started, ct) => FollowAsync(store.OfAsync(started.Id, null, ct), ct));
        events.Subscribe<JobFinished>("ci jobs", (ended, ct) => FollowAsync(store.OfAsync(ended.Job.Id, null, ct), ct));
        events.Subscribe<BuildMoved>("ci jobs", (moved, ct) => FollowAsync(store.OfAsync(null, moved.Build, ct), ct));
        // Jobs call this server, which listens only when it has started.
        lifetime.ApplicationStarted.Register(Wake);
        return base.StartAsync(cancellationToken);
    }

    public override async Task PassAsync(CancellationToken ct)
    {
        if (!lifetime.ApplicationStarted.IsCancellationRequested) return;
        foreach (var job in await store.OpenAsync(ct)) await FollowAsync(Task.FromResult<CiJobRow?>(job), ct);
    }

    protected override Task<long?> NextDueAsync(CancellationToken ct) => Task.FromResult<long?>(null);

    private async Task FollowAsync(Task<CiJobRow?> finding, CancellationToken ct)
    {
        if (await finding is not { } job) return;
        if (job.State == CiJobRow.Waiting)
        {
            await service.AdvanceAsync(job.Project, job.CommitId, ct);
            return;
        }
        var now = job.JobId is { } command ? await CommandAsync(job, command, ct) : job.BuildId is { } build ? await BuildAsync(job, build, ct) : Lost(job);
        if (now.State == job.State && now.Url == job.Url) return;
        if (!now.IsEnded)
        {
            if (await store.MoveAsync(now, job.State, ct)) teller.Moved();
            return;
        }
        var isFirst = await service.FinishAsync(job, now, ct);
        // Only now: a server that dies before the end is written reads them again.
        artifacts.Remove(job.Id);
        if (isFirst) await service.AdvanceAsync(job.Project, job.CommitId, ct);
    }

    private async Task<CiJobRow> CommandAsync(CiJobRow job, string id, CancellationToken ct)
    {
        if (await FindAsync(id, ct) is not { } command) return job with { State = "error", Error = "What ran it is gone." };
        if (command.FinishedMs is null) return command.Status == "running" ? job with { State = CiJobRow.Running } : job;
        await tokens.RevokeAsync(CiJobStarter.TokenName(job.Id), ct);
        var (result, kept) = await artifacts.ReadAsync(job.Id, ct);
        var ended = job with { Tests = result?.Tests, Failures = result?.Failures, ArtifactsJson = WireJson.Write(kept) };
        return (command.Status, command.ExitCode) switch
        {
            ("succeeded", _) => ended with { State = "success", Error = null },
            ("cancelled", _) => ended with { State = "cancelled", Error = "Cancelled." },
            (_, 1) => ended with { State = "failure", Error = result?.Error ?? "A step failed." },
            _ => ended with { State = "error", Error = result?.Error ?? command.Error ?? "It could not run." },
        };
    }

    private CiJobRow Lost(CiJobRow job) => Time.NowMs() - (job.StartedMs ?? job.CreatedMs) > LostMs ? job with { State = "error", Error = "The server stopped while it started it. Start it again: pilothouse ci jobs --start " + job.Name } : job;

    private async Task<Protocols.V1.Job?> FindAsync(string id, CancellationToken ct)
    {
        try
        {
            return await commands.GetAsync(id, ct);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.NotFound)
        {
            return null;
        }
    }

    private async Task<CiJobRow> BuildAsync(CiJobRow job, string id, CancellationToken ct) => await builds.BuildAsync(id, ct) switch
    {
        null => job with { State = "error", Error = "Its build is gone." },
        { State: "success" or "failure" or "cancelled" or "error" } ended => job with { State = ended.State, Url = ended.Url, Error = ended.Error },
        { State: BuildRow.Running } running => job with { State = CiJobRow.Running, Url = running.Url },
        var waiting => job with { Url = waiting.Url },
    };

    [LoggerMessage(1530, LogLevel.Error, "Jobs of CI could not be followed; tried again in a moment")]
    protected override partial void PassFailed(Exception error);
}
