using System.Threading.Channels;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>
/// The way of points into the database: requests that wait are merged into one transaction with one bulk insert, and each is answered when that is durable.
/// A request that fails fails alone.
/// </summary>
internal sealed class MetricIngest(Db db, MetricStore metrics, SeriesIndexer indexer) : IAsyncDisposable
{
    /// <summary>Requests that may wait; the next caller waits for room, which is the back pressure.</summary>
    private const int QueueLength = 4096;
    private const int MaxRequests = 512;
    private const int MaxPoints = 16_000;

    private readonly Channel<Pending> _queue = Channel.CreateBounded<Pending>(QueueLength);
    private readonly Lock _gate = new();
    private readonly List<Task> _loops = [];

    /// <summary>All of the batch or nothing; durable when the task completes.</summary>
    /// <exception cref="PilothouseException">NotFound or InvalidArgument: the run, or a param that would change.</exception>
    public async Task WriteAsync(MlflowBatch batch, CancellationToken ct)
    {
        Start();
        var pending = new Pending(batch);
        await _queue.Writer.WriteAsync(pending, ct);
        await pending.Done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await Task.WhenAll(_loops);
    }

    private void Start()
    {
        if (_loops.Count > 0) return;
        lock (_gate)
        {
            // SQLite has one writer; on PostgreSQL one transaction gathers while the other commits.
            for (var i = _loops.Count; i < (db.Dialect.Name == "sqlite" ? 1 : 2); i++) _loops.Add(Task.Run(RunAsync));
        }
    }

    private async Task RunAsync()
    {
        while (await _queue.Reader.WaitToReadAsync())
        {
            var group = new List<Pending>();
            var points = 0;
            while (group.Count < MaxRequests && points < MaxPoints && _queue.Reader.TryRead(out var pending))
            {
                group.Add(pending);
                points += pending.Batch.Metrics.Length;
            }
            if (group.Count == 0) continue;
            if (group.Count > 1 && await TryAsync(group) is null) continue;
            // One of them does what the database refuses: each by itself, so that only that one fails.
            foreach (var pending in group)
                if (await TryAsync([pending]) is { } fault) pending.Done.TrySetException(fault);
        }
    }

    /// <returns>Null when every request of the group is answered; else why the transaction failed.</returns>
    private async Task<Exception?> TryAsync(IReadOnlyList<Pending> group)
    {
        try
        {
            var (refusals, numbers, fresh) = await db.WriteAsync(session => WriteAsync(session, group), default);
            metrics.Remember(fresh);
            for (var i = 0; i < group.Count; i++)
            {
                if (refusals[i] is { } refusal) group[i].Done.TrySetException(refusal);
                else
                {
                    group[i].Done.TrySetResult();
                    indexer.Note(numbers[i], group[i].Batch);
                }
            }
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private async Task<(Exception?[] Refusals, long[] Runs, IReadOnlyDictionary<string, long>? Fresh)> WriteAsync(DbSession session, IReadOnlyList<Pending> group)
    {
        var refusals = new Exception?[group.Count];
        var numbers = new long[group.Count];
        var accepted = new List<(long, IReadOnlyList<string>, MlflowPoint[])>();
        var runs = await RunStore.FindAllAsync(session, [.. group.Select(p => p.Batch.RunId).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]);
        for (var i = 0; i < group.Count; i++)
        {
            var batch = group[i].Batch;
            try
            {
                numbers[i] = RunStore.RequireActive(runs.GetValueOrDefault(batch.RunId), batch.RunId).Num;
                await WriteTextsAsync(session, numbers[i], batch);
                if (batch.Metrics.Length > 0) accepted.Add((numbers[i], batch.Keys, batch.Metrics));
            }
            catch (PilothouseException refusal)
            {
                refusals[i] = refusal;
            }
        }
        return (refusals, numbers, accepted.Count == 0 ? null : await metrics.AppendAsync(session, accepted));
    }

    private static async Task WriteTextsAsync(DbSession session, long run, MlflowBatch batch)
    {
        // Checked before anything is written: a refused request leaves nothing behind in the shared transaction.
        var conflicts = await RunStore.AddParamsAsync(session, run, batch.Params);
        if (conflicts.Count > 0)
        {
            var list = string.Join(", ", conflicts.Select(c => $"{{'key': '{c.Param.Key}', 'old_value': '{c.Old}', 'new_value': '{c.Param.Value}'}}"));
            throw new PilothouseException(ErrorCode.InvalidArgument, $"Changing param values is not allowed. Params were already logged='[{list}]' for run ID='{batch.RunId}'.");
        }
        await RunStore.SetTagsAsync(session, run, (IReadOnlyCollection<MlflowPair>)batch.Tags);
        await LoggedModelStore.AddMetricsAsync(session, run, batch.ModelPoints);
    }

    private sealed record Pending(MlflowBatch Batch)
    {
        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
