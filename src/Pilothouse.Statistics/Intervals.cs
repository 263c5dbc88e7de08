namespace Pilothouse.Statistics;

/// <summary>
/// Confidence intervals of proportions, of their differences and of means. With <see cref="Side.Lower"/> or <see cref="Side.Upper"/>
/// the bound is one-sided at the given confidence and the other end is the natural limit (0, 1, -1 or infinite).
/// </summary>
public static class Intervals
{
    /// <summary>Wilson score interval of a proportion (Wilson 1927), without continuity correction: the default for rates.</summary>
    public static Estimate Wilson(long successes, long trials, double confidence = 0.95, Side side = Side.TwoSided)
    {
        Check.Counts(successes, trials);
        var (lower, upper) = WilsonLimits(successes, trials, Normal.Quantile(1 - Check.TailAlpha(confidence, side)));
        return Proportion(successes, trials, lower, upper, confidence, side, "Wilson score");
    }

    /// <summary>Exact Clopper-Pearson interval (1934): covers at least the stated confidence; for safety gates.</summary>
    public static Estimate ClopperPearson(long successes, long trials, double confidence = 0.95, Side side = Side.TwoSided)
    {
        Check.Counts(successes, trials);
        var alpha = Check.TailAlpha(confidence, side);
        var lower = successes == 0 ? 0 : Beta.Quantile(alpha, successes, trials - successes + 1);
        var upper = successes == trials ? 1 : Beta.Quantile(1 - alpha, successes + 1, trials - successes);
        return Proportion(successes, trials, lower, upper, confidence, side, "Clopper-Pearson exact");
    }

    /// <summary>Agresti-Coull interval (1998), clipped to [0, 1].</summary>
    public static Estimate AgrestiCoull(long successes, long trials, double confidence = 0.95, Side side = Side.TwoSided)
    {
        Check.Counts(successes, trials);
        var z = Normal.Quantile(1 - Check.TailAlpha(confidence, side));
        var n = trials + z * z;
        var center = (successes + z * z / 2) / n;
        var half = z * Math.Sqrt(center * (1 - center) / n);
        return Proportion(successes, trials, Math.Max(0, center - half), Math.Min(1, center + half), confidence, side, "Agresti-Coull");
    }

    /// <summary>Jeffreys interval: quantiles of Beta(k + 1/2, n - k + 1/2), without the correction at the ends.</summary>
    public static Estimate Jeffreys(long successes, long trials, double confidence = 0.95, Side side = Side.TwoSided)
    {
        Check.Counts(successes, trials);
        var alpha = Check.TailAlpha(confidence, side);
        double a = successes + 0.5, b = trials - successes + 0.5;
        return Proportion(successes, trials, Beta.Quantile(alpha, a, b), Beta.Quantile(1 - alpha, a, b), confidence, side, "Jeffreys");
    }

    /// <summary>Student t interval of a mean. One value has no interval (NaN ends); equal values give a point.</summary>
    public static Estimate MeanT(ReadOnlySpan<double> values, double confidence = 0.95, Side side = Side.TwoSided)
    {
        Check.NotEmpty(values.Length, nameof(values));
        var alpha = Check.TailAlpha(confidence, side);
        var (mean, variance) = Moments.MeanAndVariance(values);
        return Mean(mean, Math.Sqrt(variance / values.Length), values.Length - 1, alpha, confidence, side, "Student t");
    }

    /// <summary>Difference p1 - p2 of two independent proportions: Newcombe's hybrid score interval (1998, method 10).</summary>
    public static Estimate NewcombeIndependent(
        long successes1, long trials1, long successes2, long trials2, double confidence = 0.95, Side side = Side.TwoSided)
    {
        Check.Counts(successes1, trials1);
        Check.Counts(successes2, trials2);
        var z = Normal.Quantile(1 - Check.TailAlpha(confidence, side));
        double p1 = (double)successes1 / trials1, p2 = (double)successes2 / trials2;
        var (l1, u1) = WilsonLimits(successes1, trials1, z);
        var (l2, u2) = WilsonLimits(successes2, trials2, z);
        var lower = p1 - p2 - double.Hypot(p1 - l1, u2 - p2);
        var upper = p1 - p2 + double.Hypot(u1 - p1, p2 - l2);
        return new Estimate(p1 - p2, OneSided(lower, upper, -1, 1, confidence, side), "Newcombe independent");
    }

