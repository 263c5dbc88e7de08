using System.Xml.Linq;
using Pilothouse.Protocols.Reports;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Tests.Reports;

public class JUnitReportTests
{
    private static EvaluationSummary Summary(string? verdict, string status = "finished") => new("e1", "shop", "c0ffee", "badcab", status, verdict, "the reason", 4, 4, "ann", 1_767_225_600_000, 1_767_225_602_500, "sha256:ee");

    private static GateResult Gate(string name, string verdict) => new(name, "exact", name.Split(':')[0], verdict, $"why {name}", -0.5, -0.6, -0.4, -0.03, 0.95, "Tango score (paired)", 0.99, 0.1, 0);

    private static EvaluationDetail Detail(string verdict, params GateResult[] gates) => new(Summary(verdict),
        [new SuiteResult("quality", "models:/assistant/3", "models:/assistant/2", "data/heldout.jsonl", 2, [new ScorerResult("exact", 0.5, 0.1, 0.9, 1, -0.5, -0.9, 0.1, 0.95, "Wilson score")], gates, [], "sha256:dd", "sha256:aa")]);

    private static readonly EvaluationCase[] Cases =
    [
        new(0, "quality", "c1", null, "Hi", "Yes", "No \u0001\u001b[31m<&\">", null, "Yes", null, "worsened", new Dictionary<string, double> { ["exact"] = 0 }, new Dictionary<string, double> { ["exact"] = 1 }),
        new(1, "quality", "c2", null, "Hi", "Yes", "", "timed out", "Yes", null, "worsened", new Dictionary<string, double> { ["exact"] = 0 }, new Dictionary<string, double> { ["exact"] = 1 }),
    ];

    [Fact]
    public void The_file_is_as_expected()
    {
        const string expected = """
            <?xml version="1.0" encoding="utf-8"?>
            <testsuites tests="4" failures="1" errors="0" skipped="2">
              <testsuite name="pilothouse.gate" tests="2" failures="1" errors="0" skipped="1" time="2.5" timestamp="2026-01-01T00:00:00">
                <properties>
                  <property name="project" value="shop" />
                  <property name="commit" value="c0ffee" />
                  <property name="baseline" value="badcab" />
                  <property name="verdict" value="FAIL" />
                  <property name="evidence" value="sha256:ee" />
                  <property name="evaluation" value="e1" />
                </properties>
                <testcase classname="pilothouse.gate.quality" name="floor:exact" time="0">
                  <properties>
                    <property name="value" value="-0.5" />
                    <property name="lower" value="-0.6" />
                    <property name="upper" value="-0.4" />
                    <property name="threshold" value="-0.03" />
                    <property name="confidence" value="0.95" />
                    <property name="p_value" value="0.99" />
                    <property name="method" value="Tango score (paired)" />
                    <property name="cases" value="2" />
                    <property name="model" value="models:/assistant/3" />
                    <property name="model_digest" value="sha256:aa" />
                    <property name="role" value="primary" />
                  </properties>
                  <failure message="why floor:exact" type="FAIL">why floor:exact</failure>
                </testcase>
                <testcase classname="pilothouse.gate.quality" name="non_inferiority:exact" time="0">
                  <properties>
                    <property name="value" value="-0.5" />
                    <property name="lower" value="-0.6" />
                    <property name="upper" value="-0.4" />
                    <property name="threshold" value="-0.03" />
                    <property name="confidence" value="0.95" />
                    <property name="p_value" value="0.99" />
                    <property name="method" value="Tango score (paired)" />
                    <property name="cases" value="2" />
                    <property name="model" value="models:/assistant/3" />
                    <property name="model_digest" value="sha256:aa" />
                    <property name="role" value="primary" />
                  </properties>
                  <skipped message="why non_inferiority:exact" />
                </testcase>
              </testsuite>
              <testsuite name="pilothouse.quality" tests="2" failures="0" errors="0" skipped="1" time="2.5" timestamp="2026-01-01T00:00:00">
                <properties>
                  <property name="model" value="models:/assistant/3" />
                  <property name="model_digest" value="sha256:aa" />
                  <property name="baseline_model" value="models:/assistant/2" />
                  <property name="dataset" value="data/heldout.jsonl" />
                  <property name="dataset_digest" value="sha256:dd" />
                  <property name="exact" value="0.5" />
                </properties>
                <testcase classname="pilothouse.quality.exact" name="c1" time="0">
                  <properties>
                    <property name="outcome" value="worsened" />
                    <property name="score.exact" value="0" />
                    <property name="baseline_score.exact" value="1" />
                    <property name="input" value="Hi" />
                    <property name="expected" value="Yes" />
                    <property name="answer" value="No [31m&lt;&amp;&quot;&gt;" />
                    <property name="baseline_answer" value="Yes" />
                  </properties>
                </testcase>
                <testcase classname="pilothouse.quality.exact" name="c2" time="0">
                  <properties>
                    <property name="outcome" value="worsened" />
                    <property name="score.exact" value="0" />
                    <property name="baseline_score.exact" value="1" />
                    <property name="input" value="Hi" />
                    <property name="expected" value="Yes" />
                    <property name="baseline_answer" value="Yes" />
                  </properties>
                  <skipped message="The engine did not answer: timed out" />
                </testcase>
              </testsuite>
            </testsuites>

            """;
        Assert.Equal(expected, JUnitReport.Write(Detail("FAIL", Gate("floor:exact", "FAIL"), Gate("non_inferiority:exact", "SKIPPED")), Cases, null));
    }

