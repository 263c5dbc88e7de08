using System.Text.Json;
using CsCheck;

namespace Pilothouse.Statistics.Tests;

public sealed class FairnessTests
{
    private static readonly Dictionary<string, GroupRate> RateNames = new()
    {
        ["selection_rate"] = GroupRate.Selection,
        ["tpr"] = GroupRate.TruePositive,
        ["fpr"] = GroupRate.FalsePositive,
        ["tnr"] = GroupRate.TrueNegative,
        ["fnr"] = GroupRate.FalseNegative,
        ["accuracy"] = GroupRate.Accuracy,
        ["precision"] = GroupRate.Precision,
        ["true_positive_rate"] = GroupRate.TruePositive,
        ["false_positive_rate"] = GroupRate.FalsePositive,
        ["true_negative_rate"] = GroupRate.TrueNegative,
        ["false_negative_rate"] = GroupRate.FalseNegative,
        ["accuracy_score"] = GroupRate.Accuracy,
        ["zero_one_loss"] = GroupRate.Error,
        ["precision_score"] = GroupRate.Precision,
        ["recall_score"] = GroupRate.TruePositive,
        ["demographic_parity"] = GroupRate.Selection,
        ["equal_opportunity"] = GroupRate.TruePositive,
    };

    [Fact]
    public void Group_metrics_match_fairlearn() => Golden.Check("fairness-groups", "fairlearn-metrics", v =>
        ExpectFairlearn(v, GroupCounts.From(Bools(v, "y"), Bools(v, "p"), v.Labels("g"), v.Has("weights") ? v.Numbers("weights") : null)));

    [Fact]
    public void Intersections_match_fairlearn() => Golden.Check("fairness-groups", "fairlearn-intersection", v =>
        ExpectFairlearn(v, GroupCounts.From(Bools(v, "y"), Bools(v, "p"), [.. v.Labels("g1").Zip(v.Labels("g2"), (a, b) => $"{a}|{b}")])));

    [Fact]
    public void Adult_test_set_matches_fairlearn() => Golden.Check("fairness-groups", "fairlearn-adult", v =>
    {
        var rows = SharedData.Adult("adult-test.csv");
        bool[] predictions = [.. rows.Select(r => v.Text("p").StartsWith("education", StringComparison.Ordinal)
            ? int.Parse(r[4]) >= 13
            : int.Parse(r[0]) >= 40 && r[5].StartsWith("Married", StringComparison.Ordinal))];
        string[] columns = v.Has("g") ? [v.Text("g")] : [v.Text("g1"), v.Text("g2")];
        int[] indices = [.. columns.Select(c => c switch { "race" => 8, "sex" => 9, _ => 7 })];
        ExpectFairlearn(v, GroupCounts.From(
            [.. rows.Select(SharedData.IsRich)], predictions, [.. rows.Select(r => string.Join('|', indices.Select(i => r[i])))]));
    });

    [Fact]
    public void Control_features_match_fairlearn() => Golden.Check("fairness-groups", "fairlearn-control-features", v =>
    {
        bool[] y = Bools(v, "y"), p = Bools(v, "p");
        string[] g = v.Labels("g"), control = v.Labels("control");
        foreach (var level in control.Distinct())
        {
            int[] at = [.. Enumerable.Range(0, y.Length).Where(k => control[k] == level)];
            var groups = GroupCounts.From([.. at.Select(k => y[k])], [.. at.Select(k => p[k])], [.. at.Select(k => g[k])]);
            var rates = groups.Select(x => Zero(x.Rate(GroupRate.TruePositive))).ToArray();
            v.Expect("overall/" + level, Zero(GroupCounts.Overall(groups).Rate(GroupRate.TruePositive)));
            v.Expect("difference/" + level, GroupFairness.Difference(groups, GroupRate.TruePositive, undefinedAsZero: true));
            v.Expect("difference_to_overall/" + level,
                GroupFairness.Difference(groups, GroupRate.TruePositive, GroupComparison.ToOverall, undefinedAsZero: true));
            v.Expect("ratio/" + level, GroupFairness.Ratio(groups, GroupRate.TruePositive, undefinedAsZero: true));
            v.Expect("group_min/" + level, rates.Min());
            v.Expect("group_max/" + level, rates.Max());
        }
    });

