namespace Pilothouse.Statistics;

/// <summary>
/// The bootstrap distribution of a statistic that is no mean of item scores (BLEU, F1, MCC, AUROC), with bounds at any level. Items are
/// resampled, whole clusters where there are any; of a difference both models are resampled together, so that pairs stay together
/// (Efron and Tibshirani 1993; paired use in evaluation: Koehn 2004).
/// </summary>
public sealed class ResampledStatistic
{
    /// <summary>Share of the resamples that must have a value.</summary>
    private const double MinDefined = 0.95;

    private readonly double[] _draws;
    private readonly double _bias, _acceleration, _floor;

    /// <summary>A distribution by 10,000 resamples, fewer for more than 20,000 items.</summary>
    /// <param name="items">Number of items, at least 1.</param>
    /// <param name="statistic">The statistic of a resample; called from several threads at once.</param>
    /// <param name="span">By how much it moves when a share of one of the items turns from right to wrong, at most: 1 for scores from 0 to 1 and their differences, 2 for MCC.</param>
    /// <param name="clusters">Cluster of each item when items are not independent.</param>
    public ResampledStatistic(int items, ItemStatistic statistic, double span, IReadOnlyList<string>? clusters = null)
    {
        Check.NotEmpty(items, nameof(items));
        int[][] units = clusters is null ? [.. Enumerable.Range(0, items).Select(i => (int[])[i])]
            : [.. Enumerable.Range(0, items).GroupBy(i => clusters[i], StringComparer.Ordinal).Select(g => g.ToArray())];
        Items = items;
        Clusters = clusters is null ? null : units.Length;
        Value = statistic([.. Enumerable.Range(0, items)]);
        double Of(IEnumerable<int> picks) => statistic([.. picks.SelectMany(u => units[u])]);
        var draws = Bootstrap.Resample(new BootstrapOptions(Resamples(items)), random =>
        {
            var picks = new int[units.Length];
            for (var k = 0; k < picks.Length; k++) picks[k] = random.NextInt(units.Length);
            return clusters is null ? statistic(picks) : Of(picks);
        });
        // Resamples without one of the classes have no value; a few are left out, many mean that the data cannot carry an interval.
        _draws = [.. draws.Where(double.IsFinite)];
        IsDefined = double.IsFinite(Value) && _draws.Length >= MinDefined * draws.Length && units.Length > 1;
        var isFlat = IsDefined && _draws[0] == _draws[^1];
        // The jackknife behind BCa costs units times items.
        var isCorrected = IsDefined && !isFlat && (long)units.Length * items <= 4_000_000;
        if (isCorrected) (_bias, _acceleration) = Bootstrap.Correction(Value, _draws, units.Length, left => Of(Enumerable.Range(0, units.Length).Where(u => u != left)));
        // Items that are all alike leave the bootstrap without any spread; they still allow 1 - alpha^(1/n) of others (the rule of three).
        _floor = isFlat ? span : 0;
        Method = $"{(isCorrected ? "BCa" : "percentile")} bootstrap of {(clusters is null ? "items" : "clusters")}{(isFlat ? ", widened by the rule of three" : "")}";
        var mean = IsDefined ? _draws.Average() : double.NaN;
        StandardError = IsDefined ? Math.Sqrt(_draws.Sum(d => (d - mean) * (d - mean)) / _draws.Length) : double.NaN;
        Units = units.Length;
    }

    /// <summary>The statistic of all items.</summary>
    public double Value { get; }

    /// <summary>False when it, or a resample of it, has no value (one class only), or there is one unit: then nothing can be said.</summary>
    public bool IsDefined { get; }

    /// <summary>Number of items.</summary>
    public int Items { get; }

    /// <summary>Number of clusters, or null.</summary>
    public int? Clusters { get; }

    /// <summary>Standard deviation of the resamples.</summary>
    public double StandardError { get; }

