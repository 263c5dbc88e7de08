namespace Pilothouse.Statistics;

/// <summary>A PSI with the bins it was made from.</summary>
public sealed record StabilityIndex(double Value, double[] Edges, long[] ReferenceCounts, long[] CurrentCounts);

/// <summary>
/// Population stability index: sum (q - p) ln(q / p) over bins, shares below `epsilon` replaced by it. It has no p-value, and depends on
/// the binning: with a heavy-tailed value and 100 items it exceeds 0.1 in most windows without any drift. Prefer a test.
/// </summary>
public static class PopulationStability
{
    /// <summary>From counts per bin.</summary>
    public static double FromCounts(ReadOnlySpan<double> reference, ReadOnlySpan<double> current, double epsilon = 1e-4)
    {
        Check.SameLength(reference.Length, current.Length);
        double p = 0, q = 0, sum = 0;
        foreach (var one in reference) p += one;
        foreach (var one in current) q += one;
        for (var k = 0; k < reference.Length; k++)
        {
            double a = Math.Max(epsilon, reference[k] / p), b = Math.Max(epsilon, current[k] / q);
            sum += (b - a) * Math.Log(b / a);
        }
        return sum;
    }

    /// <summary>Bins from the reference's quantiles (type 7), right-closed, outer bins unbounded.</summary>
    public static StabilityIndex QuantileBins(ReadOnlySpan<double> reference, ReadOnlySpan<double> current, int bins = 10, double epsilon = 1e-4)
    {
        var sorted = reference.ToArray();
        Array.Sort(sorted);
        double[] edges = [.. Enumerable.Range(1, bins - 1).Select(k => Moments.SortedQuantile(sorted, (double)k / bins)).Distinct()];
        int Bin(double value)
        {
            var at = Array.BinarySearch(edges, value);
            return at >= 0 ? at : ~at;
        }
        return Make(reference, current, edges, edges.Length + 1, Bin, epsilon);
    }

    /// <summary>Equal-width bins from the reference's least to its greatest value, left-closed; values outside go to the end bins.</summary>
    public static StabilityIndex EqualWidthBins(ReadOnlySpan<double> reference, ReadOnlySpan<double> current, int bins = 10, double epsilon = 1e-4)
    {
        double low = double.PositiveInfinity, high = double.NegativeInfinity;
        foreach (var value in reference) (low, high) = (Math.Min(low, value), Math.Max(high, value));
        if (low == high) (low, high) = (low - 0.5, high + 0.5); // numpy's rule for a constant
        var step = (high - low) / bins;
        double[] edges = [.. Enumerable.Range(0, bins).Select(k => low + k * step), high];
        int Bin(double value)
        {
            var at = Array.BinarySearch(edges, value);
            return Math.Clamp(at >= 0 ? at : ~at - 1, 0, bins - 1);
        }
        return Make(reference, current, edges, bins, Bin, epsilon);
    }

    private static StabilityIndex Make(
        ReadOnlySpan<double> reference, ReadOnlySpan<double> current, double[] edges, int bins, Func<double, int> bin, double epsilon)
    {
        Check.NotEmpty(reference.Length, nameof(reference));
        Check.NotEmpty(current.Length, nameof(current));
        long[] a = new long[bins], b = new long[bins];
        foreach (var value in reference) a[bin(value)]++;
        foreach (var value in current) b[bin(value)]++;
        var index = FromCounts(a.Select(x => (double)x).ToArray(), b.Select(x => (double)x).ToArray(), epsilon);
        return new StabilityIndex(index, edges, a, b);
    }
}
