using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>
/// Reduces a series for a chart: the points are cut into equal buckets, and of each the smallest and the largest value are kept, so that no spike is lost
/// whatever the zoom; the first and the last point are always there.
/// </summary>
internal sealed class SeriesReducer
{
    private readonly List<SeriesPoint> _points = [];
    private bool _sorted = true;
    private long _total;

    /// <param name="count">Points of the history that this one stands for.</param>
    public void Add(SeriesPoint point, int count = 1)
    {
        if (_points.Count > 0 && point.Step < _points[^1].Step) _sorted = false;
        _points.Add(point);
        _total += count;
    }

    /// <param name="maxPoints">At least 4; the result has at most this many points.</param>
    public MetricSeries Reduce(string runId, string key, int maxPoints)
    {
        // Points come in the order of time, which nearly always is that of the steps.
        if (!_sorted) _points.Sort(static (a, b) => a.Step != b.Step ? a.Step.CompareTo(b.Step) : a.TimeMs.CompareTo(b.TimeMs));
        var kept = _points.Count <= maxPoints ? _points : [.. Choose(maxPoints).Select(i => _points[i])];
        return new MetricSeries(runId, key, _total, kept.ConvertAll(p => p.Step), kept.ConvertAll(p => p.TimeMs), kept.ConvertAll(p => p.Value));
    }

    private IEnumerable<int> Choose(int maxPoints)
    {
        var buckets = Math.Max(1, (maxPoints - 2) / 2);
        var (first, last) = (0, _points.Count - 1);
        yield return first;
        for (var bucket = 0; bucket < buckets; bucket++)
        {
            var from = 1 + (int)((long)(last - 1) * bucket / buckets);
            var to = 1 + (int)((long)(last - 1) * (bucket + 1) / buckets);
            if (from == to) continue;
            var (low, high) = Extremes(from, to);
            yield return Math.Min(low, high);
            if (low != high) yield return Math.Max(low, high);
        }
        yield return last;
    }

    /// <summary>NaN counts only where there is nothing else.</summary>
    private (int Low, int High) Extremes(int from, int to)
    {
        int low = from, high = from;
        for (var i = from + 1; i < to; i++)
        {
            var value = _points[i].Value;
            if (double.IsNaN(value)) continue;
            if (!(_points[low].Value <= value)) low = i;
            if (!(_points[high].Value >= value)) high = i;
        }
        return (low, high);
    }
}
