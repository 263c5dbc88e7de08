using Microsoft.Extensions.Logging;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Capture;

/// <summary>Marks runs whose heartbeat stopped as KILLED. A run that never had one (MLflow's own clients) is left alone.</summary>
internal sealed partial class HeartbeatWatch(CaptureStore store, RunLogService logs, IEventBus events, TimeProvider time, ILogger<HeartbeatWatch> logger) : BackgroundLoop
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(2);

    /// <summary>A round that comes this late: the machine slept, and nobody could send.</summary>
    private static readonly TimeSpan Slept = TimeSpan.FromSeconds(10);

    private long _since = time.NowMs();
    private long _last = time.NowMs();
    private readonly Lock _gate = new();
    private Task _running = Task.CompletedTask;

    protected override async Task LoopAsync(CancellationToken ct)
    {
        await foreach (var _ in RoundsAsync(time, Round, ct))
        {
            try
            {
                await RoundAsync(ct);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                RoundFailed(e); // the database is away: the next round finds the same runs
            }
        }
    }

    /// <summary>One round; a second that is asked for meanwhile comes after it, so that what a round has begun is done when another ends.</summary>
    internal Task RoundAsync(CancellationToken ct)
    {
        lock (_gate) return _running = AfterAsync(_running, ct);
    }

    private async Task AfterAsync(Task before, CancellationToken ct)
    {
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var now = time.NowMs();
        if (now - _last > Slept.TotalMilliseconds) _since = now;
        _last = now;
        foreach (var lost in await store.LostAsync(now, _since, ct))
        {
            var killed = await store.KillAsync(lost, ct);
            await logs.KeepAsync(lost.Id, ended: false, ct);
            if (!killed) continue;
            RunLost(lost.Id, lost.IntervalMs);
            await events.PublishAsync(new RunChanged(lost.Id, MlflowNames.Killed), ct);
        }
    }

    [LoggerMessage(210, LogLevel.Information, "Run {Run} is marked as killed: its heartbeat (every {IntervalMs} ms) stopped")]
    private partial void RunLost(string run, long intervalMs);

    [LoggerMessage(211, LogLevel.Warning, "Heartbeats could not be checked")]
    private partial void RoundFailed(Exception error);
}
