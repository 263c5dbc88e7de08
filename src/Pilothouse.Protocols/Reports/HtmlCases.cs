using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Reports;

/// <summary>
/// All cases of an evaluation inside the HTML report (<see cref="HtmlCaseChunks"/>) and a short script that shows a page of them at a time. The script
/// stands before all chunks but the first, so that a report of 100,000 cases shows its first page before the rest of the file is read. What the models
/// said is only ever put into text nodes.
/// </summary>
internal static class HtmlCases
{
    // Escapes <, > and &, so that no name can end the element, and leaves other scripts than ours readable and short.
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.Create(UnicodeRanges.All) };

    private const string Script = """
        "use strict";
        const by = id => document.getElementById(id);
        const head = JSON.parse(by("cases-head").textContent), { size, outcomes, flags } = head;
        const marks = bytes(head.marks), suites = new Uint16Array(marks.length);
        let at = 0;
        for (const [suite, count] of head.runs) suites.fill(suite, at, at += count);
        const whole = new Promise(done => document.addEventListener("DOMContentLoaded", done, { once: true }));
        const chunks = [];
        let found = [], page = 0, searches = 0, shows = 0;

        function bytes(text) {
          const binary = atob(text), all = new Uint8Array(binary.length);
          for (let i = 0; i < all.length; i++) all[i] = binary.charCodeAt(i);
          return all;
        }
        async function inflate(k) {
          if (k > 0) await whole; // only the first stands before this script
          const element = by("cases-" + k);
          if (!element) throw new Error("the file is not whole");
          const rows = await new Response(new Blob([bytes(element.textContent)]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).json();
          element.remove();
          return rows;
        }
        const chunk = k => chunks[k] ??= inflate(k);
        const chunkOf = i => Math.floor(i / head.per);
        const state = text => { by("case-state").textContent = text; };
        const safe = work => work().catch(e => state("The cases cannot be read: " + e.message));
        const figure = n => n == null ? "no score" : String(Math.round(n * 1000) / 1000);
        const add = (parent, tag, text) => { const e = document.createElement(tag); e.textContent = text; parent.append(e); return e; };
        const fill = (id, values) => values.forEach((v, i) => by(id).add(new Option(v, i)));

        async function select() {
          const turn = ++searches, suite = by("case-suite").value, outcome = by("case-outcome").value, text = by("case-text").value.toLowerCase();
          const hits = [];
          for (let i = 0; i < marks.length; i++)
            if ((suite === "" || suites[i] == suite) && (outcome === "" || (outcome < 4 ? (marks[i] & 3) == outcome : marks[i] >> (outcome - 2) & 1))) hits.push(i);
          const matching = text === "" ? hits : [];
          if (text !== "") {
            let k = -1, rows, since = performance.now();
            for (const i of hits) {
              if (chunkOf(i) !== k) {
                rows = await chunk(k = chunkOf(i));
                if (performance.now() - since > 40) { // the page stays awake, and a newer search goes before this one
                  state("Searching ...");
                  await new Promise(done => setTimeout(done));
                  since = performance.now();
                }
                if (turn !== searches) return;
              }
              if (rows[i % head.per].some((t, c) => c !== 1 && c !== 2 && t && t.toLowerCase().includes(text))) matching.push(i);
            }
          }
          found = matching;
          page = 0;
          await show();
        }
        async function show() {
          const turn = ++shows, pages = Math.max(1, Math.ceil(found.length / size)), first = page * size, part = found.slice(first, first + size);
          by("case-before").disabled = page === 0;
          by("case-after").disabled = page >= pages - 1;
          by("case-page").max = pages;
          by("case-page").value = page + 1;
          await Promise.all([...new Set(part.map(chunkOf))].map(chunk));
          if (turn !== shows) return;
          const rows = document.createDocumentFragment();
          for (const i of part) {
            const r = (await chunk(chunkOf(i)))[i % head.per], row = add(rows, "tr", ""), name = add(row, "th", r[0]);
            name.scope = "row";
            if (head.suites.length > 1) add(name, "small", " " + head.suites[suites[i]]);
            add(row, "td", [outcomes[marks[i] & 3], ...flags.filter((_, b) => marks[i] >> (b + 2) & 1)].join(", "));
            const scores = add(row, "td", head.scorers[suites[i]].map((s, c) => s + " " + figure(r[1][c]) + (r[2] ? " (" + figure(r[2][c]) + ")" : "")).join(", "));
            if (r[7]) add(scores, "small", "\n" + r[7]);
            for (let c = 3; c < 7; c++) add(row, "td", r[c] || "");
          }
          if (turn !== shows) return;
          by("case-rows").replaceChildren(rows);
          state(found.length === 0 ? "No case." : (first + 1) + " to " + (first + part.length) + " of " + found.length + " cases");
        }
        function turn(to) {
          page = Math.min(Math.max(0, to || 0), Math.max(0, Math.ceil(found.length / size) - 1));
          safe(show);
        }

        fill("case-suite", head.suites);
        fill("case-outcome", [...outcomes, ...flags]);
        for (const id of ["case-suite", "case-outcome", "case-text"]) by(id).addEventListener("input", () => safe(select));
        by("case-before").addEventListener("click", () => turn(page - 1));
        by("case-after").addEventListener("click", () => turn(page + 1));
        by("case-page").addEventListener("change", e => turn(e.target.valueAsNumber - 1));
        by("all-cases").hidden = false;
        if (window.DecompressionStream) safe(select);
        else state("This list needs a browser of 2023 or later.");
        """;

    /// <summary>Allows this script and nothing else: no request, no other code, whatever a text of a model holds.</summary>
    public static string Policy { get; } = $"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(Script)))}'";

    public static void Write(StringBuilder html, EvaluationDetail evaluation, IReadOnlyList<EvaluationCase> cases)
    {
        if (cases.Count == 0) return;
        var packed = HtmlCaseChunks.Of(evaluation, cases);
        html.Append("<section id=\"all-cases\" hidden><h2>All cases</h2>\n");
        if (packed.IsCut) html.Append(CultureInfo.InvariantCulture, $"<p>Texts are cut at {packed.Length} characters; the JSON report and the server have them whole.</p>\n");
        if (packed.Shown < cases.Count) html.Append(CultureInfo.InvariantCulture, $"<p class=\"INVALID\">{cases.Count - packed.Shown} of {cases.Count} cases are left out to keep this page small (those that did not change go first); the server and the JSON report have them all.</p>\n");
        var all = evaluation.Suites.Sum(s => s.Looks?.Asked ?? s.Cases);
        if (cases.Count < all) html.Append(CultureInfo.InvariantCulture, $"<p class=\"INVALID\">The evaluation has {all} cases, of which {cases.Count} were given to this report.</p>\n");
        html.Append("""
            <div class="find"><label>Suite <select id="case-suite"><option value="">all</option></select></label><label>Outcome <select id="case-outcome"><option value="">all</option></select></label><label>Text <input id="case-text" type="search" maxlength="200"></label></div>
            <div class="wide" role="region" aria-label="Cases" tabindex="0"><table><thead><tr><th scope="col">Case</th><th scope="col">Outcome</th><th scope="col">Scores (base line)</th><th scope="col">Input</th><th scope="col">Expected</th><th scope="col">Candidate</th><th scope="col">Base line</th></tr></thead><tbody id="case-rows"></tbody></table></div>
            <p class="find"><button type="button" id="case-before">Previous</button> <button type="button" id="case-after">Next</button> <label>Page <input id="case-page" type="number" min="1" max="1" value="1"></label> <span id="case-state" role="status"></span></p></section>
            <noscript><p>The list of all cases needs JavaScript; everything else on this page does not.</p></noscript>

            """);
        html.Append("<script type=\"application/json\" id=\"cases-head\">").Append(JsonSerializer.Serialize(new
        {
            suites = evaluation.Suites.Select(s => s.Name),
            scorers = evaluation.Suites.Select(s => s.Scorers.Select(c => c.Name)),
            outcomes = HtmlCaseChunks.Outcomes,
            flags = HtmlCaseChunks.Flags,
            size = HtmlCaseChunks.PageSize,
            per = packed.PerChunk,
            runs = packed.Runs,
            marks = Convert.ToBase64String(packed.Marks),
        }, Json)).Append("</script>\n");
        for (var k = 0; k <= packed.Chunks.Count; k++)
        {
            if (k == 1 || packed.Chunks.Count == 0) html.Append("<script>").Append(Script).Append("</script>\n");
            if (k < packed.Chunks.Count) html.Append(CultureInfo.InvariantCulture, $"<script type=\"text/plain\" id=\"cases-{k}\">").Append(packed.Chunks[k]).Append("</script>\n");
        }
    }
}
