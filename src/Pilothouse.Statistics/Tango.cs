namespace Pilothouse.Statistics;

/// <summary>
/// Tango's score test and interval for the difference of two proportions on the same items (Statistics in Medicine 1998, 17:891-908):
/// the usual choice for non-inferiority of paired right/wrong scores, sound with few or no discordant items.
/// </summary>
public static class Tango
{
    /// <summary>Interval of first - second.</summary>
    /// <param name="onlyFirst">Items only the first has right.</param>
    /// <param name="onlySecond">Items only the second has right.</param>
    /// <param name="items">All items.</param>
    /// <param name="confidence">For example 0.95.</param>
    /// <param name="side">Which ends count.</param>
    public static Estimate Interval(long onlyFirst, long onlySecond, long items, double confidence = 0.95, Side side = Side.TwoSided)
    {
        Check.Counts(onlyFirst + onlySecond, items);
        var z = Normal.Quantile(1 - Check.TailAlpha(confidence, side));
        var (lower, upper) = Limits(onlyFirst, onlySecond, items, z);
        return new Estimate((double)(onlyFirst - onlySecond) / items, Intervals.OneSided(lower, upper, -1, 1, confidence, side), "Tango score");
    }

    /// <summary>Score statistic of the hypothesis first - second = difference: standard normal under it, large when the data are above.</summary>
    public static double Score(double onlyFirst, double onlySecond, double items, double difference)
    {
        // Restricted maximum likelihood of P(only second right): the larger root of A q^2 + B q + C
        var a = 2 * items;
        var b = -onlyFirst - onlySecond + (2 * items - onlyFirst + onlySecond) * difference;
        var c = -onlySecond * difference * (1 - difference);
        var q = (Math.Sqrt(Math.Max(0, b * b - 4 * a * c)) - b) / (2 * a);
        var variance = items * (2 * q + difference * (1 - difference));
        var gap = onlyFirst - onlySecond - items * difference;
        if (Math.Abs(gap) <= 1e-13 * items) return 0;
        return variance <= 0 ? Math.Sign(gap) * double.PositiveInfinity : gap / Math.Sqrt(variance);
    }

    /// <summary>Limits where the score is +z and -z; counts may be fractional (effective sample sizes).</summary>
    internal static (double Lower, double Upper) Limits(double onlyFirst, double onlySecond, double items, double z)
    {
        var value = (onlyFirst - onlySecond) / items;
        return (Solve(-1, value, z), Solve(value, 1, -z));

        double Solve(double low, double high, double target)
        {
            // The score falls with the difference.
            for (var k = 0; k < 200 && high - low > 1e-15; k++)
            {
                var middle = 0.5 * (low + high);
                if (middle == low || middle == high) break;
                if (Score(onlyFirst, onlySecond, items, middle) > target) low = middle;
                else high = middle;
            }
            return 0.5 * (low + high);
        }
    }
}
