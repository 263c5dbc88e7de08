using System.Globalization;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Statistics;
using GateResult = Pilothouse.Protocols.V1.GateResult;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Judges one gate and says why in words with figures. The statistics are <see cref="Gates"/>.</summary>
internal static class GateJudge
{
    /// <summary>Stable. A secondary gate may stand beside a deciding one of the same kind, with another limit.</summary>
    public static string NameOf(GateEntry gate) => gate.Decides ? $"{TypeOf(gate)}:{gate.Scorer}" : $"secondary:{TypeOf(gate)}:{gate.Scorer}";

    public static GateResult Judge(GateEntry gate, ScoreColumn scores) => gate.Type switch { GateType.Floor => Floor(gate, scores), GateType.Every => Every(gate, scores), _ => NonInferiority(gate, scores) };

    /// <summary>A gate that could not be judged.</summary>
    public static GateResult Without(GateEntry gate, string verdict, string reason) => new(NameOf(gate), gate.Scorer, TypeOf(gate), verdict, reason, null, null, null, Threshold(gate), gate.Confidence, "", null, null, null, RoleOf(gate));

    /// <summary>
    /// Smallest error probability at which the gate still counts as failed: the one-sided p-value of "the gate holds". Found by widening the
    /// bounds until they no longer fail, which is the same thing for every method behind the gate.
    /// </summary>
    public static double FailurePValue(GateEntry gate, ScoreColumn scores)
    {
        if (gate.Type == GateType.Every) return 0; // a case that failed did fail
        bool FailsAt(double alpha) => Compute(gate, scores, 1 - alpha).Verdict == GateVerdict.Fail;
        double low = -30, high = Math.Log(1 - gate.Confidence);
        if (!FailsAt(Math.Exp(high))) return 1;
        for (var k = 0; k < 40; k++)
        {
            var middle = 0.5 * (low + high);
            // Below 1e-15, 1 - alpha is 1: no bound exists there.
            if (middle > -34 && 1 - Math.Exp(middle) < 1 && FailsAt(Math.Exp(middle))) high = middle;
            else low = middle;
        }
        return Math.Exp(high);
    }

    private static Statistics.GateResult Compute(GateEntry gate, ScoreColumn scores, double confidence) => scores.Corpus is { } corpus
        ? CorpusGates.Decide(gate.Type == GateType.Floor ? corpus.Candidate.Value : corpus.Difference!.Value, Threshold(gate), confidence, isStrict: gate.Type != GateType.Floor)
        : gate.Type == GateType.Floor
        ? Gates.Floor(scores.Candidate, gate.Min!.Value, confidence, scores.Clusters)
        : Gates.NonInferiority(scores.Candidate, scores.Baseline!, gate.Margin!.Value, confidence, scores.Clusters);

    private static GateResult Floor(GateEntry gate, ScoreColumn scores)
    {
        var result = Compute(gate, scores, gate.Confidence);
        var (lower, upper, level) = (Figure(result.Interval.Lower), Figure(result.Interval.Upper), Level(gate));
        var what = $"{gate.Scorer} is {Figure(result.Value)} on {Sample(result)}";
        var reason = result.Verdict switch
        {
            GateVerdict.Pass => $"{what}: the lower {level} bound {lower} reaches the floor {Figure(gate.Min!.Value)}.",
            GateVerdict.Fail => $"{what}: even the upper {level} bound {upper} is below the floor {Figure(gate.Min!.Value)}.",
            _ => $"{what}: the {level} bounds [{lower}, {upper}] straddle the floor {Figure(gate.Min!.Value)}. {More(result)}",
        };
        return Result(gate, result, reason);
    }

    private static GateResult Every(GateEntry gate, ScoreColumn scores)
    {
        const int MaxNamed = 5;
        var (least, all) = (Threshold(gate), scores.Candidate.Length);
        int[] below = [.. Enumerable.Range(0, all).Where(i => !(scores.Candidate[i] >= least - 1e-9))];
        var share = (double)(all - below.Length) / all;
        var ids = scores.Ids.Count == all ? $": {string.Join(", ", below.Take(MaxNamed).Select(i => scores.Ids[i]))}{(below.Length > MaxNamed ? ", ..." : "")}" : "";
        var reason = below.Length == 0 ? $"{gate.Scorer} is at least {Figure(least)} on each of {all} cases." : $"{gate.Scorer} is below {Figure(least)} on {below.Length} of {all} cases{ids}.";
        return new GateResult(NameOf(gate), gate.Scorer, TypeOf(gate), below.Length == 0 ? VerdictRules.Pass : VerdictRules.Fail, reason, share, null, null, 1, gate.Confidence, "each case by itself", null, null, 0, RoleOf(gate));
    }

