using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Pilothouse.Server.Modules.Pipelines.Ci.Clients;
using Pilothouse.Server.Modules.Pipelines.Statuses;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Forges;

/// <summary>Tells statuses to GitHub, GitLab and Gitea. Tried again with growing waits; the last word counts, and one that was told twice does no harm.</summary>
internal sealed partial class StatusSender(StatusOutStore store, StatusStore statuses, StatusBell bell, CiStore connections, CiSecrets secrets, ForgeClient forges, TimeProvider time, IOptions<PipelinesOptions> options, ILogger<StatusSender> logger) : DueLoop(time)
{
    private const int Batch = 16;
    private const int MaxError = 500;
    /// <summary>With the waits below about five hours: a mirror may be that late.</summary>
    internal const int MaxAttempts = 24;
    private const long LeaseMs = 120_000;
    private const long FirstWaitMs = 5_000;
    private const long LongestWaitMs = 20 * 60_000;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        bell.Listen(Wake);
        return base.StartAsync(cancellationToken);
    }

    protected override bool Enabled => options.Value.FollowBuilds;

    public override async Task PassAsync(CancellationToken ct)
    {
        var due = await store.ClaimAsync(Time.NowMs(), LeaseMs, Batch, ct);
        await Task.WhenAll(due.Select(row => OneAsync(row, ct)));
    }

    protected override Task<long?> NextDueAsync(CancellationToken ct) => store.NextDueAsync(ct);

    private async Task OneAsync(StatusOutRow row, CancellationToken ct)
    {
        try
        {
            var connection = await connections.FindAsync(row.Project, row.Connection, ct);
            var status = (await statuses.ListAsync(row.Project, row.CommitId, ct)).FirstOrDefault(s => s.Context == row.Context);
            if (connection is { Statuses: not 0 } && status is not null) await forges.TellAsync(connection, secrets.Open(connection.Secret), status, ct);
            await store.FinishAsync(row, null, null, ct);
        }
        catch (CiCallException e) when (e.MayRetry && row.Attempts < MaxAttempts)
        {
            var wait = (long?)e.RetryAfter?.TotalMilliseconds ?? Math.Min(FirstWaitMs << (int)Math.Min(row.Attempts - 1, 20), LongestWaitMs);
            await store.FinishAsync(row, Time.NowMs() + Math.Max(wait, 0), Cut(e.Message), ct);
        }
        catch (Exception e) when (e is CiCallException or PilothouseException)
        {
            GivenUp(row.Context, row.CommitId, row.Connection, e.Message);
            await store.FinishAsync(row, null, Cut(e.Message), ct);
        }
    }

    private static string Cut(string text) => text.Length <= MaxError ? text : text[..MaxError];

    [LoggerMessage(1522, LogLevel.Error, "Statuses could not be told to other servers; tried again in a moment")]
    protected override partial void PassFailed(Exception error);

    [LoggerMessage(1523, LogLevel.Warning, "The status {Context} of {Commit} is not told to {Connection}: {Reason}")]
    private partial void GivenUp(string context, string commit, string connection, string reason);
}
