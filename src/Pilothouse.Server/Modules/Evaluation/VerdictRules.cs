using Pilothouse.Statistics;
using GateResult = Pilothouse.Protocols.V1.GateResult;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>
/// One verdict from all gates.
/// PASS needs every gate to pass, each at its own confidence: an intersection-union test, whose chance of a wrong PASS is at most the largest
/// 1 - confidence however many gates there are. FAIL needs one gate, so its chance of a wrong FAIL would grow with their number: failures
/// are Holm-adjusted over all judged gates, and one that does not survive is INCONCLUSIVE.
/// </summary>
internal static class VerdictRules
{
    public const string Pass = "PASS", Fail = "FAIL", Inconclusive = "INCONCLUSIVE", Invalid = "INVALID", Skipped = "SKIPPED", Budget = "BUDGET";

    /// <summary>Sentences of the overall reason.</summary>
    private const int MaxReasons = 3;

    /// <param name="gates">All judged gates, with the p-value of "the gate holds" (asked only of failed ones).</param>
    /// <returns>The same gates; failures that do not survive become INCONCLUSIVE.</returns>
    public static IReadOnlyList<GateResult> AdjustFailures(IReadOnlyList<(GateResult Gate, Func<double> FailureP)> gates)
    {
        var judged = gates.Count(g => g.Gate.Verdict is Pass or Fail or Inconclusive);
        if (judged < 2 || gates.All(g => g.Gate.Verdict != Fail)) return [.. gates.Select(g => g.Gate)];
        // Gates that did not fail have a p above their level: 1 keeps them behind every failure in Holm's order.
        var p = gates.Where(g => g.Gate.Verdict is Pass or Fail or Inconclusive).Select(g => g.Gate.Verdict == Fail ? g.FailureP() : 1).ToArray();
        var adjusted = new Queue<double>(MultipleTesting.Holm(p));
        return [.. gates.Select(g =>
        {
            if (g.Gate.Verdict is not (Pass or Fail or Inconclusive)) return g.Gate;
            var one = adjusted.Dequeue();
            if (g.Gate.Verdict != Fail || one <= 1 - g.Gate.Confidence + 1e-12) return g.Gate;
            return g.Gate with { Verdict = Inconclusive, Reason = $"{g.Gate.Reason} Alone this would fail, but among {judged} gates it is not sure enough (Holm-adjusted p {GateJudge.P(one)})." };
        })];
    }

    public static (string Verdict, string Reason) Overall(IReadOnlyList<(string Suite, GateResult Gate)> gates, IReadOnlyList<string> faults)
    {
        var failed = gates.Where(g => g.Gate.Verdict == Fail).ToArray();
        if (failed.Length > 0) return (Fail, Sentences(failed));
        var invalid = gates.Where(g => g.Gate.Verdict == Invalid).ToArray();
        if (faults.Count > 0) return (Invalid, "Not comparable: " + string.Join("; ", faults) + ".");
        if (invalid.Length > 0) return (Invalid, Sentences(invalid));
        var open = gates.Where(g => g.Gate.Verdict == Inconclusive).ToArray();
        if (open.Length > 0) return (Inconclusive, Sentences(open));
        var passed = gates.Where(g => g.Gate.Verdict == Pass).ToArray();
        var skipped = gates.Count - passed.Length;
        if (passed.Length == 0)
            return (Inconclusive, skipped > 0 ? $"Nothing was decided: {skipped} gates compare with a base line and none was given." : "Nothing was decided: the suites have no gates.");
        return (Pass, $"{(passed.Length == 1 ? "The gate holds" : $"All {passed.Length} gates hold")}{(skipped > 0 ? $" ({skipped} skipped without a base line)" : "")}. {Sentences(passed)}");
    }

    /// <summary>Suites with the same reason (not comparable) say it once.</summary>
    private static string Sentences((string Suite, GateResult Gate)[] gates)
    {
        var sentences = gates.Select(g => $"{g.Suite}: {g.Gate.Reason}").Distinct().ToArray();
        return string.Join(' ', sentences.Take(MaxReasons)) + (sentences.Length > MaxReasons ? $" And {sentences.Length - MaxReasons} more." : "");
    }
}
