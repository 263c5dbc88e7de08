using System.Globalization;
using System.Text;
using System.Xml;

namespace Pilothouse.Protocols.Junit;

/// <summary>How a case ended.</summary>
public enum JunitOutcome
{
    Passed,

    /// <summary>The thing tested is not good enough.</summary>
    Failed,

    /// <summary>It could not be tested: a judge or provider was out of order.</summary>
    Error,
    Skipped,
}

/// <summary>One test case. CI systems follow it through time by class name and name: both must be stable.</summary>
/// <param name="ClassName">Such as <c>pilothouse.support-quality.exact</c>.</param>
/// <param name="Name">Stable id of the case: never a running number.</param>
public sealed record JunitCase(string ClassName, string Name, JunitOutcome Outcome)
{
    public TimeSpan Time { get; init; }

    public string? File { get; init; }

    /// <summary>Line in <see cref="File"/>, from 1.</summary>
    public int? Line { get; init; }

    /// <summary>One line on why it did not pass.</summary>
    public string? Message { get; init; }

    /// <summary>The whole story.</summary>
    public string? Detail { get; init; }

    /// <summary>Scores, interval bounds, tokens, cost, digests.</summary>
    public IReadOnlyList<(string Name, string Value)> Properties { get; init; } = [];

    /// <summary>Messages of attempts that failed before one passed (Surefire's <c>flakyFailure</c>).</summary>
    public IReadOnlyList<string> FlakyFailures { get; init; } = [];

    public string? SystemOut { get; init; }
}

/// <summary>A suite of cases.</summary>
/// <param name="Name">Such as <c>support-quality</c>, or <c>pilothouse.gate</c> for the decisions of gates.</param>
public sealed record JunitSuite(string Name, IReadOnlyList<JunitCase> Cases)
{
    /// <summary>When it ran, or null.</summary>
    public DateTimeOffset? Timestamp { get; init; }

    public IReadOnlyList<(string Name, string Value)> Properties { get; init; } = [];
}

/// <summary>Writes JUnit XML that Jenkins, CircleCI, GitLab, GitHub reporters and Travis scripts all read.</summary>
public static class JunitXml
{
    /// <summary>Longest message, detail or output of one case, in characters: GitLab refuses reports of 30 MB and more.</summary>
    public const int MaxText = 16 * 1024;

    public static string Write(IReadOnlyList<JunitSuite> suites)
    {
        var text = new StringBuilder();
        using (var xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, OmitXmlDeclaration = true, NewLineChars = "\n" }))
        {
            xml.WriteStartElement("testsuites");
            Totals(xml, [.. suites.SelectMany(s => s.Cases)]);
            foreach (var suite in suites)
                Suite(xml, suite);
            xml.WriteEndElement();
        }

        // XmlWriter on a StringBuilder would declare UTF-16.
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + text + "\n";
    }

    private static void Suite(XmlWriter xml, JunitSuite suite)
    {
        xml.WriteStartElement("testsuite");
        xml.WriteAttributeString("name", Clean(suite.Name));
        Totals(xml, suite.Cases);
        if (suite.Timestamp is { } timestamp)
            xml.WriteAttributeString("timestamp", timestamp.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss", CultureInfo.InvariantCulture));
        Properties(xml, suite.Properties);
        foreach (var testCase in suite.Cases)
            Case(xml, testCase);
        xml.WriteEndElement();
    }

    private static void Totals(XmlWriter xml, IReadOnlyList<JunitCase> cases)
    {
        void Count(string name, int value) => xml.WriteAttributeString(name, value.ToString(CultureInfo.InvariantCulture));
        Count("tests", cases.Count);
        Count("failures", cases.Count(c => c.Outcome == JunitOutcome.Failed));
        Count("errors", cases.Count(c => c.Outcome == JunitOutcome.Error));
        Count("skipped", cases.Count(c => c.Outcome == JunitOutcome.Skipped));
        xml.WriteAttributeString("time", Seconds(TimeSpan.FromTicks(cases.Sum(c => c.Time.Ticks))));
    }

    private static void Case(XmlWriter xml, JunitCase testCase)
    {
        xml.WriteStartElement("testcase");
        xml.WriteAttributeString("classname", Clean(testCase.ClassName));
        xml.WriteAttributeString("name", Clean(testCase.Name));
        if (testCase.File is { } file)
            xml.WriteAttributeString("file", Clean(file));
        if (testCase.Line is { } line)
            xml.WriteAttributeString("line", line.ToString(CultureInfo.InvariantCulture));
        xml.WriteAttributeString("time", Seconds(testCase.Time));
        Properties(xml, testCase.Properties);
        Outcome(xml, testCase);
        foreach (var flaky in testCase.FlakyFailures)
        {
            xml.WriteStartElement("flakyFailure");
            xml.WriteAttributeString("message", Clean(flaky));
            xml.WriteEndElement();
        }

        if (testCase.SystemOut is { } output)
            xml.WriteElementString("system-out", Clean(output));
        xml.WriteEndElement();
    }

    private static void Outcome(XmlWriter xml, JunitCase testCase)
    {
        var element = testCase.Outcome switch
        {
            JunitOutcome.Failed => "failure",
            JunitOutcome.Error => "error",
            JunitOutcome.Skipped => "skipped",
            _ => null,
        };
        if (element is null)
            return;
        xml.WriteStartElement(element);
        if (testCase.Message is { } message)
            xml.WriteAttributeString("message", Clean(message));
        if (testCase.Detail is { } detail && testCase.Outcome != JunitOutcome.Skipped)
            xml.WriteString(Clean(detail));
        xml.WriteEndElement();
    }

    private static void Properties(XmlWriter xml, IReadOnlyList<(string Name, string Value)> properties)
    {
        if (properties.Count == 0)
            return;
        xml.WriteStartElement("properties");
        foreach (var (name, value) in properties)
        {
            xml.WriteStartElement("property");
            xml.WriteAttributeString("name", Clean(name));
            xml.WriteAttributeString("value", Clean(value));
            xml.WriteEndElement();
        }

        xml.WriteEndElement();
    }

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString("0.000", CultureInfo.InvariantCulture);

    /// <summary>Without what XML 1.0 cannot hold (control characters, lone surrogates), and not endless.</summary>
    private static string Clean(string text)
    {
        var clean = new StringBuilder(Math.Min(text.Length, MaxText));
        foreach (var rune in text.EnumerateRunes())
        {
            if (clean.Length >= MaxText)
                return clean.Append("... (cut)").ToString();
            if (rune.Value is '\t' or '\n' or '\r' or (>= 0x20 and <= 0xD7FF) or (>= 0xE000 and <= 0xFFFD) or >= 0x10000)
                clean.Append(rune.ToString());
        }

        return clean.ToString();
    }
}
