namespace Pilothouse.Statistics;

/// <summary>
/// Looking at data before all of it is there, without paying for it in false verdicts: one-sided group-sequential bounds by error spending
/// (Lan and DeMets 1983) with the O'Brien-Fleming type function alpha(t) = 2 (1 - Phi(z(alpha / 2) / sqrt(t))), which spends almost nothing early.
/// </summary>
public static class GroupSequential
{
    /// <summary>Points of the density's grid (odd, for Simpson's rule).</summary>
    private const int Points = 401;

    /// <summary>Standard deviations beyond which the density is nothing.</summary>
    private const double Reach = 8;

    /// <summary>A level below this is no level: no finite bound has it.</summary>
    public const double LeastLevel = 1e-12;

    /// <summary>
    /// One-sided nominal level of each look: a p-value at or below it decides there. Over all looks together a true null hypothesis is rejected with
    /// probability alpha (normal scores with independent increments). 0 = the look can decide nothing.
    /// </summary>
    /// <param name="fractions">Share of the information at each look, ascending, the last one 1.</param>
    /// <param name="alpha">One-sided error of all looks together.</param>
    public static double[] Levels(ReadOnlySpan<double> fractions, double alpha)
    {
        if (!(alpha is > 0 and < 0.5)) throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "alpha must lie between 0 and 0.5.");
        var levels = new double[fractions.Length];
        double[] at = [0], density = [1];
        double before = 0, spent = 0;
        for (var k = 0; k < fractions.Length; k++)
        {
            var t = fractions[k];
            if (!(t > before && t <= 1)) throw new ArgumentOutOfRangeException(nameof(fractions), t, "The shares must ascend, above 0 and at most 1.");
            var spend = t == 1 ? alpha : 2 * Normal.UpperTail(Normal.Quantile(1 - alpha / 2) / Math.Sqrt(t));
            var step = Math.Sqrt(t - before);
            var more = spend - spent;
            var bound = more < LeastLevel ? double.PositiveInfinity : Bound(at, density, step, more, Reach * Math.Sqrt(t));
            if (!double.IsPositiveInfinity(bound)) spent = spend;
            levels[k] = double.IsPositiveInfinity(bound) ? 0 : Normal.UpperTail(bound / Math.Sqrt(t));
            (at, density) = Continue(at, density, step, -Reach * Math.Sqrt(t), Math.Min(bound, Reach * Math.Sqrt(t)));
            before = t;
        }
        return levels;
    }

    /// <summary>Probability that the last look still rejects, if what was seen so far goes on (current trend).</summary>
    /// <param name="z">Normal score of the look.</param>
    /// <param name="fraction">Share of the information at the look, below 1.</param>
    /// <param name="lastLevel">One-sided nominal level of the last look.</param>
    public static double ConditionalPower(double z, double fraction, double lastLevel)
    {
        var left = 1 - fraction;
        var drift = z / Math.Sqrt(fraction);
        return Normal.UpperTail((Normal.Quantile(1 - lastLevel) - z * Math.Sqrt(fraction) - drift * left) / Math.Sqrt(left));
    }

    /// <summary>The bound on the score sqrt(t) z beyond which exactly this much probability lies.</summary>
    private static double Bound(double[] at, double[] density, double step, double probability, double most)
    {
        double low = -most, high = most;
        for (var k = 0; k < 60; k++)
        {
            var middle = 0.5 * (low + high);
            if (Beyond(at, density, step, middle) > probability) low = middle;
            else high = middle;
        }
        return high;
    }

    private static double Beyond(double[] at, double[] density, double step, double bound) => Integrate(at, density, u => Normal.UpperTail((bound - u) / step));

    /// <summary>Density of the score at this look among the paths that no bound has stopped.</summary>
    private static (double[] At, double[] Density) Continue(double[] at, double[] density, double step, double least, double most)
    {
        var (next, values) = (new double[Points], new double[Points]);
        for (var k = 0; k < Points; k++)
        {
            var b = next[k] = least + (most - least) * k / (Points - 1);
            values[k] = Integrate(at, density, u => Math.Exp(-0.5 * (b - u) * (b - u) / (step * step)) / (step * Math.Sqrt(2 * Math.PI)));
        }
        return (next, values);
    }

    private static double Integrate(double[] at, double[] density, Func<double, double> with)
    {
        if (at.Length == 1) return with(at[0]);
        var width = (at[^1] - at[0]) / (at.Length - 1);
        var sum = 0.0;
        for (var k = 0; k < at.Length; k++) sum += (k == 0 || k == at.Length - 1 ? 1 : k % 2 == 1 ? 4 : 2) * density[k] * with(at[k]);
        return sum * width / 3;
    }
}
