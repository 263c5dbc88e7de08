using Pilothouse.Protocols.V1;
using Pilothouse.Statistics;

namespace Pilothouse.Datasets.Profiles;

/// <summary>Moments, quantiles and a histogram of numbers of either sign, in fixed memory.</summary>
internal sealed class NumberSketch
{
    public const int Bins = 20;

    private readonly QuantileSketch _positive = new(), _negative = new();
    private bool _integers = true;
    private double _mean, _squares;
    private double _min = double.PositiveInfinity, _max = double.NegativeInfinity;

    private long Count => _positive.Count + _negative.Count;

    public void Add(double value)
    {
        if (!double.IsFinite(value)) return;
        if (value < 0) _negative.Add(-value);
        else _positive.Add(value);
        _integers &= value == Math.Floor(value);
        (_min, _max) = (Math.Min(_min, value), Math.Max(_max, value));
        // Welford: stable when the mean is large against the spread.
        var delta = value - _mean;
        _mean += delta / Count;
        _squares += delta * (value - _mean);
    }

    public NumberSummary? Summary() => Count == 0 ? null : new NumberSummary(Count, _min, _max, Finite(_mean), Finite(Count > 1 ? Math.Sqrt(_squares / (Count - 1)) : 0),
        Quantile(0.05), Quantile(0.25), Quantile(0.5), Quantile(0.75), Quantile(0.95), Histogram());

    private static double Finite(double value) => double.IsFinite(value) ? value : 0;

    private double Quantile(double q)
    {
        var rank = (long)Math.Floor(q * (Count - 1));
        var value = rank < _negative.Count ? -_negative.Quantile(_negative.Count == 1 ? 0 : (double)(_negative.Count - 1 - rank) / (_negative.Count - 1))
            : _positive.Quantile(_positive.Count == 1 ? 0 : (double)(rank - _negative.Count) / (_positive.Count - 1));
        // A quantile of whole numbers is one.
        return Math.Clamp(_integers ? Math.Round(value) : value, _min, _max);
    }

    private long[] Histogram()
    {
        var counts = new long[Bins];
        var width = (_max - _min) / Bins;
        void Put(double value, long count) => counts[width > 0 && double.IsFinite(width) ? Math.Clamp((int)((value - _min) / width), 0, Bins - 1) : 0] += count;
        foreach (var (sketch, sign) in ((QuantileSketch, int)[])[(_negative, -1), (_positive, 1)])
        {
            var gamma = (1 + sketch.RelativeError) / (1 - sketch.RelativeError);
            if (sketch.Zeros > 0) Put(0, sketch.Zeros);
            foreach (var (index, count) in sketch.Bins) Put(sign * 2 * Math.Pow(gamma, index) / (gamma + 1), count);
        }
        return counts;
    }
}