    [Fact]
    public void Small_tables_match_aif360() => Golden.Check("fairness-adult", "aif360-small", v =>
        ExpectAif360(v, Bools(v, "y"), Bools(v, "p"), Bools(v, "g")));

    [Fact]
    public void Adult_matches_aif360() => Golden.Check("fairness-adult", "aif360-adult", v =>
    {
        var rows = SharedData.Adult("adult-train.csv", "adult-test.csv").Where(r => !r.Contains("?")).ToArray();
        ExpectAif360(v, [.. rows.Select(SharedData.IsRich)], [.. rows.Select(r => int.Parse(r[4]) >= 13)],
            [.. rows.Select(r => v.Text("privileged").StartsWith("sex", StringComparison.Ordinal) ? r[9] == "Male" : r[8] == "White")]);
    });

    // ProPublica's COMPAS figures: false positive rates 44.9 % / 23.5 %, false negative rates 28.0 % / 47.7 %
    [Fact]
    public void Compas_counts_give_the_published_rates()
    {
        GroupCounts black = new("black", 1369, 805, 990, 532), white = new("white", 505, 349, 1139, 461);
        Assert.Equal(0.448468, black.Rate(GroupRate.FalsePositive), 6);
        Assert.Equal(0.234543, white.Rate(GroupRate.FalsePositive), 6);
        Assert.Equal(0.279853, black.Rate(GroupRate.FalseNegative), 6);
        Assert.Equal(0.591335, white.Rate(GroupRate.Precision), 6);
        var gap = GroupGaps.ByName("false_positive_rate_difference", [black, white]);
        Assert.Equal(0.213925, gap.Value, 6);
        Assert.Equal(("black", "white"), (gap.HighestGroup, gap.LowestGroup));
        Assert.True(gap.Interval.Lower > 0.18 && gap.Interval.Upper < 0.25);
    }

    [Fact]
    public void Two_groups_have_exactly_newcombes_upper_bound()
    {
        GroupCounts a = new("a", 30, 26, 8, 6), b = new("b", 20, 28, 20, 12);
        var gap = GroupGaps.ByName("demographic_parity_difference", [a, b]);
        Assert.Equal(0.2, gap.Value, 12);
        Assert.Equal(Intervals.NewcombeIndependent(56, 70, 48, 80, 0.95, Side.Upper).Interval.Upper, gap.Interval.Upper, 12);
        Assert.Equal(Intervals.NewcombeIndependent(56, 70, 48, 80, 0.975, Side.Lower).Interval.Lower, gap.Interval.Lower, 12);
    }

    [Fact]
    public void A_group_without_positives_leaves_the_gap_undecided_and_is_named()
    {
        GroupCounts a = new("a", 0, 2, 50, 0), b = new("b", 20, 2, 20, 2);
        var gap = GroupGaps.ByName("equal_opportunity_difference", [a, b]);
        Assert.True(double.IsNaN(gap.Value));
        Assert.Equal(GateVerdict.Inconclusive, Gates.Ceiling(gap.Interval, 0.1));
        Assert.Equal(["a", "b"], gap.SmallGroups);
    }

