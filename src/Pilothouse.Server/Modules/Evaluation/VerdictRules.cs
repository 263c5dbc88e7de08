using Pilothouse.Protocols.V1;
using Pilothouse.Statistics;
using GateResult = Pilothouse.Protocols.V1.GateResult;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>
/// One verdict from all gates.
/// PASS needs every deciding gate to pass, each at its own confidence: an intersection-union test, whose chance of a wrong PASS is at most the largest
/// 1 - confidence however many gates there are. FAIL needs one gate, so its chance of a wrong FAIL would grow with their number: failures
/// are Holm-adjusted over the primary gates, and one that does not survive is INCONCLUSIVE.
/// </summary>
internal static class VerdictRules
{
    public const string Pass = "PASS", Fail = "FAIL", Inconclusive = "INCONCLUSIVE", Invalid = "INVALID", Skipped = "SKIPPED", Budget = "BUDGET";

    /// <summary>Sentences of the overall reason.</summary>
    private const int MaxReasons = 3;

    /// <param name="gates">All gates of the evaluation, with the p-value of "the gate holds" (asked only of failed ones).</param>
    /// <returns>
    /// The same gates. Failures of primary gates that do not survive Holm's adjustment among the primary ones become INCONCLUSIVE, those of
    /// secondary gates Benjamini's and Hochberg's among the secondary ones; a must gate stands by itself.
    /// </returns>
    public static IReadOnlyList<GateResult> AdjustFailures(IReadOnlyList<(GateResult Gate, Func<double> FailureP)> gates)
    {
        var adjusted = gates.Select(g => g.Gate).ToArray();
        Adjust(adjusted, gates, GateRoles.Primary, p => MultipleTesting.Holm(p), "Holm-adjusted");
        Adjust(adjusted, gates, GateRoles.Secondary, p => MultipleTesting.BenjaminiHochberg(p), "adjusted by Benjamini and Hochberg");
        return adjusted;
    }

    private static void Adjust(GateResult[] adjusted, IReadOnlyList<(GateResult Gate, Func<double> FailureP)> gates, string role, Func<double[], double[]> method, string how)
    {
        int[] judged = [.. Enumerable.Range(0, adjusted.Length).Where(i => adjusted[i].Role == role && adjusted[i].Verdict is Pass or Fail or Inconclusive)];
        if (judged.Length < 2 || judged.All(i => adjusted[i].Verdict != Fail)) return;
        // Gates that did not fail have a p above their level: 1 keeps them behind every failure in the order.
        var p = method([.. judged.Select(i => adjusted[i].Verdict == Fail ? gates[i].FailureP() : 1)]);
        for (var k = 0; k < judged.Length; k++)
        {
            var gate = adjusted[judged[k]];
            if (gate.Verdict != Fail) continue;
            adjusted[judged[k]] = p[k] <= 1 - gate.Confidence + 1e-12 ? gate with { AdjustedFailureP = p[k] }
                : gate with { Verdict = Inconclusive, AdjustedFailureP = p[k], Reason = $"{gate.Reason} Alone this would fail, but among {judged.Length} {(role == GateRoles.Secondary ? "secondary " : "")}gates it is not sure enough ({how} p {GateJudge.P(p[k])})." };
        }
    }

    /// <summary>Secondary gates have no part in the verdict; what they found is said behind it.</summary>
    public static (string Verdict, string Reason) Overall(IReadOnlyList<(string Suite, GateResult Gate)> gates, IReadOnlyList<string> faults)
    {
        var (verdict, reason) = Decide([.. gates.Where(g => g.Gate.Decides)], faults);
        var noted = gates.Where(g => !g.Gate.Decides && g.Gate.Verdict == Fail).Select(g => $"{g.Suite}/{g.Gate.Name["secondary:".Length..]}").ToArray();
        return (verdict, noted.Length == 0 ? reason : $"{reason} Secondary gates that do not hold, for information: {string.Join(", ", noted.Take(MaxReasons))}{(noted.Length > MaxReasons ? $" and {noted.Length - MaxReasons} more" : "")}.");
    }

    private static (string Verdict, string Reason) Decide(IReadOnlyList<(string Suite, GateResult Gate)> gates, IReadOnlyList<string> faults)
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
            return (Inconclusive, skipped > 0 ? $"Nothing was decided: {skipped} gates compare with a base line and none was given." : "Nothing was decided: the suites have no gates that decide.");
        return (Pass, $"{(passed.Length == 1 ? "The gate holds" : $"All {passed.Length} gates hold")}{(skipped > 0 ? $" ({skipped} skipped without a base line)" : "")}. {Sentences(passed)}");
    }

    /// <summary>Suites with the same reason (not comparable) say it once.</summary>
    private static string Sentences((string Suite, GateResult Gate)[] gates)
    {
        var sentences = gates.Select(g => $"{g.Suite}: {g.Gate.Reason}").Distinct().ToArray();
        return string.Join(' ', sentences.Take(MaxReasons)) + (sentences.Length > MaxReasons ? $" And {sentences.Length - MaxReasons} more." : "");
    }
}
