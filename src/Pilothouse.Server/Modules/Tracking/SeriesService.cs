using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Series for charts: at most so many points as the chart has use for, with no spike lost.</summary>
internal sealed class SeriesService(SeriesStore store, SeriesIndexer indexer)
{
    public const int MaxRuns = 100;
    private const int MinPoints = 4;
    private const int MaxPoints = 20_000;

    /// <summary>Series read at once by one request.</summary>
    private const int Parallel = 4;

    /// <summary>One series a run, in the order asked.</summary>
    /// <exception cref="PilothouseException">NotFound: a run; InvalidArgument: too many runs, or an empty range.</exception>
    public async Task<IReadOnlyList<MetricSeries>> ReadAsync(IReadOnlyList<string> runIds, string key, int maxPoints, long? fromStep, long? toStep, CancellationToken ct)
    {
        if (runIds.Count is 0 or > MaxRuns) throw new PilothouseException(ErrorCode.InvalidArgument, $"Name 1 to {MaxRuns} runs (run=ID, repeated); there are {runIds.Count}.");
        if (fromStep > toStep) throw new PilothouseException(ErrorCode.InvalidArgument, $"The range of steps is empty: from {fromStep} to {toStep}.");
        var runs = await store.FindRunsAsync(runIds, ct);
        if (runIds.FirstOrDefault(id => !runs.ContainsKey(id)) is { } missing) throw RunStore.Missing(missing);
        var points = Math.Clamp(maxPoints, MinPoints, MaxPoints);
        var result = new MetricSeries[runIds.Count];
        var number = await store.FindKeyAsync(key, ct);
        await System.Threading.Tasks.Parallel.ForAsync(0, runIds.Count, new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = ct }, async (i, stop) =>
        {
            var reducer = new SeriesReducer();
            if (number is { } id)
            {
                var uncovered = await store.ReadAsync(runs[runIds[i]], id, fromStep ?? long.MinValue, toStep ?? long.MaxValue, reducer, stop);
                if (uncovered > SeriesIndexer.Every) indexer.Enqueue(runs[runIds[i]], id);
            }
            result[i] = reducer.Reduce(runIds[i], key, points);
        });
        return result;
    }
}
