using System.Collections.Concurrent;
using System.Data.Common;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Keeps the index of long series close to their ends, in the background. What is not indexed yet is read from the points, so nothing is lost when it lags or stops.</summary>
internal sealed partial class SeriesIndexer(SeriesIndex index, MetricStore metrics, ILogger<SeriesIndexer> log) : BackgroundLoop
{
    /// <summary>New points of a series after which its index is extended.</summary>
    public const int Every = 32 * SeriesChunk.Size;

    /// <summary>Series whose points are counted; beyond that their readers ask for the index.</summary>
    private const int MaxCounted = 100_000;

    /// <summary>Series that wait; one more is dropped, and asked for again by its next points or its next reader.</summary>
    private const int QueueLength = 10_000;

    private readonly ConcurrentDictionary<(long Run, long Key), int> _counts = new();
    private readonly ConcurrentDictionary<(long Run, long Key), bool> _waiting = new();
    private readonly Channel<(long Run, long Key)> _queue = Channel.CreateBounded<(long, long)>(QueueLength);

    /// <summary>Counts what was logged.</summary>
    public void Note(long run, MlflowBatch batch)
    {
        if (batch.Metrics.Length == 0) return;
        // As if the batch spread its points evenly over its keys: near enough for a count that only says when to look.
        var each = Math.Max(1, batch.Metrics.Length / batch.Keys.Count);
        foreach (var key in batch.Keys)
        {
            if (metrics.IdOf(key) is not { } id) continue;
            if (_counts.Count >= MaxCounted && !_counts.ContainsKey((run, id))) continue;
            if (_counts.AddOrUpdate((run, id), each, (_, n) => n + each) < Every) continue;
            _counts.TryRemove((run, id), out _);
            Enqueue(run, id);
        }
    }

    /// <summary>Extends the index of one series to its end.</summary>
    public void Enqueue(long run, long key)
    {
        if (_waiting.TryAdd((run, key), true) && !_queue.Writer.TryWrite((run, key))) _waiting.TryRemove((run, key), out _);
    }

    protected override async Task LoopAsync(CancellationToken ct)
    {
        await foreach (var (run, key) in _queue.Reader.ReadAllAsync(ct))
        {
            _waiting.TryRemove((run, key), out _);
            try
            {
                while (await index.ExtendAsync(run, key, ct)) { }
            }
            catch (DbException e)
            {
                LogFailed(run, key, e);
            }
        }
    }

    [LoggerMessage(LogLevel.Warning, "The index of run {Run}, metric {Key} was not extended; charts read the points until it is.")]
    private partial void LogFailed(long run, long key, Exception error);
}
