namespace Pilothouse.Statistics;

/// <summary>
/// Mergeable quantile sketch of non-negative values (latency, cost, length): any quantile within a relative error, after Masson, Rim,
/// Lee (DDSketch, VLDB 2019). Bins grow geometrically; at most <see cref="MaxBins"/> are kept, the lowest are merged when there would be
/// more (quantiles of the smallest values lose accuracy then, the high ones never). Not thread-safe.
/// </summary>
public sealed class QuantileSketch
{
    /// <summary>Most bins kept: with 1 % error 2,048 bins span 17 orders of magnitude.</summary>
    public const int MaxBins = 2048;

    /// <summary>Values below count as zero.</summary>
    public const double SmallestValue = 1e-9;

    private readonly SortedDictionary<int, long> _bins = [];
    private readonly double _logGamma;

    /// <summary>An empty sketch with a relative error between 0.0001 and 0.2, for example 0.01.</summary>
    public QuantileSketch(double relativeError = 0.01)
    {
        if (!(relativeError is >= 0.0001 and <= 0.2))
            throw new ArgumentOutOfRangeException(nameof(relativeError), relativeError, "The relative error must lie between 0.0001 and 0.2.");
        RelativeError = relativeError;
        _logGamma = Math.Log((1 + relativeError) / (1 - relativeError));
    }

    /// <summary>Relative error of every quantile.</summary>
    public double RelativeError { get; }

    /// <summary>Number of values.</summary>
    public long Count { get; private set; }

    /// <summary>Number of values that count as zero.</summary>
    public long Zeros { get; private set; }

    /// <summary>Sum of the values, exact.</summary>
    public double Sum { get; private set; }

    /// <summary>Smallest value, exact; NaN when empty.</summary>
    public double Min { get; private set; } = double.NaN;

    /// <summary>Largest value, exact; NaN when empty.</summary>
    public double Max { get; private set; } = double.NaN;

    /// <summary>Bins in use: index k holds values in (gamma^(k-1), gamma^k].</summary>
    public IReadOnlyDictionary<int, long> Bins => _bins;

    /// <summary>Adds a value `count` times.</summary>
    public void Add(double value, long count = 1)
    {
        if (!(value >= 0) || double.IsInfinity(value)) throw new ArgumentOutOfRangeException(nameof(value), value, "Values must be finite and not negative.");
        if (count <= 0) throw new ArgumentOutOfRangeException(nameof(count), count, "The count must be positive.");
        if (value < SmallestValue) Zeros += count;
        else AddToBin((int)Math.Ceiling(Math.Log(value) / _logGamma), count);
        Count += count;
        Sum += value * count;
        Min = double.IsNaN(Min) ? value : Math.Min(Min, value);
        Max = double.IsNaN(Max) ? value : Math.Max(Max, value);
    }

    /// <summary>Adds all values of another sketch of the same relative error.</summary>
    public void Merge(QuantileSketch other)
    {
        if (other.RelativeError != RelativeError) throw new ArgumentException("Only sketches of the same relative error can be merged.", nameof(other));
        if (other.Count == 0) return;
        foreach (var (index, count) in other._bins.ToArray()) AddToBin(index, count);
        Count += other.Count;
        Zeros += other.Zeros;
        Sum += other.Sum;
        Min = double.IsNaN(Min) ? other.Min : Math.Min(Min, other.Min);
        Max = double.IsNaN(Max) ? other.Max : Math.Max(Max, other.Max);
    }

    /// <summary>Quantile, 0 &lt;= q &lt;= 1: within RelativeError of the value at rank floor(q (n - 1)); NaN when empty.</summary>
    public double Quantile(double q)
    {
        if (!(q is >= 0 and <= 1)) throw new ArgumentOutOfRangeException(nameof(q), q, "A quantile lies between 0 and 1.");
        if (Count == 0) return double.NaN;
        var rank = (long)Math.Floor(q * (Count - 1));
        if (rank == Count - 1) return Max;
        var seen = Zeros;
        if (rank < seen) return 0;
        foreach (var (index, count) in _bins)
        {
            seen += count;
            // Middle of the bin in the relative sense: 2 gamma^k / (gamma + 1)
            if (rank < seen) return Math.Clamp(2 * Math.Exp(index * _logGamma) / (Math.Exp(_logGamma) + 1), Min, Max);
        }
        return Max;
    }

    /// <summary>State to store; <see cref="Restore"/> reads it.</summary>
    public QuantileSketchState Save() => new(RelativeError, Count, Zeros, Sum, Count == 0 ? 0 : Min, Count == 0 ? 0 : Max, [.. _bins.Keys], [.. _bins.Values]);

    /// <summary>Sketch from a stored state.</summary>
    public static QuantileSketch Restore(QuantileSketchState state)
    {
        Check.SameLength(state.Indices.Length, state.Counts.Length);
        var sketch = new QuantileSketch(state.RelativeError) { Count = state.Count, Zeros = state.Zeros, Sum = state.Sum };
        if (state.Count > 0) (sketch.Min, sketch.Max) = (state.Min, state.Max);
        for (var k = 0; k < state.Indices.Length; k++) sketch.AddToBin(state.Indices[k], state.Counts[k]);
        return sketch;
    }

    private void AddToBin(int index, long count)
    {
        _bins[index] = _bins.GetValueOrDefault(index) + count;
        if (_bins.Count <= MaxBins) return;
        var lowest = _bins.Take(2).ToArray();
        _bins.Remove(lowest[0].Key);
        _bins[lowest[1].Key] += lowest[0].Value;
    }
}

/// <summary>Stored form of a <see cref="QuantileSketch"/>: plain numbers, finite, at most <see cref="QuantileSketch.MaxBins"/> bins.</summary>
public sealed record QuantileSketchState(
    double RelativeError, long Count, long Zeros, double Sum, double Min, double Max, int[] Indices, long[] Counts);
