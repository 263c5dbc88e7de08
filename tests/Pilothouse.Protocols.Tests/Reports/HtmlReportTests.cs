using System.Globalization;
using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Pilothouse.Protocols.Reports;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Tests.Reports;

public partial class HtmlReportTests
{
    private static EvaluationCase Case(int i, string candidate, string outcome = "same", string? error = null) => new(i, "quality", $"c{i}", null, $"input {i}", "Yes", candidate, error, "Yes", null, outcome,
        new Dictionary<string, double> { ["exact"] = double.NaN }, new Dictionary<string, double> { ["exact"] = 1 });

    private static EvaluationDetail Detail(int cases) => new(new EvaluationSummary("e1", "shop", "c0ffee", "badcab", "finished", "PASS", "the reason", cases, cases, "ann", 0, 1, "sha256:ee"),
        [new SuiteResult("quality", "models:/assistant/3", "models:/assistant/2", "data/heldout.jsonl", cases, [new ScorerResult("exact", 0.5, 0.1, 0.9, 1, -0.5, -0.9, 0.1, 0.95, "Wilson score")], [], [])]);

    private static JsonElement Head(string html) => JsonElement.Parse(Embedded().Match(html).Groups[1].Value);

    private static byte[] Marks(string html) => Head(html).GetProperty("marks").GetBytesFromBase64();

    /// <summary>The rows of all chunks, as a browser inflates them.</summary>
    private static List<JsonElement> Rows(string html)
    {
        var rows = new List<JsonElement>();
        foreach (Match chunk in Chunk().Matches(html))
        {
            Assert.Equal(rows.Count, int.Parse(chunk.Groups[1].Value, CultureInfo.InvariantCulture) * Head(html).GetProperty("per").GetInt32());
            using var inflate = new DeflateStream(new MemoryStream(Convert.FromBase64String(chunk.Groups[2].Value)), CompressionMode.Decompress);
            rows.AddRange(JsonElement.Parse(new StreamReader(inflate).ReadToEnd()).EnumerateArray());
        }
        Assert.Equal(rows.Count, Marks(html).Length);
        Assert.Equal(rows.Count, Head(html).GetProperty("runs").EnumerateArray().Sum(r => r[1].GetInt32()));
        return rows;
    }

    [Fact]
    public void Every_case_is_in_the_page_and_no_text_leaves_its_place()
    {
        const string Evil = "</script><script>alert(1)</script><!--<b>&amp; \u2028 \ud83d\ude00";
        var html = HtmlReport.Write(Detail(3), [Case(0, Evil, "worsened"), Case(1, "Yes"), Case(2, "", "worsened", "timed out")], null);
        Assert.DoesNotContain("alert(1)", html, StringComparison.Ordinal);
        var rows = Rows(html);
        Assert.Equal(3, rows.Count);
        Assert.Equal(("c0", Evil), (rows[0][0].GetString(), rows[0][5].GetString()));
        Assert.Equal("(no answer: timed out)", rows[2][5].GetString());
        Assert.Equal(JsonValueKind.Null, rows[0][1][0].ValueKind); // NaN is no score, and no JSON either
        Assert.Equal([0, 2, 0 | 4], Marks(html)); // worsened, same, worsened without an answer
    }

    [Fact]
    public void Names_of_suites_and_scorers_cannot_end_their_element()
    {
        const string Evil = "</script><script>alert(1)</script>";
        var detail = Detail(1);
        detail = detail with { Suites = [detail.Suites[0] with { Name = Evil, Scorers = [detail.Suites[0].Scorers[0] with { Name = Evil }] }] };
        var html = HtmlReport.Write(detail, [Case(0, "Yes") with { Suite = Evil }], null);
        Assert.DoesNotContain("<script>alert", html, StringComparison.Ordinal);
        Assert.Equal(Evil, Head(html).GetProperty("suites")[0].GetString());
        Assert.Single(Rows(html));
    }

    [Fact]
    public void What_scorers_said_and_scores_that_are_missing_are_told()
    {
        var one = Case(0, "Yes") with { ScoreErrors = new Dictionary<string, string> { ["exact"] = "no such pattern" }, ScoreNotes = new Dictionary<string, string> { ["judge"] = "rude" } };
        var html = HtmlReport.Write(Detail(3), [one, one with { Error = "no such pattern", ScoreNotes = null }, Case(2, "Yes", "of another version")], null);
        Assert.Equal("exact: no score: no such pattern\njudge: rude", Rows(html)[0][7].GetString());
        Assert.Equal(0, Rows(html)[1][7].GetInt32()); // the answer that is missing says it already
        Assert.Equal([2 | 64, 2 | 4, 3], Marks(html)); // an outcome that is not known is none
    }

