using Microsoft.Extensions.Logging;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Modules.Pipelines.Ci.Jobs;
using Pilothouse.Server.Modules.Pipelines.Statuses;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci;

/// <summary>
/// What builds and jobs say of their commits. It is written in the transaction that moves them: a server that dies must not leave a check pending whose build has ended, since a branch may ask for it.
/// </summary>
internal sealed partial class CiTeller(Db db, StatusStore statuses, StatusBell bell, IEventBus events, TimeProvider time, ILogger<CiTeller> logger)
{
    /// <summary>Part of the transaction that moves a build.</summary>
    public async Task WriteAsync(DbSession s, BuildRow build)
    {
        if (build.Job is not null || build.CommitId is null) return; // the job has the status
        var state = build.State switch { "success" => "success", "failure" => "failure", "error" or "cancelled" => "error", _ => "pending" };
        await WriteAsync(s, build.Project, build.CommitId, ICommitStatuses.OwnPrefix + build.Connection, state, build.Error ?? $"{build.System}: {build.State}", build.Url);
    }

    /// <summary>Part of the transaction that adds or moves a job.</summary>
    public Task WriteAsync(DbSession s, CiJobRow job)
    {
        var state = job.State switch { "success" => "success", "failure" => "failure", "skipped" or "error" or "cancelled" => "error", _ => "pending" };
        var tests = job.Tests is { } count ? $"{count} tests, {job.Failures} failed" : null;
        return WriteAsync(s, job.Project, job.CommitId, job.Context, state, job.Error ?? tests ?? job.State, job.Url);
    }

    /// <summary>After the transaction of a build: for those who listen. Who was not told looks itself.</summary>
    public async Task MovedAsync(BuildRow build, CancellationToken ct)
    {
        bell.Ring();
        if (build.Job is not null) await events.PublishAsync(new BuildMoved(build.Id), ct);
    }

    /// <summary>After the transaction of a job.</summary>
    public void Moved() => bell.Ring();

    /// <summary>A fault that keeps a commit's jobs from starting.</summary>
    public async Task TellFaultAsync(string project, string commit, string context, string fault, CancellationToken ct)
    {
        await db.WriteAsync(s => WriteAsync(s, project, commit, context, "error", fault, null), ct);
        bell.Ring();
    }

    private static string OneLine(string text) => string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));

    private async Task WriteAsync(DbSession s, string project, string commit, string context, string state, string description, string? url)
    {
        // An address that a CI system told and that no status may hold is left out: the verdict counts.
        var status = new CommitStatus(project, commit, context, state, StatusService.Fit(OneLine(description)), StatusService.IsAddress(url) ? url : null, Caller.System.Name, time.NowMs());
        if (!await statuses.SetAsync(s, status)) TooMany(context, commit);
    }

    [LoggerMessage(1521, LogLevel.Warning, "The status {Context} could not be written: commit {Commit} has too many checks")]
    private partial void TooMany(string context, string commit);
}

/// <summary>Event: a build that is a job of pilothouse.yaml changed its state.</summary>
internal sealed record BuildMoved(string Build);
