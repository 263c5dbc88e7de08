namespace Pilothouse.Statistics;

/// <summary>
/// Distances between two discrete distributions. Inputs are counts or weights, divided by their sums first; natural logarithms.
/// </summary>
public static class Divergences
{
    /// <summary>Kullback-Leibler divergence sum p ln(p/q); Infinity where p &gt; 0 = q.</summary>
    public static double KullbackLeibler(ReadOnlySpan<double> p, ReadOnlySpan<double> q)
    {
        var (a, b) = Normalised(p, q);
        var sum = 0.0;
        for (var k = 0; k < a.Length; k++) sum += Term(a[k], b[k]);
        return Math.Max(0, sum);
    }

    /// <summary>Jensen-Shannon divergence, 0 to ln 2.</summary>
    public static double JensenShannon(ReadOnlySpan<double> p, ReadOnlySpan<double> q)
    {
        var (a, b) = Normalised(p, q);
        var sum = 0.0;
        for (var k = 0; k < a.Length; k++)
        {
            var middle = (a[k] + b[k]) / 2;
            sum += Term(a[k], middle) + Term(b[k], middle);
        }
        return Math.Max(0, sum / 2);
    }

    /// <summary>Jensen-Shannon distance, the square root of the divergence; with base 2 between 0 and 1.</summary>
    public static double JensenShannonDistance(ReadOnlySpan<double> p, ReadOnlySpan<double> q, bool isBaseTwo = false) =>
        Math.Sqrt(JensenShannon(p, q) / (isBaseTwo ? Math.Log(2) : 1));

    /// <summary>Hellinger distance sqrt(1/2 sum (sqrt p - sqrt q)^2), 0 to 1.</summary>
    public static double Hellinger(ReadOnlySpan<double> p, ReadOnlySpan<double> q)
    {
        var (a, b) = Normalised(p, q);
        var sum = 0.0;
        for (var k = 0; k < a.Length; k++) sum += Math.Pow(Math.Sqrt(a[k]) - Math.Sqrt(b[k]), 2);
        return Math.Sqrt(sum / 2);
    }

    /// <summary>Total variation distance 1/2 sum |p - q|, 0 to 1.</summary>
    public static double TotalVariation(ReadOnlySpan<double> p, ReadOnlySpan<double> q)
    {
        var (a, b) = Normalised(p, q);
        var sum = 0.0;
        for (var k = 0; k < a.Length; k++) sum += Math.Abs(a[k] - b[k]);
        return sum / 2;
    }

    /// <summary>Largest |p - q|.</summary>
    public static double LargestDifference(ReadOnlySpan<double> p, ReadOnlySpan<double> q)
    {
        var (a, b) = Normalised(p, q);
        var largest = 0.0;
        for (var k = 0; k < a.Length; k++) largest = Math.Max(largest, Math.Abs(a[k] - b[k]));
        return largest;
    }

    /// <summary>Entropy -sum p ln p.</summary>
    public static double Entropy(ReadOnlySpan<double> p)
    {
        var sum = 0.0;
        foreach (var one in Normalised(p)) sum -= one == 0 ? 0 : one * Math.Log(one);
        return sum;
    }

    private static double Term(double p, double q) => p == 0 ? 0 : q == 0 ? double.PositiveInfinity : p * Math.Log(p / q);

    private static (double[] P, double[] Q) Normalised(ReadOnlySpan<double> p, ReadOnlySpan<double> q)
    {
        Check.SameLength(p.Length, q.Length);
        return (Normalised(p), Normalised(q));
    }

    private static double[] Normalised(ReadOnlySpan<double> p)
    {
        Check.NotEmpty(p.Length, nameof(p));
        var sum = 0.0;
        foreach (var one in p)
        {
            if (!(one >= 0) || double.IsInfinity(one)) throw new ArgumentException($"Weights must be finite and not negative, got {one}.", nameof(p));
            sum += one;
        }
        if (sum == 0) throw new ArgumentException("At least one weight must be positive.", nameof(p));
        var result = p.ToArray();
        for (var k = 0; k < result.Length; k++) result[k] /= sum;
        return result;
    }
}