    [Fact]
    public void Bounds_of_the_largest_gap_cover_the_true_gap()
    {
        // Four groups of 60 with true rates .5 .5 .5 .6: upper and lower bound may each miss 0.1 in at most 5 %.
        double[] rates = [0.5, 0.5, 0.5, 0.6];
        int above = 0, below = 0;
        var random = new Xoshiro256(11);
        for (var run = 0; run < 500; run++)
        {
            var groups = rates.Select((rate, k) =>
            {
                var selected = Enumerable.Range(0, 60).Count(_ => random.NextBool(rate));
                return new GroupCounts("g" + k, selected, 0, 60 - selected, 0);
            }).ToArray();
            var interval = GroupGaps.ByName("demographic_parity_difference", groups).Interval;
            if (interval.Lower > 0.1) above++;
            if (interval.Upper < 0.1) below++;
        }
        Assert.InRange(above, 0, 25);
        Assert.InRange(below, 0, 25);
    }

    [Fact]
    public void Gaps_contain_their_value() =>
        Gen.Select(Gen.Int[0, 20], Gen.Int[0, 20], Gen.Int[0, 20], Gen.Int[0, 20]).Array[2, 5].Sample(cells =>
        {
            var groups = cells.Select((c, k) => new GroupCounts("g" + k, c.Item1, c.Item2, c.Item3, c.Item4)).Where(g => g.Total > 0).ToArray();
            return GroupGaps.Names.All(name =>
            {
                var gap = GroupGaps.ByName(name, groups);
                return double.IsNaN(gap.Value) || (gap.Interval.Lower <= gap.Value + 1e-9 && gap.Interval.Upper >= gap.Value - 1e-9);
            });
        });

    [Fact]
    public void Paired_means_are_narrower_than_independent_ones()
    {
        // Templates differ much, groups little: only pairing sees the gap.
        var random = new Xoshiro256(12);
        double[] template = [.. Enumerable.Range(0, 20).Select(_ => random.NextDouble() * 0.8)];
        Dictionary<string, double[]> values = new()
        {
            ["nurse"] = [.. template.Select(t => t + 0.1 + 0.01 * random.NextNormal())],
            ["engineer"] = [.. template.Select(t => t + 0.01 * random.NextNormal())],
        };
        var paired = GroupGaps.Means("share", values, isPaired: true);
        var independent = GroupGaps.Means("share", values, isPaired: false);
        Assert.Equal(paired.Value, independent.Value, 12);
        Assert.True(paired.Interval.Lower > 0.08 && independent.Interval.Lower == 0);
        Assert.Equal("nurse", paired.HighestGroup);
        Assert.Equal(1, GroupGaps.Means("share", new Dictionary<string, double[]> { ["a"] = [0.5], ["b"] = [0.6] }, true).Interval.Upper);
    }

    private static void ExpectFairlearn(GoldenVector v, IReadOnlyList<GroupCounts> groups)
    {
        foreach (var group in groups.Where(g => v.Expects("by_group/" + g.Group)))
        {
            v.ExpectIfGiven($"by_group/{group.Group}/n", v.Has("weights") ? v.Labels("g").Count(g => g == group.Group) : group.Total);
            ExpectRates(v, "by_group/" + group.Group, group);
        }
        // Combinations of two features without rows: n 0 and NaN
        foreach (var empty in ByGroup(v).Where(g => g.Value.TryGetProperty("n", out var n) && n.GetDouble() == 0))
        {
            v.Expect($"by_group/{empty.Name}/n", 0);
            ExpectRates(v, "by_group/" + empty.Name, new GroupCounts(empty.Name, 0, 0, 0, 0), double.NaN);
        }
        var overall = GroupCounts.Overall(groups);
        v.ExpectIfGiven("overall/n", v.Has("weights") ? v.Labels("g").Length : overall.Total);
        ExpectRates(v, "overall", overall);
        if (!v.Expected.TryGetProperty("metrics", out var metrics)) return;
        foreach (var metric in metrics.EnumerateObject()) v.Expect("metrics/" + metric.Name, Metric(metric.Name, groups));
    }

    private static void ExpectRates(GoldenVector v, string path, GroupCounts group, double undefined = 0)
    {
        foreach (var name in new[] { "selection_rate", "tpr", "fpr", "tnr", "fnr", "accuracy", "precision" })
        {
            var rate = group.Rate(RateNames[name]);
            v.ExpectIfGiven($"{path}/{name}", double.IsNaN(rate) ? undefined : rate);
        }
    }

