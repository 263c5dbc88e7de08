namespace Pilothouse.Statistics;

/// <summary>
/// Gates that decide from a confidence bound, not from the point estimate. PASS: the one-sided bound clears the limit. FAIL: the
/// opposite one-sided bound is beyond it. INCONCLUSIVE otherwise.
/// </summary>
public static class Gates
{
    /// <summary>
    /// Non-inferiority: PASS when the lower bound of candidate - baseline is above -margin, FAIL when the upper bound is not.
    /// </summary>
    /// <param name="candidate">Score of each item; scores of 0 and 1 only are treated as wrong/right.</param>
    /// <param name="baseline">Score of the same items in the same order. Missing items must be scored, not left out.</param>
    /// <param name="margin">Largest decrease accepted, in the unit of the scores, &gt;= 0 (0.03 = three points).</param>
    /// <param name="confidence">One-sided, for example 0.95.</param>
    /// <param name="clusters">Cluster of each item when items are not independent.</param>
    public static NonInferiorityResult NonInferiority(
        ReadOnlySpan<double> candidate, ReadOnlySpan<double> baseline, double margin, double confidence = 0.95, IReadOnlyList<string>? clusters = null)
    {
        if (!(margin >= 0) || double.IsInfinity(margin)) throw new ArgumentOutOfRangeException(nameof(margin), margin, "The margin must be zero or positive.");
        var differences = PairedTests.Differences(candidate, baseline);
        var isBinary = GateSample.IsBinary(candidate) && GateSample.IsBinary(baseline);
        var isUnit = GateSample.IsUnit(candidate) && GateSample.IsUnit(baseline);
        var sample = new GateSample(differences, clusters, isBinary ? GateSample.Kind.Paired : GateSample.Kind.Graded,
            isUnit ? -1 : -double.MaxValue, isUnit ? 1 : double.MaxValue);
        var result = Decide(sample, -margin, confidence, (bound, limit) => bound > limit, (bound, limit) => bound <= limit);
        return new NonInferiorityResult
        {
            Verdict = result.Verdict,
            Value = result.Value,
            Interval = result.Interval,
            Limit = result.Limit,
            PValue = result.PValue,
            Method = result.Method,
            Items = result.Items,
            Clusters = result.Clusters,
            MinimumDetectableEffect = result.MinimumDetectableEffect,
            MoreItemsNeeded = result.MoreItemsNeeded,
            CandidateMean = Moments.MeanAndVariance(candidate).Mean,
            BaselineMean = Moments.MeanAndVariance(baseline).Mean,
            Improved = differences.Count(d => d > 0),
            Worsened = differences.Count(d => d < 0),
            Difference = sample.TestOfNoDifference(),
        };
    }

    /// <summary>Floor: PASS when the lower bound of the mean score is at least `minimum`, FAIL when the upper bound is below it.</summary>
    /// <param name="scores">Score of each item; scores of 0 and 1 only are treated as wrong/right (Wilson).</param>
    /// <param name="minimum">Least acceptable mean.</param>
    /// <param name="confidence">One-sided, for example 0.95.</param>
    /// <param name="clusters">Cluster of each item when items are not independent.</param>
    public static GateResult Floor(ReadOnlySpan<double> scores, double minimum, double confidence = 0.95, IReadOnlyList<string>? clusters = null)
    {
        Check.NotEmpty(scores.Length, nameof(scores));
        Check.Finite(scores, nameof(scores));
        var isUnit = GateSample.IsUnit(scores);
        var kind = GateSample.IsBinary(scores) ? GateSample.Kind.Single : GateSample.Kind.Graded;
        var sample = new GateSample(scores.ToArray(), clusters, kind, isUnit ? 0 : -double.MaxValue, isUnit ? 1 : double.MaxValue);
        return Decide(sample, minimum, confidence, (bound, limit) => bound >= limit, (bound, limit) => bound < limit);
    }

    /// <summary>Verdict of "the value must not exceed `maximum`" from an interval, for gaps between groups.</summary>
    public static GateVerdict Ceiling(Interval interval, double maximum) =>
        interval.Upper <= maximum ? GateVerdict.Pass : interval.Lower > maximum ? GateVerdict.Fail : GateVerdict.Inconclusive;

    /// <summary>Verdict of "the value must be at least `minimum`" from an interval, for ratios between groups.</summary>
    public static GateVerdict AtLeast(Interval interval, double minimum) =>
        interval.Lower >= minimum ? GateVerdict.Pass : interval.Upper < minimum ? GateVerdict.Fail : GateVerdict.Inconclusive;

    private static GateResult Decide(
        GateSample sample, double limit, double confidence, Func<double, double, bool> passes, Func<double, double, bool> fails)
    {
        Check.Confidence(confidence);
        var z = Normal.Quantile(confidence);
        var (lower, upper) = sample.Bounds(z, sample.TQuantile(confidence), 1);
        var verdict = passes(lower, limit) ? GateVerdict.Pass : fails(upper, limit) ? GateVerdict.Fail : GateVerdict.Inconclusive;
        var planned = z + Normal.Quantile(0.8);
        return new GateResult
        {
            Verdict = verdict,
            Value = sample.Mean,
            Interval = new Interval(lower, upper, Statistics.Interval.OfBounds(confidence)),
            Limit = limit,
            PValue = sample.PValueAbove(limit),
            Method = sample.Method,
            Items = sample.Items,
            Clusters = sample.Clusters,
            MinimumDetectableEffect = sample.DetectableEffect(planned),
            MoreItemsNeeded = verdict == GateVerdict.Inconclusive ? MoreItems(sample, limit, planned, passes, fails) : 0,
        };
    }

    /// <summary>Smallest growth of the sample, composition unchanged, whose power-adjusted bounds decide.</summary>
    private static long? MoreItems(
        GateSample sample, double limit, double planned, Func<double, double, bool> passes, Func<double, double, bool> fails)
    {
        const double MostItems = 1e7;
        bool Decides(double items)
        {
            var (lower, upper) = sample.Bounds(planned, planned, items / sample.Items);
            return passes(lower, limit) || fails(upper, limit);
        }
        double low = sample.Items, high = 2.0 * sample.Items;
        while (!Decides(high))
        {
            if (high > MostItems) return null;
            (low, high) = (high, 2 * high);
        }
        while (high - low > 1)
        {
            var middle = Math.Floor((low + high) / 2);
            if (Decides(middle)) high = middle;
            else low = middle;
        }
        return Math.Max(1, (long)Math.Ceiling(high) - sample.Items);
    }
}
