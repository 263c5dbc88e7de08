using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Push;

/// <summary>Tells subscribers of pushes from the outbox, oldest first. One that fails is told again with growing waits.</summary>
internal sealed partial class PushDelivery(PushOutbox outbox, IEnumerable<IPushSubscriber> subscribers, ServerOptions server, TimeProvider time, IHostApplicationLifetime lifetime, ILogger<PushDelivery> logger) : DueLoop(time)
{
    /// <summary>Longer than any handling takes: they note what is to do, and do it elsewhere.</summary>
    private const long LeaseMs = 5 * 60_000;
    private const long FirstWaitMs = 2_000;
    private const long LongestWaitMs = 15 * 60_000;
    /// <summary>With the waits above about three hours.</summary>
    private const int MaxAttempts = 20;

    private readonly Dictionary<string, IPushSubscriber> _subscribers = subscribers.ToDictionary(s => s.Subscriber, StringComparer.Ordinal);
    private readonly string _worker = $"{Environment.MachineName}:{server.Data}";
    private bool _released;

    public IReadOnlyCollection<string> Subscribers => _subscribers.Keys;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        // What subscribers start may call this server, which listens only when it has started.
        lifetime.ApplicationStarted.Register(Wake);
        return base.StartAsync(cancellationToken);
    }

    public override async Task PassAsync(CancellationToken ct)
    {
        if (!lifetime.ApplicationStarted.IsCancellationRequested || _subscribers.Count == 0) return;
        if (!_released) await outbox.ReleaseAsync(_worker, ct);
        _released = true;
        while (await outbox.ClaimAsync(_worker, _subscribers.Keys, Time.NowMs(), LeaseMs, ct) is { } next) await TellAsync(next, ct);
    }

    protected override Task<long?> NextDueAsync(CancellationToken ct) => outbox.NextDueAsync(ct);

    private async Task TellAsync(Untold untold, CancellationToken ct)
    {
        try
        {
            await _subscribers[untold.Subscriber].PushedAsync(untold.Id, untold.Push, ct);
            await outbox.DoneAsync(untold, ct);
        }
        catch (Exception e) when (e is not OperationCanceledException || !ct.IsCancellationRequested)
        {
            NotTold(e, untold.Push.Project, untold.Subscriber, untold.Attempts);
            if (untold.Attempts >= MaxAttempts) await outbox.DoneAsync(untold, ct);
            else await outbox.LaterAsync(untold, Time.NowMs() + Math.Min(FirstWaitMs << (untold.Attempts - 1), LongestWaitMs), ct);
        }
    }

    [LoggerMessage(512, LogLevel.Error, "Pushes cannot be told; tried again in a moment")]
    protected override partial void PassFailed(Exception error);

    [LoggerMessage(513, LogLevel.Error, "A push to {Project} could not be told to {Subscriber} (attempt {Attempt})")]
    private partial void NotTold(Exception error, string project, string subscriber, int attempt);
}
