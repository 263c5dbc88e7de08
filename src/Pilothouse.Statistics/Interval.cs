namespace Pilothouse.Statistics;

/// <summary>Which ends of an interval are wanted.</summary>
public enum Side
{
    /// <summary>Both ends; the error probability is split in two halves.</summary>
    TwoSided,

    /// <summary>Only the lower bound counts and has the whole error probability; the upper end is the natural limit.</summary>
    Lower,

    /// <summary>Only the upper bound counts and has the whole error probability; the lower end is the natural limit.</summary>
    Upper,
}

/// <summary>An interval with its coverage probability.</summary>
/// <param name="Lower">Lower end (may be -Infinity).</param>
/// <param name="Upper">Upper end (may be Infinity).</param>
/// <param name="Confidence">Probability that the method covers the truth, for example 0.95.</param>
public readonly record struct Interval(double Lower, double Upper, double Confidence)
{
    /// <summary>Upper - Lower.</summary>
    public double Width => Upper - Lower;

    /// <summary>True when Lower &lt;= value &lt;= Upper.</summary>
    public bool Contains(double value) => value >= Lower && value <= Upper;

    /// <summary>Confidence of the two-sided interval made of two one-sided bounds: 2c - 1, 0.9 for 0.95.</summary>
    internal static double OfBounds(double oneSided) => Math.Max(0, Math.Round(2 * oneSided - 1, 12));

    /// <summary>The interval of an estimate that cannot be given an uncertainty (one item, one cluster).</summary>
    public static Interval Unknown(double confidence) => new(double.NaN, double.NaN, confidence);
}

/// <summary>A point estimate, its interval and the name of the method that made it, as shown in reports.</summary>
public sealed record Estimate(double Value, Interval Interval, string Method);

/// <summary>Result of a significance test.</summary>
/// <param name="Statistic">Test statistic; NaN where the test has none.</param>
/// <param name="PValue">p-value in [0, 1].</param>
/// <param name="DegreesOfFreedom">Degrees of freedom, NaN where the test has none.</param>
/// <param name="Method">Name of the method, as shown in reports.</param>
public sealed record TestResult(double Statistic, double PValue, double DegreesOfFreedom, string Method);

internal static class Check
{
    public static void Confidence(double confidence)
    {
        if (!(confidence > 0 && confidence < 1))
            throw new ArgumentOutOfRangeException(nameof(confidence), confidence, "Confidence must lie between 0 and 1, for example 0.95.");
    }

    public static void Counts(long successes, long trials)
    {
        if (trials <= 0 || successes < 0 || successes > trials)
            throw new ArgumentOutOfRangeException(nameof(successes), $"{successes} of {trials}: need 0 <= successes <= trials and trials > 0.");
    }

    public static void SameLength(int left, int right)
    {
        if (left != right) throw new ArgumentException($"Paired samples need the same length, got {left} and {right}.");
    }

    public static void NotEmpty(int length, string name)
    {
        if (length == 0) throw new ArgumentException("At least one value is needed.", name);
    }

    public static void Finite(ReadOnlySpan<double> values, string name)
    {
        foreach (var value in values)
            if (!double.IsFinite(value)) throw new ArgumentException($"Values must be finite, got {value}.", name);
    }

    /// <summary>Error probability of each end that counts.</summary>
    public static double TailAlpha(double confidence, Side side)
    {
        Confidence(confidence);
        return side == Side.TwoSided ? (1 - confidence) / 2 : 1 - confidence;
    }
}
