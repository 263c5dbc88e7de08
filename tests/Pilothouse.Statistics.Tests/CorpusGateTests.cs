using CsCheck;

namespace Pilothouse.Statistics.Tests;

public class CorpusGateTests
{
    [Fact]
    public void Counted_tables_equal_the_report() => Gen.Int[0, 3].Select(Gen.Int[0, 3]).Array[1, 60].Sample(pairs =>
    {
        var confusion = new Confusion(4);
        foreach (var (truth, predicted) in pairs) confusion.Add(truth, predicted);
        var report = Classification.Report([.. pairs.Select(p => $"{p.Item1}")], [.. pairs.Select(p => $"{p.Item2}")]);
        Assert.Equal(report.Macro.F1, confusion.MacroF1(), 10);
        Assert.Equal(report.Mcc, confusion.Mcc(), 10);
        for (var k = 0; k < report.Labels.Length; k++) Assert.Equal(report.PerClass[k].F1, confusion.F1(int.Parse(report.Labels[k])), 10);
    });

    /// <summary>A statistic that is a mean: its bounds are known.</summary>
    [Fact]
    public void Bounds_of_a_mean_are_near_students()
    {
        var random = new Xoshiro256(7, 1);
        double[] values = [.. Enumerable.Range(0, 400).Select(_ => random.NextDouble())];
        var sample = new ResampledStatistic(values.Length, items => Mean(values, items), 1);
        var exact = Gates.Floor(values, 0.4, 0.95);
        Assert.Equal(exact.Value, sample.Value, 12);
        Assert.Equal(exact.Interval.Lower, sample.Lower(0.95), 2);
        Assert.Equal(exact.Interval.Upper, sample.Upper(0.95), 2);
        var gate = CorpusGates.Decide(sample, 0.4, 0.95, isStrict: false);
        Assert.Equal(GateVerdict.Pass, gate.Verdict);
        Assert.Equal(exact.MinimumDetectableEffect!.Value, gate.MinimumDetectableEffect!.Value, 2);
        Assert.Equal(GateVerdict.Fail, CorpusGates.Decide(sample, 0.6, 0.95, isStrict: false).Verdict);
        var open = CorpusGates.Decide(sample, sample.Value + 0.001, 0.95, isStrict: false);
        Assert.Equal(GateVerdict.Inconclusive, open.Verdict);
        Assert.True(open.MoreItemsNeeded > 1_000);
    }

    [Fact]
    public void Clusters_widen_the_bounds()
    {
        double[] values = [.. Enumerable.Range(0, 200).Select(i => i / 10 % 2 == 0 ? 1.0 : 0.0)];
        string[] clusters = [.. Enumerable.Range(0, 200).Select(i => $"{i / 10}")];
        double Width(IReadOnlyList<string>? c) => new ResampledStatistic(200, items => Mean(values, items), 1, c) is var s ? s.Upper(0.95) - s.Lower(0.95) : 0;
        Assert.True(Width(clusters) > 2.5 * Width(null));
    }

    [Fact]
    public void Without_spread_the_rule_of_three_speaks_and_without_a_value_nothing_is_decided()
    {
        var flat = new ResampledStatistic(59, _ => 1.0, 1);
        Assert.Equal(Math.Pow(0.05, 1 / 59.0), flat.Lower(0.95), 12);
        Assert.Equal(GateVerdict.Inconclusive, CorpusGates.Decide(new ResampledStatistic(10, _ => 1.0, 1), 0.9, 0.95, false).Verdict);
        Assert.Equal(GateVerdict.Pass, CorpusGates.Decide(flat, 0.95, 0.95, false).Verdict);
        Assert.Equal(GateVerdict.Inconclusive, CorpusGates.Decide(new ResampledStatistic(50, _ => double.NaN, 1), 0.1, 0.95, false).Verdict);
        Assert.Equal(GateVerdict.Inconclusive, CorpusGates.Decide(new ResampledStatistic(1, _ => 1.0, 1), 0.1, 0.95, false).Verdict);
    }

    /// <summary>F1 of 200 items exactly at the minimum: passed in at most about 5 % of 200 trials (three standard errors are 4.6 %).</summary>
    [Fact]
    public void A_classifier_at_the_limit_rarely_passes()
    {
        // Half positive, recall 0.8, false positive rate 0.2: F1 = 0.8 in the long run.
        var passed = Enumerable.Range(0, 200).Count(trial =>
        {
            var random = new Xoshiro256(99, (ulong)trial);
            var pairs = Enumerable.Range(0, 200).Select(_ => random.NextBool(0.5) ? (1, random.NextBool(0.8) ? 1 : 0) : (0, random.NextBool(0.2) ? 1 : 0)).ToArray();
            var sample = new ResampledStatistic(pairs.Length, items =>
            {
                var confusion = new Confusion(2);
                foreach (var item in items) confusion.Add(pairs[item].Item1, pairs[item].Item2);
                return confusion.F1(1);
            }, 1);
            return CorpusGates.Decide(sample, 0.8, 0.95, isStrict: false).Verdict == GateVerdict.Pass;
        }) / 200.0;
        Assert.True(passed <= 0.05 + 0.046, $"passed {passed:P1}");
    }

    private static double Mean(double[] values, ReadOnlySpan<int> items)
    {
        var sum = 0.0;
        foreach (var item in items) sum += values[item];
        return sum / items.Length;
    }
}
