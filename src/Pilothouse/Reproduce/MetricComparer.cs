using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Reproduce;

/// <summary>One point of a metric.</summary>
internal readonly record struct MetricPoint(long Step, double Value);

/// <summary>Compares the metrics of two runs point by point, final values included.</summary>
internal static class MetricComparer
{
    /// <summary>Measured by us while the run ran: never the same twice, and no result of it.</summary>
    private const string SystemPrefix = "system/";

    public static bool IsCompared(string metric, ReproduceEntry rules) => !metric.StartsWith(SystemPrefix, StringComparison.Ordinal) && !rules.Ignore.Any(p => Matches(p, metric));

    /// <summary>The tolerance that is declared for a metric: for its name, else for the longest beginning with a star behind it.</summary>
    public static Tolerance ToleranceOf(string metric, ReproduceEntry rules) => rules.Tolerance.TryGetValue(metric, out var own) ? own
        : rules.Tolerance.Where(t => Matches(t.Key, metric)).OrderByDescending(t => t.Key.Length).Select(t => t.Value).FirstOrDefault();

    /// <param name="recorded">Points in order of step; of one step in the order they were logged.</param>
    public static MetricComparison Compare(string metric, IReadOnlyList<MetricPoint> recorded, IReadOnlyList<MetricPoint> repeated, Tolerance tolerance)
    {
        var (differing, largest) = (0, 0.0);
        Divergence? first = null;
        var (i, j) = (0, 0);
        while (i < recorded.Count || j < repeated.Count)
        {
            var (a, b) = (i < recorded.Count ? recorded[i] : (MetricPoint?)null, j < repeated.Count ? repeated[j] : (MetricPoint?)null);
            if (a is { } left && b is { } right && left.Step == right.Step)
            {
                i++;
                j++;
                if (double.IsFinite(left.Value) && double.IsFinite(right.Value)) largest = Math.Max(largest, Math.Abs(left.Value - right.Value));
                if (tolerance.Allows(left.Value, right.Value)) continue;
                first ??= new Divergence(metric, left.Step, left.Value, right.Value);
            }
            else if (b is null || a is { } earlier && earlier.Step < b.Value.Step)
            {
                i++;
                first ??= new Divergence(metric, a!.Value.Step, a.Value.Value, null);
            }
            else
            {
                j++;
                first ??= new Divergence(metric, b.Value.Step, null, b.Value.Value);
            }
            differing++;
        }
        return new MetricComparison(metric, tolerance.ToString(), Math.Max(recorded.Count, repeated.Count), differing, largest, recorded.Count == 0 ? null : recorded[^1].Value, repeated.Count == 0 ? null : repeated[^1].Value, first);
    }

    /// <summary>The earliest of all metrics; of those at one step the first by name.</summary>
    public static Divergence? First(IEnumerable<MetricComparison> metrics) =>
        metrics.Select(m => m.First).OfType<Divergence>().OrderBy(d => d.Step).ThenBy(d => d.Metric, StringComparer.Ordinal).FirstOrDefault();

    private static bool Matches(string pattern, string metric) => pattern.EndsWith('*') ? metric.StartsWith(pattern[..^1], StringComparison.Ordinal) : pattern == metric;
}
