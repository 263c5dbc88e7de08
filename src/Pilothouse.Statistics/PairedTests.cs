namespace Pilothouse.Statistics;

/// <summary>McNemar's test of a paired 2x2 table: all forms, and the one that the rule chooses.</summary>
/// <param name="OnlyFirst">b: items only the first has right.</param>
/// <param name="OnlySecond">c: items only the second has right.</param>
/// <param name="ExactP">Two-sided exact binomial p.</param>
/// <param name="MidP">Mid-p (Fagerland 2013): exact minus the probability of the observed split.</param>
/// <param name="Chi2">(b - c)^2 / (b + c); NaN without discordant items.</param>
/// <param name="Chi2P">p of Chi2 on one degree of freedom.</param>
/// <param name="Chi2Corrected">(|b - c| - 1)^2 / (b + c).</param>
/// <param name="Chi2CorrectedP">p of Chi2Corrected.</param>
public sealed record McNemarResult(
    long OnlyFirst, long OnlySecond, double ExactP, double MidP, double Chi2, double Chi2P, double Chi2Corrected, double Chi2CorrectedP)
{
    /// <summary>Exact when b + c &lt; 25, else chi-squared.</summary>
    public TestResult Chosen => OnlyFirst + OnlySecond < 25
        ? new TestResult(double.NaN, ExactP, double.NaN, "McNemar exact")
        : new TestResult(Chi2, Chi2P, 1, "McNemar chi-squared");
}

/// <summary>Paired t test.</summary>
/// <param name="MeanDifference">Mean of first - second.</param>
/// <param name="StandardError">s / sqrt(n).</param>
/// <param name="T">MeanDifference / StandardError; NaN for 0/0.</param>
/// <param name="DegreesOfFreedom">n - 1.</param>
/// <param name="PTwoSided">p of a difference either way.</param>
/// <param name="PGreater">p of first &gt; second.</param>
/// <param name="PLess">p of first &lt; second.</param>
public sealed record PairedTResult(
    double MeanDifference, double StandardError, double T, int DegreesOfFreedom, double PTwoSided, double PGreater, double PLess);

/// <summary>Tests for two systems scored on the same items.</summary>
public static class PairedTests
{
    /// <summary>McNemar's test from the numbers of discordant items.</summary>
    public static McNemarResult McNemar(long onlyFirst, long onlySecond)
    {
        long n = onlyFirst + onlySecond, least = Math.Min(onlyFirst, onlySecond);
        if (least < 0) throw new ArgumentOutOfRangeException(nameof(onlyFirst), "Counts must not be negative.");
        if (n == 0) return new McNemarResult(0, 0, 1, 1, double.NaN, 1, double.NaN, 1);
        var twice = 2 * Binomial.Cdf(least, n, 0.5);
        double gap = Math.Abs(onlyFirst - onlySecond);
        double chi = gap * gap / n, corrected = (gap - 1) * (gap - 1) / n;
        return new McNemarResult(onlyFirst, onlySecond, Math.Min(1, twice), Math.Min(1, twice - Binomial.Pmf(least, n, 0.5)),
            chi, ChiSquared.UpperTail(chi, 1), corrected, ChiSquared.UpperTail(corrected, 1));
    }

    /// <summary>Paired t test of first - second.</summary>
    public static PairedTResult PairedT(ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        var differences = Differences(first, second);
        Check.NotEmpty(differences.Length, nameof(first));
        var (mean, variance) = Moments.MeanAndVariance(differences);
        var error = Math.Sqrt(variance / differences.Length);
        var (t, df) = (mean / error, differences.Length - 1);
        return new PairedTResult(mean, error, t, df, StudentT.TwoSided(t, df), StudentT.UpperTail(t, df), StudentT.Cdf(t, df));
    }

    /// <summary>
    /// Exact binomial test of k successes in n at p0; for p0 = 1/2 the sign test. Two-sided: the sum of all outcomes no likelier
    /// than the observed one.
    /// </summary>
    public static (double TwoSided, double Greater, double Less) BinomialTest(long successes, long trials, double p0 = 0.5)
    {
        Check.Counts(successes, trials);
        var observed = Binomial.Pmf(successes, trials, p0) * (1 + 1e-7);
        var sum = 0.0;
        for (long k = 0; k <= trials; k++)
        {
            var p = Binomial.Pmf(k, trials, p0);
            if (p <= observed) sum += p;
        }
        return (Math.Min(1, sum), Binomial.UpperTail(successes - 1, trials, p0), Binomial.Cdf(successes, trials, p0));
    }