    private static GateResult NonInferiority(GateEntry gate, ScoreColumn scores)
    {
        if (scores.Corpus is { } corpus) return CorpusNonInferiority(gate, scores, corpus);
        var result = (NonInferiorityResult)Compute(gate, scores, gate.Confidence);
        var moved = result.CandidateMean < result.BaselineMean ? "fell" : result.CandidateMean > result.BaselineMean ? "rose" : "stayed";
        var what = moved == "stayed" ? $"{gate.Scorer} stayed at {Figure(result.CandidateMean)} on the same {Sample(result)}"
            : $"{gate.Scorer} {moved} from {Figure(result.BaselineMean)} to {Figure(result.CandidateMean)} on the same {Sample(result)}";
        var figures = $"difference {Signed(result.Value)}, one-sided {Level(gate)} bounds [{Signed(result.Interval.Lower)}, {Signed(result.Interval.Upper)}], margin {Signed(-gate.Margin!.Value)} ({result.Difference.Method} p {P(result.Difference.PValue)})";
        var counts = $"{result.Worsened} cases got worse, {result.Improved} better.";
        var reason = result.Verdict switch
        {
            GateVerdict.Pass => $"{what}: {figures}. {counts}{(result.RegressionShown ? " The loss is real, but within the margin." : "")}",
            GateVerdict.Fail => $"{what}: {figures}. {counts}",
            _ => $"{what}: {figures}. The bounds straddle the margin. {counts} {More(result)}",
        };
        return Result(gate, result, reason);
    }

    private static GateResult CorpusNonInferiority(GateEntry gate, ScoreColumn scores, CorpusColumn corpus)
    {
        var result = Compute(gate, scores, gate.Confidence);
        var (now, before) = (corpus.Candidate.Value.Value, corpus.Baseline!.Value.Value);
        var moved = now < before ? "fell" : now > before ? "rose" : "stayed";
        var what = moved == "stayed" ? $"{gate.Scorer} stayed at {Figure(now)} on the same {Sample(result)}" : $"{gate.Scorer} {moved} from {Figure(before)} to {Figure(now)} on the same {Sample(result)}";
        var figures = $"difference {Signed(result.Value)}, one-sided {Level(gate)} bounds [{Signed(result.Interval.Lower)}, {Signed(result.Interval.Upper)}], margin {Signed(-gate.Margin!.Value)} ({result.Method})";
        return Result(gate, result, result.Verdict == GateVerdict.Inconclusive ? $"{what}: {figures}. The bounds straddle the margin. {More(result)}" : $"{what}: {figures}.");
    }

    private static GateResult Result(GateEntry gate, Statistics.GateResult result, string reason) => new(NameOf(gate), gate.Scorer, TypeOf(gate), result.Verdict.ToString().ToUpperInvariant(), reason.TrimEnd(),
        result.Value, result.Interval.Lower, result.Interval.Upper, Threshold(gate), gate.Confidence, result.Method, result.PValue, result.MinimumDetectableEffect,
        result.MoreItemsNeeded is { } more ? (int)Math.Min(more, int.MaxValue) : null, RoleOf(gate));

    private static string More(Statistics.GateResult result)
    {
        var needed = result.MoreItemsNeeded is { } more ? $"About {more.ToString("N0", CultureInfo.InvariantCulture)} more cases like these would decide." : "The true value is too near the limit for more cases to decide.";
        return result.MinimumDetectableEffect is { } effect ? $"{needed} These cases show changes of {Figure(effect)} or more (power 0.8)." : needed;
    }

    private static string Sample(Statistics.GateResult result) => result.Clusters is { } clusters ? $"{result.Items} cases in {clusters} clusters" : $"{result.Items} cases";

    private static string TypeOf(GateEntry gate) => gate.Type switch { GateType.Floor => "floor", GateType.Every => "every", _ => "non_inferiority" };

    private static string RoleOf(GateEntry gate) => gate.Role switch { GateRole.Secondary => Protocols.V1.GateRoles.Secondary, GateRole.Must => Protocols.V1.GateRoles.Must, _ => Protocols.V1.GateRoles.Primary };

    private static double Threshold(GateEntry gate) => gate.Type switch { GateType.Floor => gate.Min ?? 0, GateType.Every => gate.Min ?? 1, _ => -(gate.Margin ?? 0) };

    private static string Level(GateEntry gate) => string.Create(CultureInfo.InvariantCulture, $"{gate.Confidence * 100:0.##} %");

    internal static string Figure(double value) => value.ToString("0.0##", CultureInfo.InvariantCulture);

    internal static string Signed(double value) => value.ToString("+0.0##;-0.0##;0.0", CultureInfo.InvariantCulture);

    internal static string P(double value) => value < 0.001 ? "< 0.001" : "= " + value.ToString("0.###", CultureInfo.InvariantCulture);
}