    /// <summary>Name of the method, for reports.</summary>
    public string Method { get; }

    private int Units { get; }

    /// <summary>One-sided lower bound at a confidence; -Infinity when nothing can be said.</summary>
    public double Lower(double confidence) => IsDefined ? Quantile(1 - confidence) - Widening(confidence) : double.NegativeInfinity;

    /// <summary>One-sided upper bound at a confidence; Infinity when nothing can be said.</summary>
    public double Upper(double confidence) => IsDefined ? Quantile(confidence) + Widening(confidence) : double.PositiveInfinity;

    private double Widening(double confidence) => _floor * (1 - Math.Pow(1 - confidence, 1.0 / Units));

    private double Quantile(double level)
    {
        var z = Normal.Quantile(level);
        return Moments.SortedQuantile(_draws, Normal.Cdf(_bias + (_bias + z) / (1 - _acceleration * (_bias + z))));
    }

    private static int Resamples(int items) => (int)Math.Clamp(200_000_000L / items, 1_000, 10_000);
}

/// <summary>Gates on corpus statistics: the same verdicts as <see cref="Gates"/>, from a bootstrap distribution.</summary>
public static class CorpusGates
{
    /// <summary>PASS when the lower bound clears the limit, FAIL when the upper bound is beyond it.</summary>
    /// <param name="sample">Distribution of the score (floor) or of candidate - base line (non-inferiority).</param>
    /// <param name="limit">The minimum, or minus the margin.</param>
    /// <param name="confidence">One-sided, for example 0.95.</param>
    /// <param name="isStrict">True for non-inferiority, where the bound must be above the limit.</param>
    public static GateResult Decide(ResampledStatistic sample, double limit, double confidence, bool isStrict)
    {
        Check.Confidence(confidence);
        var (lower, upper) = (sample.Lower(confidence), sample.Upper(confidence));
        var passes = isStrict ? lower > limit : lower >= limit;
        var fails = isStrict ? upper <= limit : upper < limit;
        var planned = Normal.Quantile(confidence) + Normal.Quantile(0.8);
        var distance = Math.Abs(sample.Value - limit);
        var needed = sample.Items * Math.Pow(planned * sample.StandardError / distance, 2);
        return new GateResult
        {
            Verdict = passes ? GateVerdict.Pass : fails ? GateVerdict.Fail : GateVerdict.Inconclusive,
            Value = sample.Value,
            Interval = new Interval(lower, upper, Interval.OfBounds(confidence)),
            Limit = limit,
            PValue = PValue(level => sample.Lower(level) is var bound && (isStrict ? bound > limit : bound >= limit)),
            Method = sample.Method,
            Items = sample.Items,
            Clusters = sample.Clusters,
            MinimumDetectableEffect = sample.IsDefined ? planned * sample.StandardError : null,
            MoreItemsNeeded = passes || fails ? 0 : !sample.IsDefined || distance == 0 || needed > 1e7 ? null : Math.Max(1, (long)Math.Ceiling(needed) - sample.Items),
        };
    }

    /// <summary>Two-sided 95 % style difference test: the smallest level at which the two-sided interval leaves out zero.</summary>
    public static double PValueOfNoDifference(ResampledStatistic difference) =>
        Math.Min(1, 2 * Math.Min(PValue(level => difference.Lower(level) > 0), PValue(level => difference.Upper(level) < 0)));

    /// <summary>Smallest error probability at which `holds` is still true, between 1e-4 (all that 10,000 resamples can tell) and 1.</summary>
    private static double PValue(Func<double, bool> holds)
    {
        const double Least = 1e-4;
        if (holds(1 - Least)) return Least;
        if (!holds(1e-9)) return 1;
        double low = Least, high = 1 - 1e-9;
        for (var k = 0; k < 30; k++)
        {
            var middle = 0.5 * (low + high);
            if (holds(1 - middle)) high = middle;
            else low = middle;
        }
        return high;
    }
}
