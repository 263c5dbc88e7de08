namespace Pilothouse.Statistics;

/// <summary>Count, mean, variance, skewness, kurtosis, extremes: one pass, mergeable, stable (Chan et al.; Pébay 2008).</summary>
public sealed class Moments
{
    private double _m2, _m3, _m4;

    /// <summary>Number of values.</summary>
    public long Count { get; private set; }

    /// <summary>Arithmetic mean, NaN without values.</summary>
    public double Mean { get; private set; } = double.NaN;

    /// <summary>Smallest value, NaN without values.</summary>
    public double Min { get; private set; } = double.NaN;

    /// <summary>Largest value, NaN without values.</summary>
    public double Max { get; private set; } = double.NaN;

    /// <summary>Sample variance (n - 1); NaN below two values.</summary>
    public double Variance => Count < 2 ? double.NaN : _m2 / (Count - 1);

    /// <summary>Skewness m3 / m2^1.5 (biased); NaN when all values are equal.</summary>
    public double Skewness => _m2 == 0 ? double.NaN : Math.Sqrt(Count) * _m3 / Math.Pow(_m2, 1.5);

    /// <summary>Excess kurtosis m4 / m2^2 - 3 (biased); NaN when all values are equal.</summary>
    public double ExcessKurtosis => _m2 == 0 ? double.NaN : Count * _m4 / (_m2 * _m2) - 3;

    /// <summary>Adds one finite value.</summary>
    public void Add(double value)
    {
        var other = new Moments { Count = 1, Mean = value, Min = value, Max = value };
        Merge(other);
    }

    /// <summary>Adds all that the other has seen.</summary>
    public void Merge(Moments other)
    {
        if (other.Count == 0) return;
        if (Count == 0)
        {
            (Count, Mean, Min, Max, _m2, _m3, _m4) = (other.Count, other.Mean, other.Min, other.Max, other._m2, other._m3, other._m4);
            return;
        }
        double a = Count, b = other.Count, n = a + b;
        var d = other.Mean - Mean;
        var m4 = _m4 + other._m4 + d * d * d * d * a * b * (a * a - a * b + b * b) / (n * n * n)
            + 6 * d * d * (a * a * other._m2 + b * b * _m2) / (n * n) + 4 * d * (a * other._m3 - b * _m3) / n;
        var m3 = _m3 + other._m3 + d * d * d * a * b * (a - b) / (n * n) + 3 * d * (a * other._m2 - b * _m2) / n;
        _m2 += other._m2 + d * d * a * b / n;
        (_m3, _m4) = (m3, m4);
        Mean += d * b / n;
        Count += other.Count;
        Min = Math.Min(Min, other.Min);
        Max = Math.Max(Max, other.Max);
    }

    /// <summary>Mean and sample variance (n - 1; NaN for one value), in two passes.</summary>
    internal static (double Mean, double Variance) MeanAndVariance(ReadOnlySpan<double> values)
    {
        var sum = 0.0;
        foreach (var value in values) sum += value;
        var mean = sum / values.Length;
        // Equal values must give exactly zero: 0.1 + 0.1 + 0.1 over 3 is not 0.1.
        if (values.IndexOfAnyExcept(values[0]) < 0) return (values[0], values.Length < 2 ? double.NaN : 0);
        var squares = 0.0;
        foreach (var value in values) squares += (value - mean) * (value - mean);
        return (mean, values.Length < 2 ? double.NaN : squares / (values.Length - 1));
    }

    /// <summary>Quantile by linear interpolation (type 7 of Hyndman and Fan, numpy's default) of values sorted upwards.</summary>
    public static double SortedQuantile(ReadOnlySpan<double> sorted, double probability)
    {
        Check.NotEmpty(sorted.Length, nameof(sorted));
        var position = probability * (sorted.Length - 1);
        var below = (int)Math.Floor(position);
        if (below >= sorted.Length - 1) return sorted[^1];
        // As numpy's lerp: from the nearer end, so that quantiles never run backwards.
        var t = position - below;
        double a = sorted[below], b = sorted[below + 1];
        return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
    }
}
