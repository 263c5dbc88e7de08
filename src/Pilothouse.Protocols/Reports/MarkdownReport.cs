using System.Globalization;
using System.Text;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Reports;

/// <summary>Report for a pull request comment or <c>$GITHUB_STEP_SUMMARY</c>.</summary>
public static class MarkdownReport
{
    private const int MaxDifferences = 20;

    private const int MaxCell = 200;

    public static string Write(EvaluationDetail? evaluation, FairnessReport? fairness)
    {
        var text = new StringBuilder();
        if (evaluation is not null) Write(text, evaluation);
        if (fairness is not null) Write(text, fairness);
        return text.ToString();
    }

    private static void Write(StringBuilder text, EvaluationDetail evaluation)
    {
        var summary = evaluation.Summary;
        text.Append(CultureInfo.InvariantCulture, $"## {Mark(summary.Verdict)} {summary.Verdict ?? summary.Status.ToUpperInvariant()}: evaluation of {summary.Project} at `{Short(summary.Commit)}`\n\n");
        text.Append(CultureInfo.InvariantCulture, $"{Escape(summary.Reason ?? "")}\n\n");
        text.Append(CultureInfo.InvariantCulture, $"Base line: {(summary.BaselineCommit is { } b ? $"`{Short(b)}`" : "none")}. Evidence: `{summary.Digest ?? "none"}`.\n\n");
        foreach (var suite in evaluation.Suites)
        {
            text.Append(CultureInfo.InvariantCulture, $"### {Escape(suite.Name)}\n\n{Escape(suite.Model)}{(suite.BaselineModel is { } m ? $" against {Escape(m)}" : "")}, {suite.Cases} cases of {Escape(suite.Dataset)}{(suite.Clusters is { } c ? $" in {c} clusters" : "")}{(suite.BaselineCommit is { } own ? $"; base line of this suite: `{Short(own)}`" : "")}.\n\n");
            text.Append("| Gate | Decides | Verdict | Value | Bounds | Limit |\n|---|---|---|---|---|---|\n");
            foreach (var gate in suite.Gates)
                text.Append(CultureInfo.InvariantCulture, $"| {Escape(gate.Name)} | {Role(gate)} | {(gate.Decides || gate.Verdict == "PASS" ? Mark(gate.Verdict) : "ℹ️")} {gate.Verdict} | {Figure(gate.Value)} | [{Figure(gate.Lower)}, {Figure(gate.Upper)}] | {Figure(gate.Threshold)} |\n");
            text.Append('\n');
            foreach (var gate in suite.Gates) text.Append(CultureInfo.InvariantCulture, $"* **{Escape(gate.Name)}**: {Escape(gate.Reason)}\n");
            foreach (var sentence in SuiteSentences.Of(suite)) text.Append(CultureInfo.InvariantCulture, $"* {Escape(sentence)}\n");
            foreach (var note in suite.Notes ?? []) text.Append(CultureInfo.InvariantCulture, $"* Note: {Escape(note)}\n");
            text.Append('\n');
            Classes(text, suite.Classification);
            Slices(text, suite.Slices);
            if (suite.Differences.Count == 0) continue;
            text.Append(CultureInfo.InvariantCulture, $"<details><summary>{suite.Differences.Count} cases that differ</summary>\n\n| Case | Input | Expected | Candidate | Base line |\n|---|---|---|---|---|\n");
            foreach (var one in suite.Differences.Take(MaxDifferences))
                text.Append(CultureInfo.InvariantCulture, $"| {Escape(one.Id)} | {Escape(one.Input)} | {Escape(one.Expected ?? "")} | {Escape(one.Candidate)} ({Figure(one.CandidateScore)}) | {Escape(one.Baseline ?? "")} ({Figure(one.BaselineScore)}) |\n");
            text.Append("\n</details>\n\n");
        }
    }

    /// <summary>What the verdict of a gate is good for, in a word or two.</summary>
    internal static string Role(GateResult gate) => gate.Role switch { GateRoles.Secondary => "no, secondary", GateRoles.Must => "must", _ => "primary" };

    private static void Slices(StringBuilder text, IReadOnlyList<SliceResult>? slices)
    {
        if (slices is not { Count: > 0 }) return;
        text.Append("| Slice | Score | Cases | Candidate | Base line | Difference | p (BH) | |\n|---|---|---|---|---|---|---|---|\n");
        foreach (var s in slices.OrderBy(s => s.Mark is "worse" ? 0 : s.Mark is "better" ? 1 : 2).Take(MaxDifferences))
            text.Append(CultureInfo.InvariantCulture, $"| {Escape(s.Field)} = {Escape(s.Value)} | {Escape(s.Scorer)} | {s.Cases} | {Figure(s.Candidate)} | {Figure(s.Baseline)} | {Figure(s.Difference)} | {Figure(s.AdjustedPValue)} | {s.Mark} |\n");
        text.Append('\n');
    }

    private static void Classes(StringBuilder text, ClassificationTable? table)
    {
        if (table is null) return;
        text.Append("| Class | Precision | Recall | F1 | Cases |\n|---|---|---|---|---|\n");
        foreach (var row in table.Classes.Take(MaxDifferences)) text.Append(CultureInfo.InvariantCulture, $"| {Escape(row.Label)} | {Figure(row.Precision)} | {Figure(row.Recall)} | {Figure(row.F1)} | {row.Support} |\n");
        text.Append('\n');
    }

    private static void Write(StringBuilder text, FairnessReport report)
    {
        text.Append(CultureInfo.InvariantCulture, $"## {Mark(report.Verdict)} {report.Verdict}: fairness of {report.Project} at `{Short(report.Commit)}`\n\n");
        foreach (var check in report.Checks)
        {
            text.Append(CultureInfo.InvariantCulture, $"### {Escape(check.Name)}: {check.Verdict}\n\n{Escape(check.Reason)}\n\n| Figure | Value | Bounds | Limit | Lowest | Highest |\n|---|---|---|---|---|---|\n");
            foreach (var f in check.Figures)
                text.Append(CultureInfo.InvariantCulture, $"| {Escape(f.Metric)} | {Figure(f.Value)} | [{Figure(f.Lower)}, {Figure(f.Upper)}] | {Figure(f.Limit)} | {Escape(f.WorstGroup ?? "")} | {Escape(f.BestGroup ?? "")} |\n");
            text.Append('\n');
        }
    }

    internal static string Mark(string? verdict) => verdict switch
    {
        "PASS" => "✅",
        "FAIL" => "❌",
        "SKIPPED" or "INFO" => "➖",
        _ => "⚠️",
    };

    internal static string Short(string commit) => commit.Length > 10 ? commit[..10] : commit;

    internal static string Figure(double? value) => value is null ? "" : value.Value.ToString("0.0##", CultureInfo.InvariantCulture);

    /// <summary>Answers of models are foreign text: no markup, no line ends, no table breaks.</summary>
    private static string Escape(string text)
    {
        if (text.Length > MaxCell * 10) text = text[..(MaxCell * 10)] + "...";
        var result = new StringBuilder(text.Length);
        foreach (var c in text)
        {
            if (c is '\n' or '\r') result.Append(' ');
            else if (c is '|' or '<' or '>' or '`' or '*' or '_' or '[' or ']' or '\\' or '&' or '#' or '@') result.Append(CultureInfo.InvariantCulture, $"&#{(int)c};");
            else result.Append(c);
        }
        return result.ToString();
    }
}