    private static double Metric(string name, IReadOnlyList<GroupCounts> groups)
    {
        var comparison = name.EndsWith(".to_overall", StringComparison.Ordinal) ? GroupComparison.ToOverall : GroupComparison.BetweenGroups;
        var isMean = name.EndsWith(".mean", StringComparison.Ordinal);
        var plain = name.Split('.')[0];
        if (plain == "equalized_odds_difference") return GroupFairness.EqualizedOddsDifference(groups, comparison, isMean, undefinedAsZero: true);
        if (plain == "equalized_odds_ratio") return GroupFairness.EqualizedOddsRatio(groups, comparison, isMean, undefinedAsZero: true);
        if (plain == "f1_score_group_min") return groups.Min(g => Zero(g.F1));
        if (plain.EndsWith("_group_min", StringComparison.Ordinal)) return groups.Min(g => Zero(g.Rate(RateNames[plain[..^10]])));
        if (plain.EndsWith("_group_max", StringComparison.Ordinal)) return groups.Max(g => Zero(g.Rate(RateNames[plain[..^10]])));
        return plain.EndsWith("_ratio", StringComparison.Ordinal)
            ? GroupFairness.Ratio(groups, RateNames[plain[..^6]], comparison, undefinedAsZero: true)
            : GroupFairness.Difference(groups, RateNames[plain[..^11]], comparison, undefinedAsZero: true);
    }

