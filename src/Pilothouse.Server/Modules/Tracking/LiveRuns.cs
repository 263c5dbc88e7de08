using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Tells open pages that a run has new points, so that its curves move while it trains.</summary>
internal sealed class LiveRuns(IEventBus events) : IHostedService
{
    /// <summary>Open streams of the whole server.</summary>
    public const int MaxListeners = 1000;

    /// <summary>Messages that wait for a slow reader. The oldest is dropped: the next one says the same, "fetch again".</summary>
    private const int QueueLength = 16;

    private readonly Dictionary<string, List<Channel<LiveMessage>>> _listeners = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private int _count;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        events.Subscribe<MetricsLogged>("live runs", (e, _) => Send(e.RunId, new LiveMessage("metrics", e.Keys, null)));
        events.Subscribe<MediaLogged>("live runs", (e, _) => Send(e.RunId, new LiveMessage("media", e.Keys, null)));
        events.Subscribe<LogAppended>("live runs", (e, _) => Send(e.RunId, new LiveMessage("log", [e.Stream], null)));
        events.Subscribe<RunChanged>("live runs", (e, _) => Send(e.RunId, new LiveMessage("run", null, e.Status)));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Messages of one run until the token is cancelled.</summary>
    /// <exception cref="PilothouseException">RateLimited: too many streams are open.</exception>
    public async IAsyncEnumerable<LiveMessage> ListenAsync(string runId, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        var channel = Channel.CreateBounded<LiveMessage>(new BoundedChannelOptions(QueueLength) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        lock (_gate)
        {
            if (_count >= MaxListeners) throw new PilothouseException(ErrorCode.RateLimited, $"{MaxListeners} live streams are open already. Close some pages, or poll the series instead.");
            _count++;
            if (!_listeners.TryGetValue(runId, out var mine)) _listeners[runId] = mine = [];
            mine.Add(channel);
        }
        try
        {
            await foreach (var message in channel.Reader.ReadAllAsync(ct)) yield return message;
        }
        finally
        {
            lock (_gate)
            {
                _count--;
                var mine = _listeners[runId];
                mine.Remove(channel);
                if (mine.Count == 0) _listeners.Remove(runId);
            }
        }
    }

    private Task Send(string runId, LiveMessage message)
    {
        lock (_gate)
        {
            if (_listeners.TryGetValue(runId, out var mine))
                foreach (var channel in mine) channel.Writer.TryWrite(message);
        }
        return Task.CompletedTask;
    }
}

/// <param name="Kind"><c>metrics</c>: the keys have new points; <c>run</c>: the run's status, name or end changed;
/// <c>media</c>: the series have new histograms, texts, images ...; <c>log</c>: the streams in <paramref name="Keys"/> have more output.</param>
internal sealed record LiveMessage(string Kind, IReadOnlyList<string>? Keys, string? Status);
