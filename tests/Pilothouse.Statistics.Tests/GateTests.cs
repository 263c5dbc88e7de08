using CsCheck;

namespace Pilothouse.Statistics.Tests;

public sealed class GateTests
{
    [Fact]
    public void Equal_scores_on_enough_items_pass_and_on_few_do_not()
    {
        double[] many = [.. Enumerable.Repeat(1.0, 200)], few = [.. Enumerable.Repeat(1.0, 40)];
        Assert.Equal(GateVerdict.Pass, Gates.NonInferiority(many, many, 0.03).Verdict);
        var undecided = Gates.NonInferiority(few, few, 0.03);
        Assert.Equal(GateVerdict.Inconclusive, undecided.Verdict);
        // z^2 / (n + z^2) < 0.03 with z = 1.645 + 0.842 needs 201 items
        Assert.InRange(undecided.MoreItemsNeeded!.Value, 155, 165);
    }

    [Fact]
    public void A_large_drop_fails_and_says_so()
    {
        double[] baseline = [.. Enumerable.Repeat(1.0, 100)];
        double[] candidate = [.. Enumerable.Repeat(1.0, 75), .. Enumerable.Repeat(0.0, 25)];
        var got = Gates.NonInferiority(candidate, baseline, 0.03);
        Assert.Equal(GateVerdict.Fail, got.Verdict);
        Assert.True(got.RegressionShown);
        Assert.Equal((0, 25), (got.Improved, got.Worsened));
        Assert.Equal(-0.25, got.Value, 12);
        Assert.InRange(got.Difference.PValue, 0, 1e-6);
        Assert.Equal(0, got.MoreItemsNeeded);
    }

    [Fact]
    public void Identical_repeats_in_clusters_count_as_one_item_each()
    {
        // 300 items that are 20 templates: no discordance was seen in 20 independent things, not in 300.
        double[] ones = [.. Enumerable.Repeat(1.0, 300)];
        string[] clusters = [.. Enumerable.Range(0, 300).Select(k => "t" + k % 20)];
        Assert.Equal(GateVerdict.Pass, Gates.NonInferiority(ones, ones, 0.03).Verdict);
        var got = Gates.NonInferiority(ones, ones, 0.03, clusters: clusters);
        Assert.Equal(GateVerdict.Inconclusive, got.Verdict);
        Assert.Equal(20, got.Clusters);
        Assert.InRange(got.Interval.Lower, -0.13, -0.11);
    }

    [Fact]
    public void One_cluster_never_decides()
    {
        double[] candidate = [.. Enumerable.Repeat(1.0, 500)], baseline = [.. Enumerable.Repeat(0.0, 500)];
        string[] clusters = [.. Enumerable.Repeat("only", 500)];
        var got = Gates.NonInferiority(candidate, baseline, 0.03, clusters: clusters);
        Assert.Equal(GateVerdict.Inconclusive, got.Verdict);
        Assert.True(double.IsFinite(got.Interval.Lower) && double.IsFinite(got.Interval.Upper));
    }

    [Fact]
    public void Floor_uses_the_bound_and_not_the_point()
    {
        double[] scores = [.. Enumerable.Repeat(1.0, 41), .. Enumerable.Repeat(0.0, 9)];
        Assert.Equal(GateVerdict.Inconclusive, Gates.Floor(scores, 0.80).Verdict); // 82 % of 50
        Assert.Equal(GateVerdict.Pass, Gates.Floor(scores, 0.70).Verdict);
        Assert.Equal(GateVerdict.Fail, Gates.Floor(scores, 0.92).Verdict);
        Assert.Equal(Intervals.Wilson(41, 50, 0.95, Side.Lower).Interval.Lower, Gates.Floor(scores, 0.80).Interval.Lower, 12);
    }

