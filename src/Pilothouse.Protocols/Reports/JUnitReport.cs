using System.Globalization;
using System.Text;
using System.Xml;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Reports;

/// <summary>
/// JUnit XML that Jenkins, CircleCI, GitLab, GitHub and Travis readers take alike. Gates are test cases of their own suite; a missed question
/// is no failure of its own, so that the file and the exit code always agree. Names are stable: adding a case renames no other.
/// </summary>
/// <remarks>
/// <c>failure</c> = a gate failed; <c>error</c> = no verdict was possible (inconclusive, not comparable); <c>skipped</c> = a comparison without
/// a base line, a secondary gate that does not hold, or a case that the engine did not answer.
/// </remarks>
public static class JUnitReport
{
    /// <summary>Cases of one file; CI systems refuse larger ones (GitLab 30 MB and 250,000 objects). The file says how many were left out.</summary>
    public const int MaxCases = 10_000;

    /// <summary>Characters of one answer or input.</summary>
    private const int MaxText = 2_000;

    /// <param name="cases">Cases to list, at most <see cref="MaxCases"/> of them; may be empty.</param>
    public static string Write(EvaluationDetail? evaluation, IReadOnlyList<EvaluationCase> cases, FairnessReport? fairness)
    {
        var suites = new List<Suite>();
        if (evaluation is not null)
        {
            suites.Add(Gates(evaluation));
            cases = [.. cases.Take(MaxCases)];
            suites.AddRange(evaluation.Suites.Select(s => Cases(s, evaluation.Summary, [.. cases.Where(c => c.Suite == s.Name)])).Where(s => s.Cases.Count > 0));
        }
        if (fairness is not null) suites.Add(Fairness(fairness));
        return Write(suites);
    }

    private static Suite Gates(EvaluationDetail evaluation)
    {
        var summary = evaluation.Summary;
        var gates = evaluation.Suites.SelectMany(s => s.Gates.Select(g => new Case($"pilothouse.gate.{s.Name}", g.Name, KindOf(g), g.Verdict, g.Decides ? g.Reason : $"Secondary, decides nothing. {g.Verdict}: {g.Reason}", Properties(s, g)))).ToList();
        // What no gate says: the evaluation could not be run, or is not comparable as a whole.
        var said = gates.Any(g => g.Kind is Kind.Failure or Kind.Error);
        if (!said && summary.Verdict != "PASS")
            gates.Add(new Case("pilothouse.gate", "evaluation", summary.Verdict == "FAIL" ? Kind.Failure : Kind.Error, summary.Verdict ?? summary.Status.ToUpperInvariant(), summary.Reason ?? "", []));
        return new Suite("pilothouse.gate", summary.CreatedMs, Seconds(summary), gates,
            [("project", summary.Project), ("commit", summary.Commit), ("baseline", summary.BaselineCommit), ("verdict", summary.Verdict), ("evidence", summary.Digest), ("evaluation", summary.Id)]);
    }

    private static Suite Cases(SuiteResult suite, EvaluationSummary summary, IReadOnlyList<EvaluationCase> cases)
    {
        var scorers = suite.Scorers.Select(s => s.Name).ToArray();
        return new Suite($"pilothouse.{suite.Name}", summary.CreatedMs, Seconds(summary),
            [.. cases.Select(c => new Case($"pilothouse.{suite.Name}.{scorers.FirstOrDefault() ?? "cases"}", c.Id, c.Error is null && c.Quarantined is not true ? Kind.Passed : Kind.Skipped, "NO_ANSWER", c.Quarantined is true ? "In quarantine: asked, but not counted." : c.Error is null ? "" : "The engine did not answer: " + c.Error, Properties(c)) { Seconds = (c.LatencyMs ?? 0) / 1000, IsFlaky = c.Unstable == true || c.Flaky == true })],
            [("model", suite.Model), ("model_digest", suite.ModelDigest), ("baseline_model", suite.BaselineModel), ("dataset", suite.Dataset), ("dataset_digest", suite.DatasetDigest),
                ("cases_left_out", (suite.Looks?.Asked ?? suite.Cases) - cases.Count is > 0 and var left ? left.ToString(CultureInfo.InvariantCulture) : null),
                .. suite.Scorers.Select(s => (s.Name, (string?)Number(s.Candidate)))]);
    }

