using static Pilothouse.Statistics.SpecialFunctions;

namespace Pilothouse.Statistics;

/// <summary>Standard normal distribution.</summary>
public static class Normal
{
    private const double SqrtTwo = 1.41421356237309504880;

    /// <summary>Density at x.</summary>
    public static double Pdf(double x) => Math.Exp(-0.5 * x * x) / Math.Sqrt(2 * Math.PI);

    /// <summary>P(Z &lt;= x).</summary>
    public static double Cdf(double x) => 0.5 * Erfc(-x / SqrtTwo);

    /// <summary>P(Z &gt; x), accurate in the far tail.</summary>
    public static double UpperTail(double x) => Cdf(-x);

    /// <summary>ln P(Z &lt;= x), finite far beyond the underflow of the probability itself.</summary>
    public static double LogCdf(double x) => x switch
    {
        < -3 => -0.5 * x * x + Math.Log(0.5 * ScaledErfc(-x / SqrtTwo)),
        > 0 => double.LogP1(-Cdf(-x)),
        _ => Math.Log(Cdf(x)),
    };

    /// <summary>x with P(Z &lt;= x) = p, 0 &lt;= p &lt;= 1 (infinite at the ends).</summary>
    public static double Quantile(double p)
    {
        if (double.IsNaN(p) || p is < 0 or > 1) return double.NaN;
        if (p == 0.5) return 0;
        if (p > 0.5) return -Quantile(1 - p);
        if (p == 0) return double.NegativeInfinity;
        // Newton on ln Phi, which is concave: from the crude tail -sqrt(-2 ln p) it converges without overshoot.
        var target = Math.Log(p);
        var x = p < 0.02 ? -Math.Sqrt(-2 * target) : (p - 0.5) * 2.5;
        for (var k = 0; k < 60; k++)
        {
            var log = LogCdf(x);
            var step = (log - target) * Math.Exp(log + 0.5 * x * x) * Math.Sqrt(2 * Math.PI);
            x -= step;
            if (Math.Abs(step) < 1e-15 * (1 + Math.Abs(x))) break;
        }
        return x;
    }
}

/// <summary>Student's t distribution; the degrees of freedom are any positive number.</summary>
public static class StudentT
{
    /// <summary>P(T &lt;= t).</summary>
    public static double Cdf(double t, double degreesOfFreedom)
    {
        if (double.IsNaN(t)) return double.NaN;
        if (double.IsInfinity(t)) return t > 0 ? 1 : 0;
        var square = t * t;
        var scale = degreesOfFreedom + square;
        var both = IncompleteBeta(degreesOfFreedom / 2, 0.5, degreesOfFreedom / scale, square / scale).Lower;
        return t <= 0 ? 0.5 * both : 1 - 0.5 * both;
    }

    /// <summary>P(T &gt; t).</summary>
    public static double UpperTail(double t, double degreesOfFreedom) => Cdf(-t, degreesOfFreedom);

    /// <summary>P(|T| &gt;= |t|).</summary>
    public static double TwoSided(double t, double degreesOfFreedom) => Math.Min(1, 2 * Cdf(-Math.Abs(t), degreesOfFreedom));

    /// <summary>t with P(T &lt;= t) = p.</summary>
    public static double Quantile(double p, double degreesOfFreedom)
    {
        if (p > 0.5) return -Quantile(1 - p, degreesOfFreedom);
        if (p == 0.5) return 0;
        if (p == 0) return double.NegativeInfinity;
        // 2p = I_x(df/2, 1/2) with x = df / (df + t^2), so t = -sqrt(df (1-x)/x)
        var logit = Quantiles.BetaLogit(2 * p, 1 - 2 * p, degreesOfFreedom / 2, 0.5);
        return -Math.Sqrt(degreesOfFreedom) * Math.Exp(-logit / 2);
    }
}