    [Fact]
    public void Graded_scores_use_t()
    {
        double[] scores = [0.8, 0.9, 0.7, 0.85, 0.95, 0.75];
        var got = Gates.Floor(scores, 0.5);
        Assert.Equal(Intervals.MeanT(scores, 0.95, Side.Lower).Interval.Lower, got.Interval.Lower, 12);
        Assert.Equal(GateVerdict.Pass, got.Verdict);
        Assert.Equal(GateVerdict.Inconclusive, Gates.Floor([0.9, 0.9, 0.9], 0.8).Verdict); // equal values are no certainty
    }

    [Fact]
    public void Verdict_agrees_with_its_p_value() =>
        Gen.Select(Gen.Int[0, 1].Array[5, 80], Gen.Int[0, 1].Array[5, 80], Gen.Double[0, 0.3], Gen.Int[2, 40]).Sample((a, b, margin, groups) =>
        {
            var n = Math.Min(a.Length, b.Length);
            double[] x = [.. a.Take(n).Select(i => (double)i)], y = [.. b.Take(n).Select(i => (double)i)];
            string[] clusters = [.. Enumerable.Range(0, n).Select(k => "c" + k % groups)];
            return Agrees(Gates.NonInferiority(x, y, margin)) && Agrees(Gates.NonInferiority(x, y, margin, clusters: clusters))
                && Agrees(Gates.Floor(x, margin + 0.3)) && Agrees(Gates.Floor(x, margin + 0.3, clusters: clusters));
            static bool Agrees(GateResult r) => Math.Abs(r.PValue - 0.05) < 1e-9 || r.PValue < 0.05 == (r.Verdict == GateVerdict.Pass);
        });

    [Fact]
    public void A_wider_margin_never_turns_a_pass_into_something_else() =>
        Gen.Select(Gen.Double[0, 1].Array[5, 40], Gen.Double[0, 1].Array[5, 40], Gen.Double[0, 0.5], Gen.Double[0, 0.5]).Sample((a, b, m1, m2) =>
        {
            var n = Math.Min(a.Length, b.Length);
            var small = Gates.NonInferiority(a.AsSpan(0, n), b.AsSpan(0, n), Math.Min(m1, m2)).Verdict;
            var large = Gates.NonInferiority(a.AsSpan(0, n), b.AsSpan(0, n), Math.Max(m1, m2)).Verdict;
            return small != GateVerdict.Pass || large == GateVerdict.Pass;
        });

    [Fact]
    public void False_passes_stay_within_the_error_rate()
    {
        // The truth lies exactly at the margin: at most about 5 % of suites may pass. 10 % of items worsen, 5 % improve, margin 5 points.
        var random = new Xoshiro256(7);
        var passes = 0;
        for (var run = 0; run < 2000; run++)
        {
            double[] candidate = new double[200], baseline = new double[200];
            for (var k = 0; k < 200; k++)
            {
                var u = random.NextDouble();
                (candidate[k], baseline[k]) = u < 0.10 ? (0, 1) : u < 0.15 ? (1, 0) : (1, 1);
            }
            if (Gates.NonInferiority(candidate, baseline, 0.05).Verdict == GateVerdict.Pass) passes++;
        }
        Assert.InRange(passes / 2000.0, 0.03, 0.065);
    }

    [Fact]
    public void False_passes_stay_within_the_error_rate_in_clusters()
    {
        // 40 clusters of 5 items that mostly move together, truth at the margin of 5 points.
        var random = new Xoshiro256(8);
        string[] clusters = [.. Enumerable.Range(0, 200).Select(k => "c" + k / 5)];
        var passes = 0;
        for (var run = 0; run < 2000; run++)
        {
            double[] candidate = new double[200], baseline = new double[200];
            double u = 0;
            for (var k = 0; k < 200; k++)
            {
                if (k % 5 == 0 || random.NextBool(0.2)) u = random.NextDouble();
                (candidate[k], baseline[k]) = u < 0.10 ? (0, 1) : u < 0.15 ? (1, 0) : (1, 1);
            }
            if (Gates.NonInferiority(candidate, baseline, 0.05, clusters: clusters).Verdict == GateVerdict.Pass) passes++;
        }
        Assert.InRange(passes / 2000.0, 0.0, 0.06);
    }
}