    /// <summary>
    /// Wilcoxon signed-rank test, two-sided, statistic min(W+, W-), zeros dropped. Exact for at most 50 differences without ties or
    /// zeros, else the normal approximation with tie correction and without continuity correction.
    /// </summary>
    public static TestResult Wilcoxon(ReadOnlySpan<double> differences)
    {
        double[] kept = [.. differences.ToArray().Where(d => d != 0)];
        var n = kept.Length;
        if (n == 0) return new TestResult(0, 1, double.NaN, "Wilcoxon signed-rank (no differences)");
        var ranks = Ranks.Average(kept.Select(Math.Abs).ToArray(), out var ties);
        double plus = 0, minus = 0;
        for (var k = 0; k < n; k++)
        {
            if (kept[k] > 0) plus += ranks[k];
            else minus += ranks[k];
        }
        var statistic = Math.Min(plus, minus);
        if (n <= 50 && n == differences.Length && ties == 0)
            return new TestResult(statistic, ExactWilcoxon(n, (int)statistic), double.NaN, "Wilcoxon signed-rank exact");
        var variance = n * (n + 1.0) * (2.0 * n + 1) / 24 - ties / 48;
        var z = (statistic - n * (n + 1.0) / 4) / Math.Sqrt(variance);
        return new TestResult(statistic, Math.Min(1, 2 * Normal.Cdf(-Math.Abs(z))), double.NaN, "Wilcoxon signed-rank normal");
    }

    /// <summary>
    /// Sign-flip permutation test of a zero mean difference. Clusters flip as a whole. All 2^n flips up to 16 units, else `flips`
    /// random ones with p = (1 + hits) / (1 + flips).
    /// </summary>
    public static TestResult SignFlip(ReadOnlySpan<double> differences, IReadOnlyList<string>? clusters = null, int flips = 10_000, ulong seed = 20_240_601)
    {
        Check.NotEmpty(differences.Length, nameof(differences));
        var sums = clusters is null ? differences.ToArray() : ClusterRobust.Totals(differences, clusters).Sums;
        var observed = Math.Abs(sums.Sum());
        var limit = observed - 1e-12 * sums.Sum(Math.Abs);
        var mean = sums.Sum() / differences.Length;
        if (sums.Length <= 16)
        {
            var hits = 0;
            for (var mask = 0; mask < 1 << sums.Length; mask++)
            {
                var sum = 0.0;
                for (var k = 0; k < sums.Length; k++) sum += (mask >> k & 1) == 1 ? -sums[k] : sums[k];
                if (Math.Abs(sum) >= limit) hits++;
            }
            return new TestResult(mean, (double)hits / (1 << sums.Length), double.NaN, "sign-flip permutation exact");
        }
        var options = new BootstrapOptions(flips, seed);
        var above = Bootstrap.Resample(options, random => FlippedSum(sums, random)).Count(sum => Math.Abs(sum) >= limit);
        return new TestResult(mean, (1.0 + above) / (1 + flips), double.NaN, "sign-flip permutation");
    }

    /// <summary>Cochran's Q for k systems on the same items (rows = items, entries true = right).</summary>
    public static TestResult CochranQ(IReadOnlyList<IReadOnlyList<bool>> table)
    {
        var k = table[0].Count;
        double[] columns = new double[k];
        double rowSum = 0, rowSquares = 0;
        foreach (var row in table)
        {
            double right = 0;
            for (var j = 0; j < k; j++)
            {
                if (!row[j]) continue;
                columns[j]++;
                right++;
            }
            rowSum += right;
            rowSquares += right * right;
        }
        var q = (k - 1) * (k * columns.Sum(c => c * c) - rowSum * rowSum) / (k * rowSum - rowSquares);
        return new TestResult(q, ChiSquared.UpperTail(q, k - 1), k - 1, "Cochran Q");
    }

    internal static double[] Differences(ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        Check.SameLength(first.Length, second.Length);
        Check.Finite(first, nameof(first));
        Check.Finite(second, nameof(second));
        var differences = new double[first.Length];
        for (var k = 0; k < first.Length; k++) differences[k] = first[k] - second[k];
        return differences;
    }

    private static double FlippedSum(double[] sums, Xoshiro256 random)
    {
        var total = 0.0;
        ulong bits = 0;
        for (var k = 0; k < sums.Length; k++)
        {
            if ((k & 63) == 0) bits = random.NextUInt64();
            total += (bits >> (k & 63) & 1) == 1 ? -sums[k] : sums[k];
        }
        return total;
    }

    /// <summary>P by counting subsets of ranks 1..n with each sum.</summary>
    private static double ExactWilcoxon(int n, int statistic)
    {
        var ways = new double[n * (n + 1) / 2 + 1];
        ways[0] = 1;
        for (var rank = 1; rank <= n; rank++)
            for (var sum = ways.Length - 1; sum >= rank; sum--) ways[sum] += ways[sum - rank];
        var below = 0.0;
        for (var sum = 0; sum <= statistic; sum++) below += ways[sum];
        return Math.Min(1, 2 * below / Math.Pow(2, n));
    }
}