/// <summary>Beta distribution on [0, 1].</summary>
public static class Beta
{
    /// <summary>P(X &lt;= x).</summary>
    public static double Cdf(double x, double a, double b) => IncompleteBeta(a, b, x, 1 - x).Lower;

    /// <summary>P(X &gt; x).</summary>
    public static double UpperTail(double x, double a, double b) => IncompleteBeta(a, b, x, 1 - x).Upper;

    /// <summary>x with P(X &lt;= x) = p.</summary>
    public static double Quantile(double p, double a, double b) => p switch
    {
        0 => 0,
        1 => 1,
        _ => 1 / (1 + Math.Exp(-Quantiles.BetaLogit(p, 1 - p, a, b))),
    };
}

/// <summary>Gamma distribution with shape a and unit scale.</summary>
public static class Gamma
{
    /// <summary>P(X &lt;= x).</summary>
    public static double Cdf(double x, double shape) => GammaP(shape, x);

    /// <summary>P(X &gt; x).</summary>
    public static double UpperTail(double x, double shape) => GammaQ(shape, x);

    /// <summary>x with P(X &lt;= x) = p.</summary>
    public static double Quantile(double p, double shape) => p switch
    {
        0 => 0,
        1 => double.PositiveInfinity,
        _ => Math.Exp(Quantiles.GammaLog(p, 1 - p, shape)),
    };
}

/// <summary>Chi-squared distribution.</summary>
public static class ChiSquared
{
    /// <summary>P(X &lt;= x).</summary>
    public static double Cdf(double x, double degreesOfFreedom) => GammaP(degreesOfFreedom / 2, x / 2);

    /// <summary>P(X &gt; x): the p-value of a chi-squared statistic.</summary>
    public static double UpperTail(double x, double degreesOfFreedom) => GammaQ(degreesOfFreedom / 2, x / 2);

    /// <summary>x with P(X &lt;= x) = p.</summary>
    public static double Quantile(double p, double degreesOfFreedom) => 2 * Gamma.Quantile(p, degreesOfFreedom / 2);
}

/// <summary>Fisher's F distribution.</summary>
public static class FisherF
{
    /// <summary>P(X &lt;= x).</summary>
    public static double Cdf(double x, double df1, double df2) => Tails(x, df1, df2).Lower;

    /// <summary>P(X &gt; x).</summary>
    public static double UpperTail(double x, double df1, double df2) => Tails(x, df1, df2).Upper;

    /// <summary>x with P(X &lt;= x) = p.</summary>
    public static double Quantile(double p, double df1, double df2) => p switch
    {
        0 => 0,
        1 => double.PositiveInfinity,
        _ => df2 / df1 * Math.Exp(Quantiles.BetaLogit(p, 1 - p, df1 / 2, df2 / 2)),
    };

    private static (double Lower, double Upper, double Slope) Tails(double x, double df1, double df2)
    {
        var scale = df1 * x + df2;
        return IncompleteBeta(df1 / 2, df2 / 2, df1 * x / scale, df2 / scale);
    }
}

/// <summary>Binomial distribution: number of successes in n trials.</summary>
public static class Binomial
{
    /// <summary>P(X = k).</summary>
    public static double Pmf(long k, long n, double p)
    {
        if (k < 0 || k > n) return 0;
        if (p == 0) return k == 0 ? 1 : 0;
        if (p == 1) return k == n ? 1 : 0;
        return Math.Exp(LogBinomial(k, n - k, p, 1 - p));
    }

    /// <summary>P(X &lt;= k).</summary>
    public static double Cdf(long k, long n, double p) =>
        k < 0 ? 0 : k >= n ? 1 : IncompleteBeta(k + 1, n - k, p, 1 - p).Upper;

    /// <summary>P(X &gt; k).</summary>
    public static double UpperTail(long k, long n, double p) =>
        k < 0 ? 1 : k >= n ? 0 : IncompleteBeta(k + 1, n - k, p, 1 - p).Lower;
}
