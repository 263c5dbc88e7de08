using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Reports;

/// <summary>
/// All cases of an evaluation inside the HTML report: compact rows of JSON and a short script that shows a page of them at a time, so that 100,000
/// open as fast as ten. What the models said is only ever put into text nodes.
/// </summary>
internal static class HtmlCases
{
    /// <summary>Bytes of all rows together.</summary>
    private const int MaxBytes = 16 * 1024 * 1024;

    /// <summary>Characters kept of one text, tried in this order until everything fits.</summary>
    private static readonly int[] Lengths = [2_000, 500, 200, 100, 40];

    private static readonly string[] Outcomes = ["worsened", "improved", "same", "new"];

    // Escapes <, > and &, so that no text can end the element, and leaves other scripts than ours readable and short.
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.Create(UnicodeRanges.All) };

    private const string Script = """
        "use strict";
        const by = id => document.getElementById(id), data = JSON.parse(by("cases-data").textContent), size = 50;
        const outcomes = ["worsened", "improved", "same", "new"], flags = ["no answer", "unstable", "in quarantine", "flaky"];
        const figure = n => n == null ? "" : String(Math.round(n * 1000) / 1000);
        let found = [], page = 0;
        const add = (parent, tag, text) => { const e = document.createElement(tag); e.textContent = text; parent.append(e); return e; };
        const fill = (id, values) => values.forEach((v, i) => by(id).add(new Option(v, i)));
        function select() {
          const suite = by("case-suite").value, outcome = by("case-outcome").value, text = by("case-text").value.toLowerCase();
          found = data.rows.filter(r => (suite === "" || r[0] == suite) && (outcome === "" || (outcome < 4 ? r[2] == outcome : r[3] >> (outcome - 4) & 1)) &&
            (text === "" || r[1].toLowerCase().includes(text) || r.slice(6).some(t => t && t.toLowerCase().includes(text))));
          page = 0;
          show();
        }
        function show() {
          const pages = Math.max(1, Math.ceil(found.length / size)), first = page * size, rows = by("case-rows");
          rows.replaceChildren();
          for (const r of found.slice(first, first + size)) {
            const row = add(rows, "tr", ""), name = add(row, "th", r[1]);
            name.scope = "row";
            if (data.suites.length > 1) add(name, "small", " " + data.suites[r[0]]);
            add(row, "td", [outcomes[r[2]], ...flags.filter((_, i) => r[3] >> i & 1)].join(", "));
            add(row, "td", data.scorers[r[0]].map((s, i) => s + " " + figure(r[4][i]) + (r[5] ? " (" + figure(r[5][i]) + ")" : "")).join(", "));
            for (let i = 6; i < 10; i++) add(row, "td", r[i] || "");
          }
          by("case-state").textContent = found.length === 0 ? "No case." : (first + 1) + " to " + Math.min(first + size, found.length) + " of " + found.length + " cases";
          by("case-before").disabled = page === 0;
          by("case-after").disabled = page >= pages - 1;
        }
        fill("case-suite", data.suites);
        fill("case-outcome", [...outcomes, ...flags]);
        for (const id of ["case-suite", "case-outcome", "case-text"]) by(id).addEventListener("input", select);
        by("case-before").addEventListener("click", () => { page--; show(); });
        by("case-after").addEventListener("click", () => { page++; show(); });
        by("all-cases").hidden = false;
        select();
        """;

    /// <summary>Allows this script and nothing else: no request, no other code, whatever a text of a model holds.</summary>
    public static string Policy { get; } = $"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Script)))}'";

    public static void Write(StringBuilder html, EvaluationDetail evaluation, IReadOnlyList<EvaluationCase> cases)
    {
        if (cases.Count == 0) return;
        var names = evaluation.Suites.Select(s => s.Name).ToList();
        var (rows, length, shown) = Rows(names, evaluation, cases);
        html.Append("<section id=\"all-cases\" hidden><h2>All cases</h2>\n");
        if (length < Lengths[0]) html.Append(CultureInfo.InvariantCulture, $"<p>Texts are cut at {length} characters; the JSON report and the server have them whole.</p>\n");
        if (shown < cases.Count) html.Append(CultureInfo.InvariantCulture, $"<p class=\"INVALID\">{cases.Count - shown} of {cases.Count} cases are left out to keep this page small (those that did not change go first); the server and the JSON report have them all.</p>\n");
        var all = evaluation.Suites.Sum(s => s.Looks?.Asked ?? s.Cases);
        if (cases.Count < all) html.Append(CultureInfo.InvariantCulture, $"<p class=\"INVALID\">The evaluation has {all} cases, of which {cases.Count} were given to this report.</p>\n");
        html.Append("""
            <div class="find"><label>Suite <select id="case-suite"><option value="">all</option></select></label><label>Outcome <select id="case-outcome"><option value="">all</option></select></label><label>Text <input id="case-text" type="search" maxlength="200"></label></div>
            <div class="wide" role="region" aria-label="Cases" tabindex="0"><table><thead><tr><th scope="col">Case</th><th scope="col">Outcome</th><th scope="col">Scores (base line)</th><th scope="col">Input</th><th scope="col">Expected</th><th scope="col">Candidate</th><th scope="col">Base line</th></tr></thead><tbody id="case-rows"></tbody></table></div>
            <p><button type="button" id="case-before">Before</button> <button type="button" id="case-after">Next</button> <span id="case-state" role="status"></span></p></section>
            <noscript><p>The list of all cases needs JavaScript; everything else on this page does not.</p></noscript>

            """);
        html.Append("<script type=\"application/json\" id=\"cases-data\">{\"suites\":").Append(JsonSerializer.Serialize(names, Json)).Append(",\"scorers\":")
            .Append(JsonSerializer.Serialize(evaluation.Suites.Select(s => s.Scorers.Select(c => c.Name)), Json)).Append(",\"rows\":[").Append(rows).Append("]}</script>\n<script>").Append(Script).Append("</script>\n");
    }

    /// <summary>As much text of each case as fits; cases that did not change are the first to go.</summary>
    private static (StringBuilder Rows, int Length, int Shown) Rows(List<string> names, EvaluationDetail evaluation, IReadOnlyList<EvaluationCase> cases)
    {
        foreach (var length in Lengths)
            if (cases.Sum(c => Size(c, length)) <= MaxBytes && Fitting(names, evaluation, cases, length) is { } rows) return (rows, length, cases.Count);
        var kept = cases.Select((c, i) => (Case: c, At: i)).OrderBy(c => c.Case.Outcome is "same" ? 1 : 0).ToList();
        for (var take = kept.Count; ; take = take * 3 / 4)
            if (Fitting(names, evaluation, [.. kept.Take(take).OrderBy(c => c.At).Select(c => c.Case)], Lengths[^1]) is { } rows) return (rows, Lengths[^1], take);
    }

    private static StringBuilder? Fitting(List<string> names, EvaluationDetail evaluation, IReadOnlyList<EvaluationCase> cases, int length)
    {
        var rows = new StringBuilder();
        var bytes = 0L;
        foreach (var one in cases)
        {
            var suite = names.IndexOf(one.Suite);
            if (suite < 0) continue;
            double?[] Values(IReadOnlyDictionary<string, double> scores) => [.. evaluation.Suites[suite].Scorers.Select(s => scores.TryGetValue(s.Name, out var score) && double.IsFinite(score) ? Math.Round(score, 4) : (double?)null)];
            var flags = (one.Error is null ? 0 : 1) | (one.Unstable is true ? 2 : 0) | (one.Quarantined is true ? 4 : 0) | (one.Flaky is true ? 8 : 0);
            var row = JsonSerializer.Serialize(new object?[]
            {
                suite, one.Id, Math.Max(0, Array.IndexOf(Outcomes, one.Outcome)), flags, Values(one.Scores), one.BaselineScores is { } before ? Values(before) : 0,
                Cut(one.Input, length), Cut(one.Expected, length), Cut(one.Error is { } error ? $"(no answer: {error})" : one.Candidate, length), Cut(one.BaselineError is { } fault ? $"(no answer: {fault})" : one.Baseline, length),
            }, Json);
            if ((bytes += Encoding.UTF8.GetByteCount(row) + 2) > MaxBytes) return null;
            if (rows.Length > 0) rows.Append(",\n");
            rows.Append(row);
        }
        return rows;
    }

    /// <summary>Less than a row takes, so that nothing is written that cannot fit.</summary>
    private static long Size(EvaluationCase one, int length)
    {
        long Of(string? text) => Math.Min(text?.Length ?? 0, length);
        return 20 + one.Id.Length + Of(one.Input) + Of(one.Expected) + Of(one.Candidate) + Of(one.Baseline);
    }

    private static object Cut(string? text, int length)
    {
        if (text is null) return 0;
        if (text.Length <= length) return text;
        return text[..(char.IsHighSurrogate(text[length - 1]) ? length - 1 : length)] + "…";
    }
}
