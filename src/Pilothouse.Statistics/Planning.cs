namespace Pilothouse.Statistics;

/// <summary>How many items a comparison needs, and what a suite can see.</summary>
public static class Planning
{
    /// <summary>
    /// Items for a paired comparison to find a difference `delta` (two-sided alpha) with the given power, when the item differences
    /// have variance omega2 (for right/wrong scores about the share of discordant items). Miller 2024.
    /// </summary>
    public static long PairedItems(double omega2, double delta, double alpha = 0.05, double power = 0.8) =>
        Items(Normal.Quantile(1 - alpha / 2) + Normal.Quantile(power), omega2, delta);

    /// <summary>Items for a non-inferiority gate of margin `delta` (one-sided alpha) when there is truly no difference.</summary>
    public static long NonInferiorityItems(double omega2, double delta, double alpha = 0.05, double power = 0.8) =>
        Items(Normal.Quantile(1 - alpha) + Normal.Quantile(power), omega2, delta);

    /// <summary>Smallest difference that n paired items find with the given power (two-sided alpha).</summary>
    public static double MinimumDetectableDifference(double omega2, long items, double alpha = 0.05, double power = 0.8) =>
        (Normal.Quantile(1 - alpha / 2) + Normal.Quantile(power)) * Math.Sqrt(omega2 / items);

    /// <summary>Items without a single failure needed to show a failure rate below `rate` at the given confidence (59 for 5 % at 95 %).</summary>
    public static long ZeroFailureItems(double rate, double confidence = 0.95) => (long)Math.Ceiling(Math.Log(1 - confidence) / double.LogP1(-rate));

    /// <summary>pass@k: probability that at least one of k samples is right, unbiased from c right of n (Chen 2021).</summary>
    public static double PassAtK(int n, int c, int k) => 1 - Choose(n - c, n, k);

    /// <summary>pass^k: probability that all of k samples are right, unbiased from c right of n (tau-bench, arXiv:2406.12045).</summary>
    public static double PassHatK(int n, int c, int k) => Choose(c, n, k);

    private static long Items(double z, double omega2, double delta) => (long)Math.Ceiling(z * z * omega2 / (delta * delta));

    /// <summary>C(m, k) / C(n, k) as a product, which cannot overflow.</summary>
    private static double Choose(int m, int n, int k)
    {
        if (n <= 0 || m < 0 || m > n || k < 1 || k > n) throw new ArgumentOutOfRangeException(nameof(k), $"Need 0 <= c <= n and 1 <= k <= n, got n {n}, k {k}.");
        var ratio = 1.0;
        for (var i = 0; i < k; i++) ratio *= m - i <= 0 ? 0 : (double)(m - i) / (n - i);
        return ratio;
    }
}
