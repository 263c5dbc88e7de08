using System.Globalization;
using System.Net;
using System.Text;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Reports;

/// <summary>
/// One self-contained page: no request to anywhere, light and dark, to be kept as a build artifact. Its one script pages and filters the list of all
/// cases; everything else is there without it.
/// </summary>
public static class HtmlReport
{
    private const string Style = """
        :root{color-scheme:light dark;font:14px/1.45 system-ui,sans-serif;background:light-dark(#fff,#141414);color:light-dark(#1a1a1a,#e8e8e8)}body{max-width:1100px;margin:2rem auto;padding:0 1rem}
        table{border-collapse:collapse;width:100%;margin:.6rem 0 1.2rem}th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid light-dark(#ddd,#444);vertical-align:top}
        td{font-variant-numeric:tabular-nums}code{font-size:12px;overflow-wrap:anywhere}.v{font-weight:600}
        .PASS{color:light-dark(#116329,#57ab5a)}.FAIL{color:light-dark(#a40e26,#f47067)}.INCONCLUSIVE,.INVALID{color:light-dark(#7d4e00,#daaa3f)}h1{font-size:1.4rem}h2{font-size:1.15rem;margin-top:2rem}
        .wide{overflow-x:auto}.find{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem}.wide td{max-width:22rem;overflow-wrap:anywhere}#case-rows td{white-space:pre-wrap;min-width:9rem}input,select,button{font:inherit}
        """;

    /// <summary>What the page may do, for a Content-Security-Policy header; the page says the same of itself.</summary>
    public static string Policy => HtmlCases.Policy;

    /// <param name="cases">All cases of the evaluation, for the list of them; may be empty.</param>
    public static string Write(EvaluationDetail? evaluation, IReadOnlyList<EvaluationCase> cases, FairnessReport? fairness)
    {
        var html = new StringBuilder();
        var title = evaluation is not null ? $"Evaluation of {evaluation.Summary.Project}" : $"Fairness of {fairness?.Project}";
        html.Append(CultureInfo.InvariantCulture, $"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><meta http-equiv=\"Content-Security-Policy\" content=\"{HtmlCases.Policy}\"><title>{E(title)}</title><style>{Style}</style></head><body><main>\n");
        if (evaluation is not null) Write(html, evaluation);
        if (fairness is not null) Write(html, fairness);
        if (evaluation is not null) HtmlCases.Write(html, evaluation, cases);
        return html.Append("</main></body></html>\n").ToString();
    }