    [Fact]
    public void Cases_of_several_suites_keep_their_order()
    {
        var detail = Detail(2);
        detail = detail with { Suites = [detail.Suites[0], detail.Suites[0] with { Name = "other" }] };
        var html = HtmlReport.Write(detail, [.. Enumerable.Range(0, 20_000).Select(i => Case(i, $"answer {i}") with { Suite = i < 7_000 ? "quality" : "other" })], null);
        Assert.Equal("[[0,7000],[1,13000]]", Head(html).GetProperty("runs").GetRawText());
        Assert.True(Chunk().Count(html) > 1);
        Assert.All(Rows(html).Index(), r => Assert.Equal($"answer {r.Index}", r.Item[5].GetString()));
    }

    [Fact]
    public void A_gate_without_bounds_shows_none()
    {
        var detail = Detail(1);
        var every = new GateResult("every:exact", "exact", "every", "PASS", "fine", 1, null, null, 1, 0.95, "each case by itself", null, null, 0);
        Assert.DoesNotContain("[, ]", HtmlReport.Write(detail with { Suites = [detail.Suites[0] with { Gates = [every] }] }, [], null), StringComparison.Ordinal);
    }

    [Fact]
    public void A_report_without_cases_has_no_list_and_says_when_cases_are_missing()
    {
        Assert.DoesNotContain("cases-head", HtmlReport.Write(Detail(3), [], null), StringComparison.Ordinal);
        Assert.Contains("The evaluation has 3 cases, of which 1 were given to this report.", HtmlReport.Write(Detail(3), [Case(0, "Yes")], null), StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_is_bounded_and_says_what_was_cut()
    {
        // Texts that hardly compress: random characters, from the same seed each time.
        var random = new Random(1);
        var noise = new string([.. Enumerable.Range(0, 400_000).Select(_ => (char)random.Next('!', '~'))]);
        string Text(int i) => noise.Substring((int)(i * 2_999L % 390_000), 3_000) + i;
        var many = HtmlReport.Write(Detail(20_000), [.. Enumerable.Range(0, 20_000).Select(i => Case(i, Text(i)))], null);
        Assert.True(Encoding.UTF8.GetByteCount(many) < 17 * 1024 * 1024);
        Assert.Contains("Texts are cut at 500 characters", many, StringComparison.Ordinal);
        Assert.Equal(20_000, Rows(many).Count);

        var most = HtmlReport.Write(Detail(120_000), [.. Enumerable.Range(0, 120_000).Select(i => Case(i, Text(i), i % 10 == 0 ? "worsened" : "same") with { Input = Text(i + 40_000), Expected = Text(i + 80_001), Baseline = Text(i + 123_457) })], null);
        var kept = Marks(most);
        Assert.True(Encoding.UTF8.GetByteCount(most) < 17 * 1024 * 1024);
        Assert.Contains($"{120_000 - kept.Length} of 120000 cases are left out", most, StringComparison.Ordinal);
        Assert.Equal(12_000, kept.Count(m => (m & 3) == 0)); // what changed stays
    }

    [Theory]
    [InlineData(4_000, false)]
    [InlineData(4_001, true)]
    public void A_text_is_whole_unless_the_page_says_otherwise(int length, bool isCut)
    {
        var html = HtmlReport.Write(Detail(1), [Case(0, new string('x', length))], null);
        Assert.Equal(isCut, html.Contains("Texts are cut at 4000 characters", StringComparison.Ordinal));
        Assert.Equal(new string('x', 4_000) + (isCut ? "…" : ""), Rows(html)[0][5].GetString());
    }

    [Fact]
    public void The_policy_allows_the_script_of_the_page_alone()
    {
        var html = HtmlReport.Write(Detail(1), [Case(0, "Yes")], null);
        var start = html.IndexOf("<script>", StringComparison.Ordinal) + 8;
        var script = html[start..html.IndexOf("</script>", start, StringComparison.Ordinal)];
        Assert.Contains($"'sha256-{Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(script)))}'", HtmlReport.Policy, StringComparison.Ordinal);
        Assert.Contains(HtmlReport.Policy, html, StringComparison.Ordinal);
    }

    [GeneratedRegex("id=\"cases-head\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex Embedded();

    [GeneratedRegex("id=\"cases-([0-9]+)\">([A-Za-z0-9+/=]*)</script>")]
    private static partial Regex Chunk();
}
