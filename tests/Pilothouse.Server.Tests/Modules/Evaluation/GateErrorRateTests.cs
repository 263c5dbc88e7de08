using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Modules.Evaluation;
using Pilothouse.Statistics;
using GateResult = Pilothouse.Protocols.V1.GateResult;

namespace Pilothouse.Server.Tests.Modules.Evaluation;

/// <summary>
/// The verdict's promises, by simulation with fixed seeds: a model exactly at the margin is passed at most about 1 - confidence of the time, and
/// models exactly as good as demanded are failed by no gate more often than that, however many gates there are.
/// </summary>
public class GateErrorRateTests
{
    private const int Trials = 1_000;

    /// <summary>Three standard errors of a rate of 5 % over 1,000 trials.</summary>
    private const double Tolerance = 0.021;

    private static GateEntry NonInferiority(double margin) => new() { Source = default, Scorer = "s", Type = GateType.NonInferiority, Margin = margin, Confidence = 0.95 };

    private static GateEntry Floor(double min) => new() { Source = default, Scorer = "s", Type = GateType.Floor, Min = min, Confidence = 0.95 };

    /// <summary>Items of which the base line has 90 % right; the candidate loses some of those and wins some of the others.</summary>
    private static ScoreColumn Paired(Xoshiro256 random, int items, double loss, double win, int clusterSize = 1)
    {
        double[] candidate = new double[items], baseline = new double[items];
        var clusters = new string[items];
        for (var i = 0; i < items; i += clusterSize)
        {
            // Items of one cluster share their fate.
            var (right, moved) = (random.NextBool(0.9), random.NextDouble());
            for (var k = i; k < Math.Min(items, i + clusterSize); k++)
            {
                baseline[k] = right ? 1 : 0;
                candidate[k] = right ? (moved < loss ? 0 : 1) : (moved < win ? 1 : 0);
                clusters[k] = $"{i}";
            }
        }
        return new ScoreColumn("s", candidate, baseline, clusterSize == 1 ? null : clusters);
    }

    private static double Rate(Func<Xoshiro256, bool> trial) => Enumerable.Range(0, Trials).Count(t => trial(new Xoshiro256(20_260_101, (ulong)t))) / (double)Trials;

    private static (string Verdict, string) Verdict(params (GateEntry Gate, ScoreColumn Scores)[] gates) => VerdictRules.Overall(
        [.. VerdictRules.AdjustFailures([.. gates.Select(g => (GateJudge.Judge(g.Gate, g.Scores), (Func<double>)(() => GateJudge.FailurePValue(g.Gate, g.Scores))))]).Select(g => ("suite", g))], []);

    [Theory]
    [InlineData(300, 1)]
    [InlineData(300, 5)]
    public void A_model_exactly_at_the_margin_rarely_passes(int items, int clusterSize)
    {
        // True difference: -0.9 * 0.06 + 0.1 * 0.24 = -0.03.
        var passed = Rate(random => Verdict((NonInferiority(0.03), Paired(random, items, 0.06, 0.24, clusterSize))).Verdict == "PASS");
        Assert.True(passed <= 0.05 + Tolerance, $"passed {passed:P1}");
    }

    [Fact]
    public void Several_gates_do_not_pass_a_bad_model_more_often()
    {
        var passed = Rate(random => Verdict((NonInferiority(0.03), Paired(random, 300, 0.06, 0.24)), (Floor(0.5), Paired(random, 300, 0.0, 0.0)), (Floor(0.5), Paired(random, 300, 0, 0))).Verdict == "PASS");
        Assert.True(passed <= 0.05 + Tolerance, $"passed {passed:P1}");
    }

    [Fact]
    public void Many_gates_do_not_fail_a_good_model_more_often()
    {
        // Five gates, each exactly at its limit: without the adjustment some gate would fail in up to 23 % of the trials.
        var unadjusted = Rate(random => Enumerable.Range(0, 5).Any(_ => GateJudge.Judge(Floor(0.9), Paired(random, 300, 0, 0)).Verdict == "FAIL"));
        var failed = Rate(random => Verdict([.. Enumerable.Range(0, 5).Select(_ => (Floor(0.9), Paired(random, 300, 0, 0)))]).Verdict == "FAIL");
        Assert.True(failed <= 0.05 + Tolerance, $"failed {failed:P1}");
        Assert.True(unadjusted > 0.10, $"the simulation must be able to show the problem: {unadjusted:P1}");
    }