    private static Suite Fairness(FairnessReport report) => new("pilothouse.fairness", report.CreatedMs, 0,
        [.. report.Checks.Select(c => new Case($"pilothouse.fairness.{c.Name}", c.Method, KindOf(c.Verdict), c.Verdict, c.Reason,
            [("model", c.Model), .. c.Figures.SelectMany(f => ((string, string?)[])[(f.Metric, Number(f.Value)), (f.Metric + ".lower", Number(f.Lower)), (f.Metric + ".upper", Number(f.Upper))])]))],
        [("project", report.Project), ("commit", report.Commit), ("verdict", report.Verdict), ("evidence", report.Digest)]);

    private static (string, string?)[] Properties(SuiteResult suite, GateResult gate) =>
    [
        ("value", Number(gate.Value)), ("lower", Number(gate.Lower)), ("upper", Number(gate.Upper)), ("threshold", Number(gate.Threshold)), ("confidence", Number(gate.Confidence)),
        ("p_value", Number(gate.PValue)), ("method", gate.Method), ("cases", suite.Cases.ToString(CultureInfo.InvariantCulture)), ("model", suite.Model), ("model_digest", suite.ModelDigest),
        ("role", gate.Role), ("verdict", gate.Decides ? null : gate.Verdict), ("adjusted_failure_p", Number(gate.AdjustedFailureP)),
    ];

    private static (string, string?)[] Properties(EvaluationCase one) =>
    [
        ("outcome", one.Outcome), .. one.Scores.Select(s => ("score." + s.Key, (string?)Number(s.Value))),
        .. one.BaselineScores?.Select(s => ("baseline_score." + s.Key, (string?)Number(s.Value))) ?? [],
        .. one.ScoreErrors?.Select(s => ("error." + s.Key, (string?)s.Value)) ?? [], .. one.ScoreNotes?.Select(s => ("note." + s.Key, (string?)s.Value)) ?? [],
        ("tokens", one.CompletionTokens?.ToString(CultureInfo.InvariantCulture)), ("cost", Number(one.Cost)),
        .. one.Outcome is "worsened" or "improved" ? ((string, string?)[])[("input", one.Input), ("expected", one.Expected), ("answer", one.Candidate), ("baseline_answer", one.Baseline)] : [],
    ];

    /// <summary>What decides nothing may neither fail nor break a build.</summary>
    private static Kind KindOf(GateResult gate) => gate.Decides || gate.Verdict == "PASS" ? KindOf(gate.Verdict) : Kind.Skipped;

    private static Kind KindOf(string verdict) => verdict switch
    {
        "PASS" => Kind.Passed,
        "FAIL" => Kind.Failure,
        "SKIPPED" => Kind.Skipped,
        _ => Kind.Error,
    };

