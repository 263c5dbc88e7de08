using System.Xml.Linq;
using CsCheck;
using Pilothouse.Protocols.Junit;

namespace Pilothouse.Protocols.Tests.Junit;

public sealed class JunitXmlTests
{
    [Fact]
    public void Report_holds_what_ci_systems_read()
    {
        var xml = JunitXml.Write(
        [
            new JunitSuite("pilothouse.gate",
            [
                new JunitCase("pilothouse.gate", "floor:exact", JunitOutcome.Failed) { Message = "0.71 < 0.80", Detail = "n=200", File = "pilothouse.yaml", Line = 12, Properties = [("lower", "0.71")] },
                new JunitCase("pilothouse.gate", "judge", JunitOutcome.Error) { Message = "timeout" },
                new JunitCase("pilothouse.gate", "flaky", JunitOutcome.Passed) { Time = TimeSpan.FromMilliseconds(1234), FlakyFailures = ["first try"] },
                new JunitCase("pilothouse.gate", "quarantined", JunitOutcome.Skipped) { Message = "known" },
            ])
            { Timestamp = new DateTimeOffset(2026, 11, 25, 8, 0, 0, TimeSpan.Zero) },
        ]);
        var suite = XDocument.Parse(xml).Root!.Element("testsuite")!;

        Assert.StartsWith("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", xml, StringComparison.Ordinal);
        Assert.Equal(("4", "1", "1", "1", "2026-11-25T08:00:00"), ((string)suite.Attribute("tests")!, (string)suite.Attribute("failures")!, (string)suite.Attribute("errors")!, (string)suite.Attribute("skipped")!, (string)suite.Attribute("timestamp")!));
        var cases = suite.Elements("testcase").ToList();
        Assert.Equal(("0.71 < 0.80", "n=200", "12"), ((string)cases[0].Element("failure")!.Attribute("message")!, cases[0].Element("failure")!.Value, (string)cases[0].Attribute("line")!));
        Assert.Equal("0.71", (string)cases[0].Element("properties")!.Element("property")!.Attribute("value")!);
        Assert.Equal(("1.234", "first try"), ((string)cases[2].Attribute("time")!, (string)cases[2].Element("flakyFailure")!.Attribute("message")!));
        Assert.NotNull(cases[3].Element("skipped"));
    }

    [Fact]
    public void Any_text_gives_well_formed_xml() => Gen.String.Sample(text =>
        XDocument.Parse(JunitXml.Write([new JunitSuite(text, [new JunitCase(text, text, JunitOutcome.Failed) { Message = text, Detail = text + "\0\u0007\uD800]]>", SystemOut = text, Properties = [(text, text)] }])])));

    [Fact]
    public void Long_output_is_cut() =>
        Assert.True(JunitXml.Write([new JunitSuite("s", [new JunitCase("c", "n", JunitOutcome.Failed) { Detail = new string('x', 10 * JunitXml.MaxText) }])]).Length < 2 * JunitXml.MaxText);
}