    [Fact]
    public void Real_changes_are_seen()
    {
        var failed = Rate(random => Verdict((NonInferiority(0.03), Paired(random, 400, 0.25, 0.0))).Verdict == "FAIL");
        var passed = Rate(random => Verdict((NonInferiority(0.03), Paired(random, 400, 0.0, 0.3))).Verdict == "PASS");
        Assert.True(failed > 0.95 && passed > 0.95, $"failed {failed:P1}, passed {passed:P1}");
    }

    [Fact]
    public void A_failure_that_does_not_survive_the_adjustment_is_inconclusive_and_says_so()
    {
        static GateResult Gate(string verdict) => new("floor:s", "s", "floor", verdict, "s is 0.8.", 0.8, 0.7, 0.89, 0.9, 0.95, "", 0.9, null, 0);
        var adjusted = VerdictRules.AdjustFailures([(Gate("FAIL"), () => 0.03), (Gate("PASS"), () => 1), (Gate("PASS"), () => 1)]);
        Assert.Equal("INCONCLUSIVE", adjusted[0].Verdict);
        Assert.Contains("among 3 gates it is not sure enough (Holm-adjusted p = 0.09)", adjusted[0].Reason, StringComparison.Ordinal);
        Assert.Equal("FAIL", VerdictRules.AdjustFailures([(Gate("FAIL"), () => 0.03), (Gate("SKIPPED"), () => 1)])[0].Verdict);
        Assert.Equal("FAIL", VerdictRules.AdjustFailures([(Gate("FAIL"), () => 0.01), (Gate("PASS"), () => 1), (Gate("PASS"), () => 1)])[0].Verdict);
    }

    [Fact]
    public void Only_primary_gates_share_the_level_and_a_must_gate_stands_alone()
    {
        static GateResult Gate(string verdict, string role) => new("floor:s", "s", "floor", verdict, "s is 0.8.", 0.8, 0.7, 0.89, 0.9, 0.95, "", 0.9, null, 0, role);
        var adjusted = VerdictRules.AdjustFailures([(Gate("FAIL", "primary"), () => 0.03), (Gate("FAIL", "must"), () => 0.04), (Gate("FAIL", "secondary"), () => 0.01), (Gate("FAIL", "secondary"), () => 0.04), (Gate("PASS", "secondary"), () => 1)]);
        Assert.Equal(["FAIL", "FAIL", "FAIL", "INCONCLUSIVE", "PASS"], adjusted.Select(g => g.Verdict));
        Assert.Equal([null, null, 0.03, 0.06, null], adjusted.Select(g => g.AdjustedFailureP is { } p ? Math.Round(p, 9) : (double?)null)); // Benjamini and Hochberg: 3 p / 1, 3 p / 2
        Assert.Contains("among 3 secondary gates it is not sure enough (adjusted by Benjamini and Hochberg p = 0.06)", adjusted[3].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Secondary_gates_change_no_verdict_and_do_not_weaken_the_primary_one()
    {
        GateEntry Aside() => Floor(0.9) with { Role = GateRole.Secondary };
        // Secondary gates whose floor is far above what the model can do: the verdict is that of the primary gate all the same.
        var passed = Rate(random => Verdict([(Floor(0.8), Paired(random, 300, 0, 0)), .. Enumerable.Range(0, 4).Select(_ => (Aside() with { Min = 0.99 }, Paired(random, 300, 0, 0)))]).Verdict == "PASS");
        Assert.True(passed > 0.99, $"passed {passed:P1}");
        // A loss that one gate alone shows is diluted by four more primary gates (Holm), and by secondary ones not at all.
        bool Fails(Xoshiro256 random, Func<GateEntry> other) => Verdict([(Floor(0.95), Paired(random, 200, 0, 0)), .. Enumerable.Range(0, 4).Select(_ => (other() with { Min = 0.5 }, Paired(random, 200, 0, 0)))]).Verdict == "FAIL";
        var (aside, among) = (Rate(random => Fails(random, Aside)), Rate(random => Fails(random, () => Floor(0.9))));
        Assert.True(aside > among + 0.05, $"failed {aside:P1} with secondary gates, {among:P1} with primary ones");
    }

    [Fact]
    public void The_failure_p_value_is_the_level_at_which_the_bound_touches_the_limit()
    {
        var scores = new ScoreColumn("s", [.. Enumerable.Range(0, 100).Select(i => i < 70 ? 1.0 : 0.0)], null, null);
        // Score test of p >= 0.8 with 70 of 100: z = -0.1 / sqrt(0.8 * 0.2 / 100) = -2.5.
        Assert.Equal(Normal.Cdf(-2.5), GateJudge.FailurePValue(Floor(0.8), scores), 6);
        Assert.Equal(1, GateJudge.FailurePValue(Floor(0.5), scores));
    }
}