    private static string Write(List<Suite> suites)
    {
        using var text = new Utf8Writer();
        using (var xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, NewLineChars = "\n", CheckCharacters = true }))
        {
            xml.WriteStartElement("testsuites");
            Counts(xml, [.. suites.SelectMany(s => s.Cases)]);
            foreach (var suite in suites) Write(xml, suite);
            xml.WriteEndElement();
        }
        return text + "\n";
    }

    private static void Write(XmlWriter xml, Suite suite)
    {
        xml.WriteStartElement("testsuite");
        xml.WriteAttributeString("name", Clean(suite.Name));
        Counts(xml, suite.Cases);
        xml.WriteAttributeString("time", suite.Seconds.ToString("0.###", CultureInfo.InvariantCulture));
        xml.WriteAttributeString("timestamp", DateTimeOffset.FromUnixTimeMilliseconds(suite.CreatedMs).ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture));
        Write(xml, suite.Properties);
        foreach (var one in suite.Cases)
        {
            xml.WriteStartElement("testcase");
            xml.WriteAttributeString("classname", Clean(one.ClassName));
            xml.WriteAttributeString("name", Clean(one.Name));
            xml.WriteAttributeString("time", one.Seconds.ToString("0.###", CultureInfo.InvariantCulture));
            Write(xml, one.Properties);
            if (one is { IsFlaky: true, Kind: Kind.Passed })
            {
                // Surefire's element, which Jenkins shows: the case stands, but not every time.
                xml.WriteStartElement("flakyFailure");
                xml.WriteAttributeString("message", "The verdict of this case flickers: between its repeats, or between evaluations of the same target.");
                xml.WriteAttributeString("type", "UNSTABLE");
                xml.WriteEndElement();
            }
            if (one.Kind != Kind.Passed)
            {
                xml.WriteStartElement(one.Kind.ToString().ToLowerInvariant());
                xml.WriteAttributeString("message", Clean(one.Reason));
                if (one.Kind != Kind.Skipped)
                {
                    xml.WriteAttributeString("type", one.Verdict);
                    xml.WriteString(Clean(one.Reason));
                }
                xml.WriteEndElement();
            }
            xml.WriteEndElement();
        }
        xml.WriteEndElement();
    }

    private static void Counts(XmlWriter xml, IReadOnlyList<Case> cases)
    {
        void Count(string name, int value) => xml.WriteAttributeString(name, value.ToString(CultureInfo.InvariantCulture));
        Count("tests", cases.Count);
        Count("failures", cases.Count(c => c.Kind == Kind.Failure));
        Count("errors", cases.Count(c => c.Kind == Kind.Error));
        Count("skipped", cases.Count(c => c.Kind == Kind.Skipped));
    }

    private static void Write(XmlWriter xml, IReadOnlyList<(string Name, string? Value)> properties)
    {
        var known = properties.Where(p => !string.IsNullOrEmpty(p.Value)).ToArray();
        if (known.Length == 0) return;
        xml.WriteStartElement("properties");
        foreach (var (name, value) in known)
        {
            xml.WriteStartElement("property");
            xml.WriteAttributeString("name", Clean(name));
            xml.WriteAttributeString("value", Clean(value!));
            xml.WriteEndElement();
        }
        xml.WriteEndElement();
    }

    private static double Seconds(EvaluationSummary summary) => summary.FinishedMs is { } end ? (end - summary.CreatedMs) / 1000.0 : 0;

    private static string? Number(double? value) => value?.ToString("0.######", CultureInfo.InvariantCulture);

    /// <summary>XML 1.0 has no place for most control characters, and models do emit them.</summary>
    private static string Clean(string text)
    {
        if (text.Length > MaxText) text = text[..MaxText] + "...";
        var clean = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            if (rune.Value is 0x9 or 0xA or 0xD or >= 0x20 and not (0xFFFE or 0xFFFF)) clean.Append(rune.ToString());
        return clean.ToString();
    }

    private enum Kind
    {
        Passed,
        Failure,
        Error,
        Skipped,
    }

    private sealed record Suite(string Name, long CreatedMs, double Seconds, IReadOnlyList<Case> Cases, IReadOnlyList<(string, string?)> Properties);

    private sealed record Case(string ClassName, string Name, Kind Kind, string Verdict, string Reason, IReadOnlyList<(string, string?)> Properties)
    {
        public double Seconds { get; init; }

        public bool IsFlaky { get; init; }
    }

    private sealed class Utf8Writer() : StringWriter(CultureInfo.InvariantCulture)
    {
        public override Encoding Encoding => Encoding.UTF8;
    }
}
