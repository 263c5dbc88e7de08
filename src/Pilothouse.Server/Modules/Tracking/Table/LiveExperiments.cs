using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Table;

/// <summary>Tells open tables that something in their experiment changed. What changed they read anew, so one waiting message says as much as a thousand.</summary>
internal sealed class LiveExperiments(RunStore runs, IEventBus events, TimeProvider time) : IHostedService
{
    /// <summary>Open streams of the whole server.</summary>
    public const int MaxListeners = 500;

    /// <summary>Experiments of runs kept in memory; a full table is emptied.</summary>
    private const int MaxKnownRuns = 50_000;

    /// <summary>Pause between two messages of a stream, however much is logged.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly Dictionary<long, List<Channel<bool>>> _listeners = [];
    private readonly Dictionary<string, long> _known = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private int _count;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        events.Subscribe<MetricsLogged>("live experiments", (e, ct) => SendAsync(e.RunId, ct));
        events.Subscribe<RunChanged>("live experiments", (e, ct) => SendAsync(e.RunId, ct));
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>One element each time that something changed since the one before, at most one a second.</summary>
    /// <exception cref="PilothouseException">RateLimited: too many streams are open.</exception>
    public async IAsyncEnumerable<bool> ListenAsync(long experiment, [EnumeratorCancellation] CancellationToken ct)
    {
        var channel = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        lock (_gate)
        {
            if (_count >= MaxListeners) throw new PilothouseException(ErrorCode.RateLimited, $"{MaxListeners} live tables are open already. Close some pages, or reload instead.");
            _count++;
            if (!_listeners.TryGetValue(experiment, out var mine)) _listeners[experiment] = mine = [];
            mine.Add(channel);
        }
        try
        {
            await foreach (var change in channel.Reader.ReadAllAsync(ct))
            {
                yield return change;
                await Task.Delay(Pause, time, ct);
            }
        }
        finally
        {
            lock (_gate)
            {
                _count--;
                var mine = _listeners[experiment];
                mine.Remove(channel);
                if (mine.Count == 0) _listeners.Remove(experiment);
            }
        }
    }

    private async Task SendAsync(string runId, CancellationToken ct)
    {
        long experiment;
        bool known;
        lock (_gate)
        {
            if (_count == 0) return;
            known = _known.TryGetValue(runId, out experiment);
        }
        if (!known && await runs.ExperimentOfAsync(runId, ct) is { } found)
        {
            experiment = found;
            known = true;
        }
        if (!known) return;
        lock (_gate)
        {
            if (_known.Count >= MaxKnownRuns) _known.Clear();
            _known[runId] = experiment;
            if (_listeners.TryGetValue(experiment, out var mine))
                foreach (var channel in mine) channel.Writer.TryWrite(true);
        }
    }
}
