namespace Pilothouse.Statistics;

/// <summary>A mean of items that come in clusters, with its standard errors.</summary>
/// <param name="Mean">Mean over items.</param>
/// <param name="Items">Number of items.</param>
/// <param name="Clusters">Number of clusters C.</param>
/// <param name="IidStandardError">s / sqrt(n): what it would be if items were independent.</param>
/// <param name="PlainStandardError">sqrt(sum over clusters of (sum of residuals)^2) / n (Miller 2024, arXiv:2411.00640).</param>
/// <param name="StandardError">The plain one times sqrt(C / (C - 1)); NaN for one cluster. This is the one to use.</param>
public sealed record ClusterMean(
    double Mean, int Items, int Clusters, double IidStandardError, double PlainStandardError, double StandardError)
{
    /// <summary>t interval with C - 1 degrees of freedom.</summary>
    public Estimate Estimate(double confidence = 0.95, Side side = Side.TwoSided) => Intervals.Mean(
        Mean, StandardError, Clusters - 1, Check.TailAlpha(confidence, side), confidence, side, "cluster-robust t");

    /// <summary>Variance inflation by clustering, (StandardError / IidStandardError)^2; NaN when all values are equal.</summary>
    public double DesignEffect => StandardError / IidStandardError * (StandardError / IidStandardError);
}

/// <summary>
/// Standard errors for items that share a passage, template or conversation. For a paired comparison pass the differences.
/// </summary>
public static class ClusterRobust
{
    /// <summary>Mean and cluster-robust standard error (intercept-only model, as statsmodels' cov_type='cluster').</summary>
    public static ClusterMean Mean(ReadOnlySpan<double> values, IReadOnlyList<string> clusters)
    {
        Check.NotEmpty(values.Length, nameof(values));
        var (mean, variance) = Moments.MeanAndVariance(values);
        var (sums, sizes) = Totals(values, clusters);
        var squares = 0.0;
        // A cluster of equal values at the mean has no residual: variance 0 must give exactly 0.
        for (var k = 0; k < sums.Length && variance != 0; k++) squares += Math.Pow(sums[k] - sizes[k] * mean, 2);
        var plain = Math.Sqrt(squares) / values.Length;
        var corrected = sums.Length < 2 ? double.NaN : plain * Math.Sqrt(sums.Length / (sums.Length - 1.0));
        return new ClusterMean(mean, values.Length, sums.Length, Math.Sqrt(variance / values.Length), plain, corrected);
    }

    /// <summary>Mean difference candidate - baseline with its cluster-robust standard error.</summary>
    public static ClusterMean PairedDifference(ReadOnlySpan<double> candidate, ReadOnlySpan<double> baseline, IReadOnlyList<string> clusters) =>
        Mean(PairedTests.Differences(candidate, baseline), clusters);

    /// <summary>Sum and size of each cluster, in the order of first appearance.</summary>
    internal static (double[] Sums, int[] Sizes) Totals(ReadOnlySpan<double> values, IReadOnlyList<string> clusters)
    {
        Check.SameLength(values.Length, clusters.Count);
        var index = new Dictionary<string, int>(StringComparer.Ordinal);
        List<double> sums = [];
        List<int> sizes = [];
        for (var k = 0; k < values.Length; k++)
        {
            if (!index.TryGetValue(clusters[k], out var at))
            {
                index[clusters[k]] = at = sums.Count;
                sums.Add(0);
                sizes.Add(0);
            }
            sums[at] += values[k];
            sizes[at]++;
        }
        return ([.. sums], [.. sizes]);
    }
}