    private static void ExpectAif360(GoldenVector v, bool[] y, bool[] p, bool[] privileged)
    {
        string[] groups = [.. privileged.Select(g => g ? "1" : "0")];
        var tables = GroupCounts.From(y, p, groups);
        var (u, q) = (tables.Single(t => t.Group == "0"), tables.Single(t => t.Group == "1"));
        double PositivesOf(GroupCounts g) => g.TruePositives + g.FalseNegatives;
        double Difference(GroupRate rate) => GroupFairness.SignedDifference(u, q, rate);
        double Ratio(GroupRate rate) => GroupFairness.SignedRatio(u, q, rate);
        v.Expect("data/n_privileged", q.Total);
        v.Expect("data/n_unprivileged", u.Total);
        v.Expect("data/positives_privileged", PositivesOf(q));
        v.Expect("data/positives_unprivileged", PositivesOf(u));
        v.Expect("data/base_rate", GroupCounts.Overall(tables).Rate(GroupRate.Base));
        v.Expect("data/mean_difference", Difference(GroupRate.Base));
        v.Expect("data/disparate_impact", Ratio(GroupRate.Base));
        var smoothed = GroupFairness.DifferentialFairness([.. tables.Select(t => (PositivesOf(t), t.Total))]);
        v.Expect("data/smoothed_edf", smoothed);
        var w = GroupFairness.Reweighing((long)q.Total, (long)PositivesOf(q), (long)u.Total, (long)PositivesOf(u));
        v.ExpectIfGiven("data/reweighing/privileged_favourable", w.PrivilegedFavourable);
        v.ExpectIfGiven("data/reweighing/privileged_unfavourable", w.PrivilegedUnfavourable);
        v.ExpectIfGiven("data/reweighing/unprivileged_favourable", w.UnprivilegedFavourable);
        v.ExpectIfGiven("data/reweighing/unprivileged_unfavourable", w.UnprivilegedUnfavourable);
        var weights = y.Zip(privileged, (label, group) => (label, group) switch
        {
            (true, true) => w.PrivilegedFavourable,
            (false, true) => w.PrivilegedUnfavourable,
            (true, false) => w.UnprivilegedFavourable,
            _ => w.UnprivilegedUnfavourable,
        }).ToArray();
        var weighted = GroupCounts.From(y, y, groups, weights);
        v.ExpectIfGiven("data/after_reweighing/mean_difference", GroupFairness.SignedDifference(weighted[0], weighted[1], GroupRate.Base));
        v.ExpectIfGiven("data/after_reweighing/disparate_impact", GroupFairness.SignedRatio(weighted[0], weighted[1], GroupRate.Base));

        double tpr = Difference(GroupRate.TruePositive), fpr = Difference(GroupRate.FalsePositive);
        double[] benefits = [.. y.Zip(p, (label, predicted) => 1.0 + (predicted ? 1 : 0) - (label ? 1 : 0))];
        double between = Inequality.BetweenGroups(benefits, groups), betweenTheil = Inequality.BetweenGroups(benefits, groups, 1);
        Dictionary<string, double> classifier = new()
        {
            ["accuracy"] = GroupCounts.Overall(tables).Rate(GroupRate.Accuracy),
            ["statistical_parity_difference"] = Difference(GroupRate.Selection),
            ["disparate_impact"] = Ratio(GroupRate.Selection),
            ["equal_opportunity_difference"] = tpr,
            ["true_positive_rate_difference"] = tpr,
            ["false_positive_rate_difference"] = fpr,
            ["average_odds_difference"] = (tpr + fpr) / 2,
            ["average_abs_odds_difference"] = (Math.Abs(tpr) + Math.Abs(fpr)) / 2,
            ["equalized_odds_difference"] = Math.Max(Math.Abs(tpr), Math.Abs(fpr)),
            ["false_negative_rate_difference"] = Difference(GroupRate.FalseNegative),
            ["false_omission_rate_difference"] = Difference(GroupRate.FalseOmission),
            ["false_discovery_rate_difference"] = Difference(GroupRate.FalseDiscovery),
            ["false_positive_rate_ratio"] = Ratio(GroupRate.FalsePositive),
            ["false_negative_rate_ratio"] = Ratio(GroupRate.FalseNegative),
            ["false_omission_rate_ratio"] = Ratio(GroupRate.FalseOmission),
            ["false_discovery_rate_ratio"] = Ratio(GroupRate.FalseDiscovery),
            ["error_rate_difference"] = Difference(GroupRate.Error),
            ["error_rate_ratio"] = Ratio(GroupRate.Error),
            ["theil_index"] = Inequality.Theil(benefits),
            ["generalized_entropy_index"] = Inequality.GeneralizedEntropy(benefits),
            // AIF360 has two: sqrt(2 GEI(2)) in the classic API (here), 2 sqrt(GEI(2)) in its sklearn API (inequality.json)
            ["coefficient_of_variation"] = Math.Sqrt(2 * Inequality.GeneralizedEntropy(benefits)),
            ["between_group_theil_index"] = betweenTheil,
            ["between_group_generalized_entropy_index"] = between,
            ["between_all_groups_theil_index"] = betweenTheil,
            ["between_all_groups_generalized_entropy_index"] = between,
            ["differential_fairness_bias_amplification"] =
                GroupFairness.DifferentialFairness([.. tables.Select(t => (t.TruePositives + t.FalsePositives, t.Total))]) - smoothed,
        };
        // The root of a rounding error of 1e-16 is 1e-8: where the index is zero the coefficient is only zero to that.
        if (v.Expects("classifier/between_group_coefficient_of_variation"))
            v.Expect("classifier/between_group_coefficient_of_variation", Math.Sqrt(2 * between), 1e-7);
        foreach (var (name, value) in classifier) v.ExpectIfGiven("classifier/" + name, value);
    }

    private static JsonProperty[] ByGroup(GoldenVector v) =>
        v.Expected.TryGetProperty("by_group", out var groups) ? [.. groups.EnumerateObject()] : [];

    private static bool[] Bools(GoldenVector v, string name) => [.. v.Numbers(name).Select(x => x != 0)];

    private static double Zero(double rate) => double.IsNaN(rate) ? 0 : rate;
}
