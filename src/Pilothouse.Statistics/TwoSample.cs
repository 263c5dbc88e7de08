namespace Pilothouse.Statistics;

/// <summary>Student's and Welch's t test of two independent samples.</summary>
public sealed record TwoSampleT(double StudentT, double StudentP, double WelchT, double WelchDegreesOfFreedom, double WelchP);

/// <summary>Mann-Whitney test: U of the first sample, U / (n m) and p-values.</summary>
/// <param name="U">Pairs in which the first sample is larger, ties count one half.</param>
/// <param name="Auc">U / (n m).</param>
/// <param name="P">Two-sided normal p with tie and continuity correction.</param>
/// <param name="PWithoutContinuity">The same without continuity correction.</param>
/// <param name="PGreater">One-sided p of "the first is larger", with continuity correction.</param>
/// <param name="ExactP">Two-sided exact p; NaN with ties or when n m is above 10,000.</param>
public sealed record MannWhitneyResult(double U, double Auc, double P, double PWithoutContinuity, double PGreater, double ExactP);

/// <summary>Tests of two independent numeric samples (drift of a feature, latency, length, score). For KS see <see cref="KolmogorovSmirnov"/>.</summary>
public static class TwoSample
{
    /// <summary>t tests with equal and with unequal variances, two-sided.</summary>
    public static TwoSampleT T(ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        var (m1, v1) = Moments.MeanAndVariance(first);
        var (m2, v2) = Moments.MeanAndVariance(second);
        double n1 = first.Length, n2 = second.Length, df = n1 + n2 - 2;
        var pooled = ((n1 - 1) * v1 + (n2 - 1) * v2) / df;
        var student = (m1 - m2) / Math.Sqrt(pooled * (1 / n1 + 1 / n2));
        var (error, welchDf) = Welch(v1, n1, v2, n2);
        var welch = (m1 - m2) / error;
        return new TwoSampleT(student, StudentT.TwoSided(student, df), welch, welchDf, StudentT.TwoSided(welch, welchDf));
    }

    /// <summary>Welch's t interval of mean(first) - mean(second); unknown when either has one value.</summary>
    public static Estimate WelchInterval(ReadOnlySpan<double> first, ReadOnlySpan<double> second, double confidence = 0.95, Side side = Side.TwoSided)
    {
        Check.NotEmpty(first.Length, nameof(first));
        Check.NotEmpty(second.Length, nameof(second));
        var (m1, v1) = Moments.MeanAndVariance(first);
        var (m2, v2) = Moments.MeanAndVariance(second);
        var (error, df) = Welch(v1, first.Length, v2, second.Length);
        if (error == 0) df = Math.Max(1, first.Length + second.Length - 2);
        return Intervals.Mean(m1 - m2, error, df, Check.TailAlpha(confidence, side), confidence, side, "Welch t");
    }

    /// <summary>Mann-Whitney U test.</summary>
    public static MannWhitneyResult MannWhitney(ReadOnlySpan<double> first, ReadOnlySpan<double> second)
    {
        int n = first.Length, m = second.Length;
        var ranks = Ranks.Average([.. first, .. second], out var ties);
        var u = ranks.Take(n).Sum() - n * (n + 1.0) / 2;
        double pairs = (double)n * m, total = n + m;
        var deviation = Math.Sqrt(pairs / 12 * (total + 1 - ties / (total * (total - 1))));
        // All values equal: no evidence at all.
        double Tail(double statistic, double continuity) => deviation == 0 ? 1 : Normal.UpperTail((statistic - pairs / 2 - continuity) / deviation);
        var larger = Math.Max(u, pairs - u);
        var exact = ties == 0 && pairs <= 10_000 ? ExactMannWhitney(n, m, (int)(pairs - larger)) : double.NaN;
        return new MannWhitneyResult(u, u / pairs, Math.Min(1, 2 * Tail(larger, 0.5)), Math.Min(1, 2 * Tail(larger, 0)), Tail(u, 0.5), exact);
    }

    /// <summary>First Wasserstein distance of two samples, in the unit of the values.</summary>
    public static double Wasserstein(ReadOnlySpan<double> first, ReadOnlySpan<double> second) => CdfIntegral(first, second, Math.Abs);

    /// <summary>Wasserstein distance divided by the standard deviation (n) of the first sample, at least 0.001: Evidently's drift score.</summary>
    public static double NormalisedWasserstein(ReadOnlySpan<double> reference, ReadOnlySpan<double> current)
    {
        var (_, variance) = Moments.MeanAndVariance(reference);
        var deviation = reference.Length < 2 ? 0 : Math.Sqrt(variance * (reference.Length - 1) / reference.Length);
        return Wasserstein(reference, current) / Math.Max(deviation, 0.001);
    }

    /// <summary>Energy distance sqrt(2 E|X-Y| - E|X-X'| - E|Y-Y'|).</summary>
    public static double EnergyDistance(ReadOnlySpan<double> first, ReadOnlySpan<double> second) =>
        Math.Sqrt(2 * CdfIntegral(first, second, d => d * d));

    /// <summary>Integral over the line of f(F1 - F2).</summary>
    private static double CdfIntegral(ReadOnlySpan<double> first, ReadOnlySpan<double> second, Func<double, double> f)
    {
        Check.NotEmpty(first.Length, nameof(first));
        Check.NotEmpty(second.Length, nameof(second));
        double[] a = first.ToArray(), b = second.ToArray(), all = [.. first, .. second];
        Array.Sort(a);
        Array.Sort(b);
        Array.Sort(all);
        int i = 0, j = 0;
        var sum = 0.0;
        for (var k = 0; k + 1 < all.Length; k++)
        {
            while (i < a.Length && a[i] <= all[k]) i++;
            while (j < b.Length && b[j] <= all[k]) j++;
            sum += f((double)i / a.Length - (double)j / b.Length) * (all[k + 1] - all[k]);
        }
        return sum;
    }

    private static (double Error, double DegreesOfFreedom) Welch(double v1, double n1, double v2, double n2)
    {
        double e1 = v1 / n1, e2 = v2 / n2;
        return (Math.Sqrt(e1 + e2), (e1 + e2) * (e1 + e2) / (e1 * e1 / (n1 - 1) + e2 * e2 / (n2 - 1)));
    }

    /// <summary>Two-sided p: twice the probability of at most `u` among all orders, by counting.</summary>
    private static double ExactMannWhitney(int n, int m, int u)
    {
        // ways[j][s]: orders of i firsts and j seconds with statistic s, relative frequencies to stay in range
        var share = new double[m + 1][];
        for (var j = 0; j <= m; j++) share[j] = [1.0];
        for (var i = 1; i <= n; i++)
        {
            var next = new double[m + 1][];
            next[0] = [1.0];
            for (var j = 1; j <= m; j++)
            {
                // The last of the order is a first (then it beats all j seconds) or a second.
                var row = new double[i * j + 1];
                double pFirst = (double)i / (i + j);
                for (var s = 0; s < share[j].Length; s++) row[s + j] += pFirst * share[j][s];
                for (var s = 0; s < next[j - 1].Length; s++) row[s] += (1 - pFirst) * next[j - 1][s];
                next[j] = row;
            }
            share = next;
        }
        return Math.Min(1, 2 * share[m].Take(u + 1).Sum());
    }
}
