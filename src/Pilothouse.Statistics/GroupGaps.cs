namespace Pilothouse.Statistics;

/// <summary>A fairness metric with bounds and the groups that make it.</summary>
/// <param name="Metric">Name as in the project file, for example "equal_opportunity_difference".</param>
/// <param name="Value">Largest gap (or smallest ratio) between two groups; NaN when fewer than two groups have the rate.</param>
/// <param name="Interval">
/// Bounds, each one-sided at the asked confidence c, so Interval.Confidence is 2c - 1. The bound that a limit is tested with (upper of a
/// gap, lower of a ratio) needs no correction for the number of pairs, because every pair must keep the limit; the other bound is
/// Bonferroni-corrected over the pairs, because the worst pair was picked after looking.
/// </param>
/// <param name="HighestGroup">Group with the highest rate; empty when undefined.</param>
/// <param name="LowestGroup">Group with the lowest rate; empty when undefined.</param>
/// <param name="SmallGroups">Groups with fewer than the asked number of items behind the rate (undefined rates included).</param>
/// <param name="Method">Name of the method, for the report.</param>
public sealed record GroupGap(
    string Metric, double Value, Interval Interval, string HighestGroup, string LowestGroup, IReadOnlyList<string> SmallGroups, string Method);

/// <summary>
/// Intervals for the largest gap between groups, from the score intervals of all pairs: deterministic, and honest about having picked
/// the worst pair. A bootstrap of the maximum would be biased upwards and too narrow with small groups.
/// </summary>
public static class GroupGaps
{
    /// <summary>Names accepted by <see cref="ByName"/>.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "demographic_parity_difference", "demographic_parity_ratio", "disparate_impact", "equal_opportunity_difference",
        "equalized_odds_difference", "predictive_parity_difference", "false_positive_rate_difference", "false_negative_rate_difference",
        "accuracy_difference",
    ];

    /// <summary>A metric by its name in the project file.</summary>
    public static GroupGap ByName(string metric, IReadOnlyList<GroupCounts> groups, double confidence = 0.95, int smallest = 30) => metric switch
    {
        "demographic_parity_difference" => Gap(metric, groups, [GroupRate.Selection], confidence, smallest),
        "demographic_parity_ratio" or "disparate_impact" => Ratio(metric, groups, GroupRate.Selection, confidence, smallest),
        "equal_opportunity_difference" => Gap(metric, groups, [GroupRate.TruePositive], confidence, smallest),
        "equalized_odds_difference" => Gap(metric, groups, [GroupRate.TruePositive, GroupRate.FalsePositive], confidence, smallest),
        "predictive_parity_difference" => Gap(metric, groups, [GroupRate.Precision], confidence, smallest),
        "false_positive_rate_difference" => Gap(metric, groups, [GroupRate.FalsePositive], confidence, smallest),
        "false_negative_rate_difference" => Gap(metric, groups, [GroupRate.FalseNegative], confidence, smallest),
        "accuracy_difference" => Gap(metric, groups, [GroupRate.Accuracy], confidence, smallest),
        _ => throw new ArgumentException($"Unknown fairness metric '{metric}'. Use one of: {string.Join(", ", Names)}.", nameof(metric)),
    };

    /// <summary>Largest absolute difference of one or more rates over all pairs of groups, with Newcombe bounds.</summary>
    public static GroupGap Gap(
        string metric, IReadOnlyList<GroupCounts> groups, IReadOnlyList<GroupRate> rates, double confidence = 0.95, int smallest = 30)
    {
        var best = new Widest(confidence);
        List<string> small = [];
        var pairs = rates.Sum(r => Pairs(groups.Count(g => g.Fraction(r).Whole > 0)));
        foreach (var rate in rates)
        {
            small.AddRange(groups.Where(g => g.Fraction(rate).Whole < smallest).Select(g => g.Group));
            var known = Known(groups, rate);
            for (var i = 0; i < known.Count; i++)
            {
                for (var j = i + 1; j < known.Count; j++)
                {
                    Estimate Newcombe(double level, Side side) => Intervals.NewcombeIndependent(
                        known[i].Part, known[i].Whole, known[j].Part, known[j].Whole, level, side);
                    best.Add(known[i].Group, known[j].Group, pairs, Newcombe);
                }
            }
        }
        return best.Result(metric, [.. small.Distinct()], "Newcombe bounds over all pairs of groups", 1);
    }

    /// <summary>Smallest ratio of a rate over all ordered pairs of groups, with MOVER-R bounds from Wilson limits.</summary>
    public static GroupGap Ratio(string metric, IReadOnlyList<GroupCounts> groups, GroupRate rate, double confidence = 0.95, int smallest = 30)
    {
        Check.Confidence(confidence);
        var known = Known(groups, rate);
        string[] small = [.. groups.Where(g => g.Fraction(rate).Whole < smallest).Select(g => g.Group)];
        var corrected = 1 - (1 - confidence) / Math.Max(1, 2 * Pairs(known.Count));
        double value = double.NaN, lower = 1, upper = 1;
        var (low, high) = ("", "");
        foreach (var a in known)
        {
            foreach (var b in known.Where(b => b.Group != a.Group))
            {
                var ratio = Intervals.RatioIndependent(a.Part, a.Whole, b.Part, b.Whole, confidence, Side.Lower);
                if (double.IsNaN(value) || ratio.Value < value) (value, low, high) = (ratio.Value, a.Group, b.Group);
                lower = Math.Min(lower, ratio.Interval.Lower);
                upper = Math.Min(upper, Intervals.RatioIndependent(a.Part, a.Whole, b.Part, b.Whole, corrected, Side.Upper).Interval.Upper);
            }
        }
        if (known.Count < 2) lower = 0;
        return new GroupGap(metric, value, new Interval(lower, upper, Statistics.Interval.OfBounds(confidence)), high, low, small,
            "MOVER-R ratio bounds over all pairs of groups");
    }

    /// <summary>
    /// Largest difference of the mean of a continuous value over all pairs of groups, with t bounds: paired when every group was scored
    /// on the same items (templates) in the same order, Welch otherwise.
    /// </summary>
    /// <param name="metric">Name for the report.</param>
    /// <param name="values">Values of each group.</param>
    /// <param name="isPaired">Item k of every group is the same template.</param>
    /// <param name="confidence">One-sided, as for gates.</param>
    /// <param name="smallest">Groups with fewer values are listed as small.</param>
    /// <param name="span">Largest possible gap (1 for probabilities): the upper bound when nothing is known.</param>
    public static GroupGap Means(string metric, IReadOnlyDictionary<string, double[]> values, bool isPaired, double confidence = 0.95,
        int smallest = 2, double span = 1)
    {
        string[] names = [.. values.Keys.Order(StringComparer.Ordinal).Where(k => values[k].Length > 0)];
        var best = new Widest(confidence);
        for (var i = 0; i < names.Length; i++)
        {
            for (var j = i + 1; j < names.Length; j++)
            {
                double[] a = values[names[i]], b = values[names[j]];
                best.Add(names[i], names[j], Pairs(names.Length), (level, side) => isPaired
                    ? Intervals.MeanT(PairedTests.Differences(a, b), level, side)
                    : TwoSample.WelchInterval(a, b, level, side));
            }
        }
        return best.Result(metric, [.. values.Where(v => v.Value.Length < smallest).Select(v => v.Key)],
            isPaired ? "paired t bounds over all pairs of groups" : "Welch t bounds over all pairs of groups", span);
    }

    private static int Pairs(int groups) => groups * (groups - 1) / 2;

    private static List<(string Group, long Part, long Whole)> Known(IReadOnlyList<GroupCounts> groups, GroupRate rate) =>
        [.. groups.Select(g => (g.Group, F: g.Fraction(rate))).Where(g => g.F.Whole > 0)
            .Select(g => (g.Group, (long)Math.Round(g.F.Part), (long)Math.Round(g.F.Whole)))];

    /// <summary>Collects the widest difference and its bounds.</summary>
    private sealed class Widest(double confidence)
    {
        private double _value = double.NaN, _lower, _upper;
        private string _high = "", _low = "";
        private bool _isUnknown;

        public void Add(string a, string b, int pairs, Func<double, Side, Estimate> interval)
        {
            Check.Confidence(confidence);
            var corrected = 1 - (1 - confidence) / Math.Max(1, 2 * pairs);
            var (up, down) = (interval(confidence, Side.Upper), interval(confidence, Side.Lower));
            if (double.IsNaN(_value) || Math.Abs(up.Value) > _value)
                (_value, _high, _low) = up.Value >= 0 ? (up.Value, a, b) : (-up.Value, b, a);
            _isUnknown |= double.IsNaN(up.Interval.Upper);
            _upper = Math.Max(_upper, Math.Max(up.Interval.Upper, -down.Interval.Lower));
            var inner = Math.Max(interval(corrected, Side.Lower).Interval.Lower, -interval(corrected, Side.Upper).Interval.Upper);
            if (inner > _lower) _lower = inner;
        }

        public GroupGap Result(string metric, IReadOnlyList<string> small, string method, double span)
        {
            var upper = double.IsNaN(_value) || _isUnknown || double.IsNaN(_upper) ? span : Math.Min(span, _upper);
            return new GroupGap(metric, _value, new Interval(_lower, upper, Statistics.Interval.OfBounds(confidence)), _high, _low, small, method);
        }
    }
}