    /// <summary>
    /// Ratio p1 / p2 of two independent proportions from Wilson limits (Donner and Zou 2012, MOVER-R). The upper end is Infinity
    /// when p2 may be 0. NaN value when both are 0.
    /// </summary>
    public static Estimate RatioIndependent(
        long successes1, long trials1, long successes2, long trials2, double confidence = 0.95, Side side = Side.TwoSided)
    {
        Check.Counts(successes1, trials1);
        Check.Counts(successes2, trials2);
        var z = Normal.Quantile(1 - Check.TailAlpha(confidence, side));
        double p1 = (double)successes1 / trials1, p2 = (double)successes2 / trials2;
        var (l1, u1) = WilsonLimits(successes1, trials1, z);
        var (l2, u2) = WilsonLimits(successes2, trials2, z);
        var product = p1 * p2;
        var lower = (product - Root(product * product - l1 * u2 * (2 * p1 - l1) * (2 * p2 - u2))) / (u2 * (2 * p2 - u2));
        var upper = (product + Root(product * product - u1 * l2 * (2 * p1 - u1) * (2 * p2 - l2))) / (l2 * (2 * p2 - l2));
        if (successes1 == 0 || double.IsNaN(lower)) lower = 0;
        if (l2 <= 0 || double.IsNaN(upper)) upper = double.PositiveInfinity;
        return new Estimate(p1 / p2, OneSided(Math.Max(0, lower), upper, 0, double.PositiveInfinity, confidence, side), "MOVER-R with Wilson limits");
    }

    /// <summary>
    /// Difference p1 - p2 of two proportions on the same items: Newcombe's score interval with the phi correlation (Statistics in
    /// Medicine 17:2635-2650, method 10).
    /// </summary>
    /// <param name="both">Items where both succeed.</param>
    /// <param name="onlyFirst">Items where only the first succeeds.</param>
    /// <param name="onlySecond">Items where only the second succeeds.</param>
    /// <param name="neither">Items where both fail.</param>
    /// <param name="confidence">For example 0.95.</param>
    /// <param name="side">Which ends count.</param>
    /// <param name="continuityCorrected">Newcombe's correction of phi's numerator (his method 10); without it phi is the plain coefficient.</param>
    public static Estimate NewcombePaired(
        long both, long onlyFirst, long onlySecond, long neither, double confidence = 0.95, Side side = Side.TwoSided, bool continuityCorrected = true)
    {
        var n = both + onlyFirst + onlySecond + neither;
        Check.Counts(both, n);
        var z = Normal.Quantile(1 - Check.TailAlpha(confidence, side));
        double p1 = (double)(both + onlyFirst) / n, p2 = (double)(both + onlySecond) / n;
        var (l1, u1) = WilsonLimits(both + onlyFirst, n, z);
        var (l2, u2) = WilsonLimits(both + onlySecond, n, z);
        var phi = Phi(both, onlyFirst, onlySecond, neither, continuityCorrected);
        var difference = (double)(onlyFirst - onlySecond) / n;
        var lower = difference - Root(Square(p1 - l1) - 2 * phi * (p1 - l1) * (u2 - p2) + Square(u2 - p2));
        var upper = difference + Root(Square(u1 - p1) - 2 * phi * (u1 - p1) * (p2 - l2) + Square(p2 - l2));
        return new Estimate(difference, OneSided(lower, upper, -1, 1, confidence, side), "Newcombe paired");
    }

    /// <summary>Phi coefficient of a paired table as <see cref="NewcombePaired"/> uses it; 0 when a margin is empty.</summary>
    public static double Phi(long both, long onlyFirst, long onlySecond, long neither, bool continuityCorrected = true)
    {
        double e = both, f = onlyFirst, g = onlySecond, h = neither;
        var margins = (e + f) * (g + h) * (e + g) * (f + h);
        if (margins == 0) return 0;
        var numerator = e * h - f * g;
        if (continuityCorrected && numerator > 0) numerator = Math.Max(0, numerator - (e + f + g + h) / 2);
        return numerator / Math.Sqrt(margins);
    }

    /// <summary>Wilson limits for real counts (an effective sample size is rarely whole).</summary>
    internal static (double Lower, double Upper) WilsonLimits(double successes, double trials, double z)
    {
        var square = z * z;
        var p = successes / trials;
        var center = (successes + square / 2) / (trials + square);
        var half = z / (trials + square) * Math.Sqrt(trials * p * (1 - p) + square / 4);
        return (successes <= 0 ? 0 : Math.Max(0, center - half), successes >= trials ? 1 : Math.Min(1, center + half));
    }

    internal static Estimate Mean(double mean, double error, double df, double alpha, double confidence, Side side, string method)
    {
        if (!(df > 0)) return new Estimate(mean, Interval.Unknown(confidence), method);
        var half = error == 0 ? 0 : StudentT.Quantile(1 - alpha, df) * error;
        return new Estimate(mean, OneSided(mean - half, mean + half, double.NegativeInfinity, double.PositiveInfinity, confidence, side), method);
    }

    internal static Interval OneSided(double lower, double upper, double least, double most, double confidence, Side side) => new(
        side == Side.Upper ? least : lower, side == Side.Lower ? most : upper, confidence);

    private static Estimate Proportion(long k, long n, double lower, double upper, double confidence, Side side, string method) =>
        new((double)k / n, OneSided(lower, upper, 0, 1, confidence, side), method);

    private static double Square(double x) => x * x;

    private static double Root(double x) => Math.Sqrt(Math.Max(0, x));
}