    private static void Write(StringBuilder html, EvaluationDetail evaluation)
    {
        var summary = evaluation.Summary;
        html.Append(CultureInfo.InvariantCulture, $"<h1><span class=\"v {E(summary.Verdict ?? "")}\">{E(summary.Verdict ?? summary.Status)}</span>: evaluation of {E(summary.Project)}</h1>\n<p>{E(summary.Reason ?? "")}</p>\n");
        Table(html, ["Commit", "Base line", "Evidence", "By", "When"],
            [[Code(summary.Commit), Code(summary.BaselineCommit ?? "none"), Code(summary.Digest ?? "none"), E(summary.CreatedBy), E(DateTimeOffset.FromUnixTimeMilliseconds(summary.CreatedMs).ToString("u", CultureInfo.InvariantCulture))]]);
        foreach (var suite in evaluation.Suites)
        {
            html.Append(CultureInfo.InvariantCulture, $"<h2>{E(suite.Name)}</h2>\n<p>{E(suite.Model)}{(suite.BaselineModel is { } m ? $" against {E(m)}" : "")}: {suite.Cases} cases of {E(suite.Dataset)}{(suite.Clusters is { } c ? $" in {c} clusters" : "")}{(suite.BaselineCommit is { } own ? $"; base line of this suite: {Code(own)}" : "")}; {suite.Failed} without an answer; {suite.Cached} answers from earlier runs.</p>\n");
            Table(html, ["Gate", "Decides", "Verdict", "Value", "Bounds", "Limit", "Why"], suite.Gates.Select(g => (string[])[E(g.Name), MarkdownReport.Role(g), g.Decides ? Verdict(g.Verdict) : E(g.Verdict), N(g.Value), g.Lower is null && g.Upper is null ? "" : $"[{N(g.Lower)}, {N(g.Upper)}]", N(g.Threshold), E(g.Reason)]));
            Table(html, ["Score", "Candidate", "95 % interval", "Base line", "Difference", "95 % interval", "Method"],
                suite.Scorers.Select(s => (string[])[E(s.Name), N(s.Candidate), $"[{N(s.CandidateLower)}, {N(s.CandidateUpper)}]", N(s.Baseline), N(s.Difference), s.Difference is null ? "" : $"[{N(s.DifferenceLower)}, {N(s.DifferenceUpper)}]", E(s.Method)]));
            if (suite.Classification is { } table)
                Table(html, ["Class", "Precision", "Recall", "F1", "Cases", .. table.Labels.Select(l => $"decided {E(l)}")],
                    table.Classes.Select((c, k) => (string[])[E(c.Label), N(c.Precision), N(c.Recall), N(c.F1), c.Support.ToString(CultureInfo.InvariantCulture), .. table.Confusion[k].Select(n => n.ToString(CultureInfo.InvariantCulture))]));
            if (suite.Slices is { Count: > 0 } slices)
                Table(html, ["Slice", "Score", "Cases", "Candidate", "95 % interval", "Base line", "Difference", "p (Benjamini-Hochberg)", ""],
                    slices.Select(s => (string[])[$"{E(s.Field)} = {E(s.Value)}", E(s.Scorer), s.Cases.ToString(CultureInfo.InvariantCulture), N(s.Candidate), $"[{N(s.Lower)}, {N(s.Upper)}]", N(s.Baseline), N(s.Difference), N(s.AdjustedPValue), E(s.Mark)]));
            foreach (var sentence in SuiteSentences.Of(suite)) html.Append(CultureInfo.InvariantCulture, $"<p>{E(sentence)}</p>\n");
            foreach (var note in suite.Notes ?? []) html.Append(CultureInfo.InvariantCulture, $"<p>Note: {E(note)}</p>\n");
            if (suite.Differences.Count == 0) continue;
            html.Append(CultureInfo.InvariantCulture, $"<details><summary>{suite.Differences.Count} cases that differ, worst first</summary>\n");
            Table(html, ["Case", "Input", "Expected", "Candidate", "Base line"], suite.Differences.Select(d => (string[])[E(d.Id), E(d.Input), E(d.Expected ?? ""), $"{E(d.Candidate)} ({N(d.CandidateScore)})", $"{E(d.Baseline ?? "")} ({N(d.BaselineScore)})"]));
            html.Append("</details>\n");
        }
    }

    private static void Write(StringBuilder html, FairnessReport report)
    {
        html.Append(CultureInfo.InvariantCulture, $"<h1>{Verdict(report.Verdict)}: fairness of {E(report.Project)}</h1>\n");
        foreach (var check in report.Checks)
        {
            html.Append(CultureInfo.InvariantCulture, $"<h2>{E(check.Name)}</h2>\n<p>{Verdict(check.Verdict)} {E(check.Reason)}</p>\n");
            Table(html, ["Figure", "Value", "Bounds", "Limit", "Verdict", "Lowest", "Highest", "Method"],
                check.Figures.Select(f => (string[])[E(f.Metric), N(f.Value), $"[{N(f.Lower)}, {N(f.Upper)}]", N(f.Limit), Verdict(f.Verdict), E(f.WorstGroup ?? ""), E(f.BestGroup ?? ""), E(f.Method)]));
            Table(html, ["Group", "Rate", "Value", "Interval", "Items"], check.Groups.Select(g => (string[])[E(g.Group), E(g.Metric), N(g.Value), $"[{N(g.Lower)}, {N(g.Upper)}]", g.Count.ToString(CultureInfo.InvariantCulture)]));
        }
    }

    private static void Table(StringBuilder html, string[] head, IEnumerable<string[]> rows)
    {
        html.Append("<div class=\"wide\" role=\"region\" tabindex=\"0\" aria-label=\"").Append(head[0]).Append("\"><table><thead><tr>").AppendJoin("", head.Select(h => $"<th scope=\"col\">{h}</th>")).Append("</tr></thead><tbody>\n");
        foreach (var row in rows) html.Append("<tr>").AppendJoin("", row.Select(cell => $"<td>{cell}</td>")).Append("</tr>\n");
        html.Append("</tbody></table></div>\n");
    }

    private static string Verdict(string verdict) => $"<span class=\"v {E(verdict)}\">{E(verdict)}</span>";

    private static string Code(string text) => $"<code>{E(text)}</code>";

    private static string N(double? value) => MarkdownReport.Figure(value);

    private static string E(string text) => WebUtility.HtmlEncode(text);
}
