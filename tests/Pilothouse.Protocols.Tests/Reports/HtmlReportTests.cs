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

    private static JsonElement Data(string html) => JsonElement.Parse(Embedded().Match(html).Groups[1].Value);

    [Fact]
    public void Every_case_is_in_the_page_and_no_text_leaves_its_place()
    {
        const string Evil = "</script><script>alert(1)</script><!--<b>&amp; \u2028 \ud83d\ude00";
        var html = HtmlReport.Write(Detail(3), [Case(0, Evil, "worsened"), Case(1, "Yes"), Case(2, "", "worsened", "timed out")], null);
        Assert.DoesNotContain("alert(1)</script>", html, StringComparison.Ordinal);
        var rows = Data(html).GetProperty("rows");
        Assert.Equal(3, rows.GetArrayLength());
        Assert.Equal(Evil, rows[0][8].GetString());
        Assert.Equal((0, 2, 0), (rows[0][2].GetInt32(), rows[1][2].GetInt32(), rows[1][3].GetInt32()));
        Assert.Equal((1, "(no answer: timed out)"), (rows[2][3].GetInt32(), rows[2][8].GetString()));
        Assert.Equal(JsonValueKind.Null, rows[0][4][0].ValueKind); // NaN is no score, and no JSON either
    }

    [Fact]
    public void A_report_without_cases_has_no_list_and_says_when_cases_are_missing()
    {
        Assert.DoesNotContain("cases-data", HtmlReport.Write(Detail(3), [], null), StringComparison.Ordinal);
        Assert.Contains("The evaluation has 3 cases, of which 1 were given to this report.", HtmlReport.Write(Detail(3), [Case(0, "Yes")], null), StringComparison.Ordinal);
    }

    [Fact]
    public void The_page_is_bounded_and_says_what_was_cut()
    {
        var text = new string('x', 3_000);
        var many = HtmlReport.Write(Detail(20_000), [.. Enumerable.Range(0, 20_000).Select(i => Case(i, text))], null);
        Assert.True(Encoding.UTF8.GetByteCount(many) < 17 * 1024 * 1024);
        Assert.Contains("Texts are cut at 500 characters", many, StringComparison.Ordinal);
        Assert.Equal(20_000, Data(many).GetProperty("rows").GetArrayLength());

        var most = HtmlReport.Write(Detail(200_000), [.. Enumerable.Range(0, 200_000).Select(i => Case(i, text, i % 10 == 0 ? "worsened" : "same"))], null);
        var rows = Data(most).GetProperty("rows");
        Assert.True(Encoding.UTF8.GetByteCount(most) < 17 * 1024 * 1024);
        Assert.Contains($"{200_000 - rows.GetArrayLength()} of 200000 cases are left out", most, StringComparison.Ordinal);
        Assert.Equal(20_000, rows.EnumerateArray().Count(r => r[2].GetInt32() == 0)); // what changed stays
    }

    [Fact]
    public void The_policy_allows_the_script_of_the_page_alone()
    {
        var html = HtmlReport.Write(Detail(1), [Case(0, "Yes")], null);
        var script = html[(html.IndexOf("<script>", StringComparison.Ordinal) + 8)..html.LastIndexOf("</script>", StringComparison.Ordinal)];
        Assert.Contains($"'sha256-{Convert.ToBase64String(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(script)))}'", HtmlReport.Policy, StringComparison.Ordinal);
        Assert.Contains(HtmlReport.Policy, html, StringComparison.Ordinal);
    }

    [GeneratedRegex("id=\"cases-data\">(.*?)</script>", RegexOptions.Singleline)]
    private static partial Regex Embedded();
}
