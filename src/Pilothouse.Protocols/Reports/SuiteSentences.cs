using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Reports;

/// <summary>What every report says of a suite in words, beside its tables.</summary>
public static class SuiteSentences
{
    /// <summary>Cases named.</summary>
    private const int MaxNamed = 10;

    public static IEnumerable<string> Of(SuiteResult suite)
    {
        if (suite.Repeats > 1) yield return $"Each case was asked {suite.Repeats} times and counts once.";
        if (suite.Unstable is { Count: > 0 } unstable) yield return $"{unstable.Count} cases were scored differently in their repeats: {string.Join(", ", unstable.Take(MaxNamed))}{(unstable.Count > MaxNamed ? ", ..." : "")}.";
        if (suite.Flaky is { Count: > 0 } flaky)
            yield return $"{flaky.Count} cases flicker (their verdict flipped at least twice, and in at least 10 % of the latest runs of this target that asked anew, 20 at most); they count all the same: {string.Join(", ", flaky.Take(MaxNamed).Select(f => $"{f.Case} (right in {f.Right} of {f.Runs} runs, {f.Flips} flips)"))}{(flaky.Count > MaxNamed ? ", ..." : "")}. 'pilothouse test flakes' proposes a quarantine.";
        if (suite.Looks is { } looks)
            yield return looks.Reason is { } why ? $"Stopped at look {looks.Look} of {looks.Looks} after {looks.Asked} of {looks.Cases} cases: {why}." : $"All {looks.Cases} cases were asked; {looks.Looks} looks were planned, and none before the last decided.";
        if (suite.Quarantined is { Count: > 0 } quarantined) yield return $"{quarantined.Count} cases are in quarantine and do not count: {string.Join(", ", quarantined.Take(MaxNamed))}{(quarantined.Count > MaxNamed ? ", ..." : "")}.";
        if (suite.Slices?.Where(s => s.Mark is "worse" or "better").ToArray() is { Length: > 0 } marked)
            yield return $"Slices that differ from the base line (false discovery rate 5 % over {suite.Slices.Count(s => s.PValue is not null)} slices; they inform, they do not block): {string.Join(", ", marked.Take(MaxNamed).Select(s => string.Create(CultureInfo.InvariantCulture, $"{s.Field}={s.Value} {s.Mark} ({s.Scorer} {s.Difference:+0.0##;-0.0##;0.0})")))}.";
        if (suite.Usage is { } usage) yield return "Candidate: " + Usage(usage);
        if (suite.BaselineUsage is { } before) yield return "Base line: " + Usage(before);
        foreach (var a in suite.Agreement ?? [])
            yield return $"{a.Scorer}: {a.Judge} {(a.With == "people" ? "agrees with people" : "agree among themselves")} with Krippendorff's alpha {(a.Alpha is { } alpha ? alpha.ToString("0.00", CultureInfo.InvariantCulture) : "undefined (all the same)")} on {a.Cases} cases.";
        foreach (var s in suite.Scorers.Where(s => s.Failed > 0)) yield return $"{s.Name} could not score {s.Failed} cases; they count against the candidate.";
        foreach (var s in suite.Scorers.Where(s => s.MinimumDetectableEffect is > 0))
            yield return string.Create(CultureInfo.InvariantCulture, $"{s.Name}: these cases show {(s.Difference is null ? "a distance from a limit" : "a change")} of {s.MinimumDetectableEffect:0.0##} or more (power 0.8).");
        if (suite.Classification is { } c)
            yield return string.Create(CultureInfo.InvariantCulture, $"Accuracy {c.Accuracy:0.000}, balanced {c.BalancedAccuracy:0.000}, macro F1 {c.MacroF1:0.000}, MCC {c.Mcc:0.000}{Named(", AUROC", c.Auroc)}{Named(", Brier", c.Brier)}{Named(", calibration error", c.CalibrationError)}.");
    }

    private static string Usage(UsageFigures usage) => string.Create(CultureInfo.InvariantCulture,
        $"{usage.PromptTokens} tokens read, {usage.CompletionTokens} written; an answer took {usage.LatencyMsP50:0.#} ms (median), {usage.LatencyMsP95:0.#} ms (95 %){(usage.Cost is { } cost ? $"; cost {cost:0.######}" : "")}.");

    private static string Named(string name, double? value) => value is { } known ? string.Create(CultureInfo.InvariantCulture, $"{name} {known:0.000}") : "";
}
