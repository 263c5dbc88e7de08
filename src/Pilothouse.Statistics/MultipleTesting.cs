namespace Pilothouse.Statistics;

/// <summary>
/// Adjusted p-values for several tests at once, in the order given: reject where adjusted &lt;= alpha. Family-wise error: Bonferroni,
/// Holm, Holm-Sidak, Hochberg, Hommel. False discovery rate: Benjamini-Hochberg, Benjamini-Yekutieli.
/// </summary>
public static class MultipleTesting
{
    /// <summary>min(1, m p).</summary>
    public static double[] Bonferroni(ReadOnlySpan<double> p)
    {
        var m = p.Length;
        return p.ToArray().Select(one => Math.Min(1, one * m)).ToArray();
    }

    /// <summary>Holm 1979, step-down: never weaker than Bonferroni, valid under any dependence. The default for gates.</summary>
    public static double[] Holm(ReadOnlySpan<double> p) => StepDown(p, (one, left) => one * left);

    /// <summary>Holm's steps with Sidak's level 1 - (1 - p)^(number left).</summary>
    public static double[] HolmSidak(ReadOnlySpan<double> p) =>
        StepDown(p, (one, left) => one == 1 || left == 1 ? one : -double.ExpM1(left * double.LogP1(-one)));

    /// <summary>Hochberg 1988, step-up; needs independence or positive dependence.</summary>
    public static double[] Hochberg(ReadOnlySpan<double> p)
    {
        var m = p.Length;
        return StepUp(p, (one, rank) => one * (m - rank + 1));
    }

    /// <summary>Benjamini-Hochberg 1995: false discovery rate, for exploratory slices.</summary>
    public static double[] BenjaminiHochberg(ReadOnlySpan<double> p)
    {
        var m = p.Length;
        return StepUp(p, (one, rank) => one * m / rank);
    }

    /// <summary>Benjamini-Yekutieli 2001: false discovery rate under any dependence.</summary>
    public static double[] BenjaminiYekutieli(ReadOnlySpan<double> p)
    {
        var m = p.Length;
        var harmonic = 0.0;
        for (var k = 1; k <= m; k++) harmonic += 1.0 / k;
        return StepUp(p, (one, rank) => one * m * harmonic / rank);
    }

    /// <summary>Hommel 1988: closed testing with Simes' test; algorithm of Wright 1992.</summary>
    public static double[] Hommel(ReadOnlySpan<double> p)
    {
        var (sorted, order) = Sorted(p);
        var m = sorted.Length;
        var adjusted = (double[])sorted.Clone();
        for (var size = m; size > 1; size--)
        {
            var least = double.PositiveInfinity;
            for (var k = 1; k <= size; k++) least = Math.Min(least, size * sorted[m - size + k - 1] / k);
            for (var k = m - size; k < m; k++) adjusted[k] = Math.Max(adjusted[k], least);
            for (var k = 0; k < m - size; k++) adjusted[k] = Math.Max(adjusted[k], Math.Min(least, size * sorted[k]));
        }
        return Restore(adjusted, order);
    }

    private static double[] StepDown(ReadOnlySpan<double> p, Func<double, int, double> scale)
    {
        var (sorted, order) = Sorted(p);
        var highest = 0.0;
        for (var k = 0; k < sorted.Length; k++) sorted[k] = highest = Math.Max(highest, scale(sorted[k], sorted.Length - k));
        return Restore(sorted, order);
    }

    private static double[] StepUp(ReadOnlySpan<double> p, Func<double, int, double> scale)
    {
        var (sorted, order) = Sorted(p);
        var lowest = double.PositiveInfinity;
        for (var k = sorted.Length - 1; k >= 0; k--) sorted[k] = lowest = Math.Min(lowest, scale(sorted[k], k + 1));
        return Restore(sorted, order);
    }

    private static (double[] Sorted, int[] Order) Sorted(ReadOnlySpan<double> p)
    {
        foreach (var one in p)
            if (!(one is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(p), one, "p-values must lie between 0 and 1.");
        var sorted = p.ToArray();
        var order = Enumerable.Range(0, sorted.Length).ToArray();
        Array.Sort(sorted, order);
        return (sorted, order);
    }

    private static double[] Restore(double[] sorted, int[] order)
    {
        var result = new double[sorted.Length];
        for (var k = 0; k < sorted.Length; k++) result[order[k]] = Math.Min(1, sorted[k]);
        return result;
    }
}
