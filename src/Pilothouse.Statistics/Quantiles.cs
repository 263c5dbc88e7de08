using static Pilothouse.Statistics.SpecialFunctions;

namespace Pilothouse.Statistics;

/// <summary>
/// Inverts distribution functions by Newton on the logarithm of the smaller tail, in the coordinate where that logarithm is nearly
/// straight (logit for beta, ln x for gamma), with a bracket that bisects whenever Newton would leave it.
/// </summary>
internal static class Quantiles
{
    /// <summary>ln(x / (1-x)) of the beta quantile; the caller gives p and 1 - p so that neither tail is rounded away.</summary>
    public static double BetaLogit(double p, double q, double a, double b)
    {
        if (!IsLevel(p, q) || !(a > 0) || !(b > 0)) return double.NaN;
        return Invert(p, q, Math.Log(a / b), u => IncompleteBeta(a, b, 1 / (1 + Math.Exp(-u)), 1 / (1 + Math.Exp(u))));
    }

    /// <summary>ln x of the gamma quantile (unit scale).</summary>
    public static double GammaLog(double p, double q, double shape)
    {
        if (!IsLevel(p, q) || !(shape > 0)) return double.NaN;
        return Invert(p, q, Math.Log(shape), u => IncompleteGamma(shape, Math.Exp(u)));
    }

    private static bool IsLevel(double p, double q) => p is >= 0 and <= 1 && q is >= 0 and <= 1;

    private static double Invert(double p, double q, double start, Func<double, (double Lower, double Upper, double Slope)> tails)
    {
        double low = -5000, high = 700, u = start;
        for (var k = 0; k < 300; k++)
        {
            var (lower, upper, slope) = tails(u);
            // Rises with u and is 0 at the quantile, whichever tail is used.
            var (gap, rate) = p <= q ? (Math.Log(lower / p), slope / lower) : (Math.Log(q / upper), slope / upper);
            if (gap == 0) return u;
            if (gap > 0) high = u;
            else low = u;
            var next = u - gap / rate;
            if (!(next > low && next < high)) next = 0.5 * (low + high);
            if (Math.Abs(next - u) <= 1e-16 * Math.Max(1, Math.Abs(u))) return next;
            u = next;
        }
        return u;
    }
}
