using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Series for charts: at most so many points as the chart has use for, with no spike lost.</summary>
internal sealed class SeriesService(SeriesStore store)
{
    public const int MaxRuns = 100;
    private const int MinPoints = 4;
    private const int MaxPoints = 20_000;

    /// <summary>One series a run, in the order asked.</summary>
    /// <exception cref="PilothouseException">NotFound: a run; InvalidArgument: too many runs, or an empty range.</exception>
    public async Task<IReadOnlyList<MetricSeries>> ReadAsync(IReadOnlyList<string> runIds, string key, int maxPoints, long? fromStep, long? toStep, CancellationToken ct)
    {
        if (runIds.Count is 0 or > MaxRuns) throw new PilothouseException(ErrorCode.InvalidArgument, $"Name 1 to {MaxRuns} runs (run=ID, repeated); there are {runIds.Count}.");
        if (fromStep > toStep) throw new PilothouseException(ErrorCode.InvalidArgument, $"The range of steps is empty: from {fromStep} to {toStep}.");
        var runs = await store.FindAsync(runIds, ct);
        var points = Math.Clamp(maxPoints, MinPoints, MaxPoints);
        return await Task.WhenAll(runIds.Select(id => store.ReadAsync(id, runs.TryGetValue(id, out var num) ? num : throw RunStore.Missing(id), key, points, fromStep ?? long.MinValue, toStep ?? long.MaxValue, ct)));
    }
}
