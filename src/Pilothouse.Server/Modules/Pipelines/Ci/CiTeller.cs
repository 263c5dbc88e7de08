using Microsoft.Extensions.Logging;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Modules.Pipelines.Statuses;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci;

/// <summary>Writes the state of a build to its commit.</summary>
internal sealed partial class CiTeller(StatusService statuses, IEventBus events, ILogger<CiTeller> logger)
{
    public async Task TellAsync(BuildRow build, CancellationToken ct)
    {
        if (build.Job is not null)
        {
            await events.PublishAsync(new BuildMoved(build.Id, build.State, build.Url, build.Error), ct); // the job has the status
            return;
        }
        if (build.CommitId is null) return;
        var state = build.State switch { "success" => "success", "failure" => "failure", "error" or "cancelled" => "error", _ => "pending" };
        await TellAsync(build.Project, build.CommitId, new NewCommitStatus(state, ICommitStatuses.OwnPrefix + build.Connection, StatusService.Fit(OneLine(build.Error) ?? $"{build.System}: {build.State}"), build.Url), ct);
    }

    /// <summary>A status that cannot be written is logged: what it is about goes on.</summary>
    public async Task TellAsync(string project, string commit, NewCommitStatus status, CancellationToken ct)
    {
        try
        {
            await statuses.SetAsync(project, commit, status, Caller.System.Name, ct);
        }
        catch (PilothouseException e)
        {
            StatusFailed(e, status.Context, commit);
        }
    }

    public static string? OneLine(string? text) => text is null ? null : string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c));

    [LoggerMessage(1521, LogLevel.Warning, "The status {Context} could not be written to commit {Commit}")]
    private partial void StatusFailed(Exception error, string context, string commit);
}

/// <summary>Event: a build that is a job of pilothouse.yaml changed its state.</summary>
internal sealed record BuildMoved(string Build, string State, string? Url, string? Error);