    /// <summary>A CI system that reads the file and one that reads the exit code must come to the same end.</summary>
    [Theory]
    [InlineData("PASS", "PASS", false)]
    [InlineData("FAIL", "FAIL", true)]
    [InlineData("INCONCLUSIVE", "INCONCLUSIVE", true)]
    [InlineData("INVALID", "INVALID", true)]
    [InlineData("INVALID", "PASS", true)]
    [InlineData("INCONCLUSIVE", "SKIPPED", true)]
    public void The_file_is_red_exactly_when_the_verdict_is_no_pass(string verdict, string gate, bool red)
    {
        var root = XDocument.Parse(JUnitReport.Write(Detail(verdict, Gate("floor:exact", gate)), Cases, null)).Root!;
        Assert.Equal(red, (int)root.Attribute("failures")! + (int)root.Attribute("errors")! > 0);
    }

    [Theory]
    [InlineData("FAIL")]
    [InlineData("INVALID")]
    [InlineData("INCONCLUSIVE")]
    public void A_secondary_gate_that_does_not_hold_is_told_and_makes_no_report_red(string verdict)
    {
        var detail = Detail("PASS", Gate("floor:exact", "PASS"), Gate("secondary:floor:exact", verdict) with { Role = GateRoles.Secondary });
        var root = XDocument.Parse(JUnitReport.Write(detail, [], null)).Root!;
        Assert.Equal((0, 0, 1), ((int)root.Attribute("failures")!, (int)root.Attribute("errors")!, (int)root.Attribute("skipped")!));
        Assert.Contains(root.Descendants("skipped"), s => s.Attribute("message")!.Value.StartsWith($"Secondary, decides nothing. {verdict}: why", StringComparison.Ordinal));
        Assert.Contains($"| no, secondary | ℹ️ {verdict} |", MarkdownReport.Write(detail, null), StringComparison.Ordinal);
        Assert.Contains($"<td>no, secondary</td><td>{verdict}</td>", HtmlReport.Write(detail, [], null), StringComparison.Ordinal);
        Assert.Contains("\"role\": \"secondary\"", JsonReport.Write(detail, [], null), StringComparison.Ordinal);
    }

    [Fact]
    public void An_evaluation_that_could_not_run_is_an_error() =>
        Assert.Contains("<error message=\"the reason\" type=\"FAILED\">", JUnitReport.Write(new EvaluationDetail(Summary(null, "failed"), []), [], null), StringComparison.Ordinal);

    [Fact]
    public void Fairness_checks_are_test_cases()
    {
        var check = new FairnessCheck("pronouns", "models:/assistant/1", "generative", "pronoun_preference", "FAIL", "a gap", [new FairnessFigure("gap", 0.8, 0.7, 0.9, 0.95, 0.2, "FAIL", "t", "engineer", "nurse")], []);
        var text = JUnitReport.Write(null, [], new FairnessReport("f1", "shop", "c0ffee", "FAIL", [check], "ann", 0, "sha256:ff"));
        var one = XDocument.Parse(text).Descendants("testcase").Single();
        Assert.Equal(("pilothouse.fairness.pronouns", "pronoun_preference"), ((string)one.Attribute("classname")!, (string)one.Attribute("name")!));
        Assert.Equal("a gap", (string)one.Element("failure")!.Attribute("message")!);
    }

    [Fact]
    public void Foreign_text_breaks_neither_markdown_nor_html()
    {
        var evil = new CaseResult("<script>alert(1)</script>", "| a\n| b |", null, "![x](http://evil)", 0, "`", 1);
        var detail = Detail("FAIL", Gate("floor:exact", "FAIL"));
        detail = detail with { Suites = [detail.Suites[0] with { Differences = [evil] }] };
        Assert.DoesNotContain("<script>", HtmlReport.Write(detail, [], null), StringComparison.Ordinal);
        var markdown = MarkdownReport.Write(detail, null);
        Assert.DoesNotContain("<script>", markdown, StringComparison.Ordinal);
        Assert.DoesNotContain("](http", markdown, StringComparison.Ordinal);
        Assert.DoesNotContain("\n| b |", markdown, StringComparison.Ordinal);
    }
}
