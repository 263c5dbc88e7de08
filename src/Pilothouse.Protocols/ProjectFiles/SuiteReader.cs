using System.Text.RegularExpressions;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Reader of evaluation suites.</summary>
internal sealed class SuiteReader(ReadContext context)
{
    private static readonly (string, ScorerType)[] ScorerTypes =
    [
        ("exact", ScorerType.Exact),
        ("contains", ScorerType.Contains),
        ("regex", ScorerType.Regex),
        ("json", ScorerType.Json),
        ("accuracy", ScorerType.Accuracy),
        ("f1", ScorerType.F1),
        ("edit_similarity", ScorerType.EditSimilarity),
    ];

    private static readonly (string, GateType)[] GateTypes =
    [
        ("non_inferiority", GateType.NonInferiority),
        ("floor", GateType.Floor),
    ];

    public SuiteEntry? Suite(string name, YamlNode node, string path)
    {
        if (ObjectReader.Open(node, path, "suite", context) is not { } o)
            return null;
        var entry = new SuiteEntry
        {
            Source = o.Source,
            Model = o.Text("model", required: true, "assistant") ?? "",
            Data = o.Text("data", required: true, "heldout") ?? "",
            Input = o.TextOr("input", "input"),
            Expected = o.TextOr("expected", "expected"),
            Cluster = o.Text("cluster", required: false, "template"),
            Scorers = Scorers(o),
            Gates = Gates(o),
        };
        o.Finish();
        return entry;
    }

    private List<ScorerEntry> Scorers(ObjectReader suite)
    {
        var scorers = new List<ScorerEntry>();
        var items = suite.Items("scorers", required: true, "[{ name: exact, type: exact }]");
        for (var i = 0; i < items.Count; i++)
        {
            if (ObjectReader.Open(items[i], $"{suite.At("scorers")}[{i}]", "scorer", context) is not { } o)
                continue;
            var scorer = new ScorerEntry
            {
                Name = o.Text("name", required: true, "exact") ?? "",
                Type = o.Choice("type", "exact", ScorerTypes),
                Pattern = o.Text("pattern", required: false, "'^yes'"),
            };
            o.Finish();
            if (scorer.Pattern is { } pattern)
                CheckPattern(o, scorer.Type, pattern);
            if (scorer.Name.Length > 0 && scorers.Any(s => s.Name == scorer.Name))
                o.Fault("name", $"Two scorers are named '{ObjectReader.Shorten(scorer.Name)}'.", "Give each its own name.");
            scorers.Add(scorer);
        }

        return scorers;
    }

    private static void CheckPattern(ObjectReader o, ScorerType type, string pattern)
    {
        if (o.Has("type") && type != ScorerType.Regex)
            o.Fault("pattern", "'pattern' has no meaning without type: regex.", "Remove it, or set type: regex.");
        try
        {
            // The engine that will run it: linear in the text whatever the pattern, at the price of no look-around or back-references.
            _ = new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            o.Fault("pattern", "It is not a regular expression that can be run safely.", "Check its brackets; look-around and back-references are not supported.");
        }
    }

    private List<GateEntry> Gates(ObjectReader suite)
    {
        var gates = new List<GateEntry>();
        var items = suite.Items("gates", required: false, "[{ scorer: exact, type: floor, min: 0.8 }]");
        for (var i = 0; i < items.Count; i++)
        {
            if (ObjectReader.Open(items[i], $"{suite.At("gates")}[{i}]", "gate", context) is not { } o)
                continue;
            var gate = new GateEntry
            {
                Source = o.Source,
                Scorer = o.Text("scorer", required: true, "exact") ?? "",
                Type = o.Choice("type", "non_inferiority", GateTypes),
                Margin = o.Fraction("margin", required: false, open: true, "0.03"),
                Min = o.Fraction("min", required: false, open: false, "0.8"),
                Confidence = o.Fraction("confidence", required: false, open: true, "0.95") ?? 0.95,
            };
            o.Finish();
            if (o.Has("type"))
                CheckBound(o, gate);
            gates.Add(gate);
        }

        return gates;
    }

    private static void CheckBound(ObjectReader o, GateEntry gate)
    {
        var (needed, foreign, example) = gate.Type == GateType.Floor ? ("min", "margin", "0.8") : ("margin", "min", "0.03");
        var type = GateTypes.First(t => t.Item2 == gate.Type).Item1;
        if (!o.Has(needed))
            o.Fault(needed, $"A {type} gate needs '{needed}'.", $"Add {needed}: {example}.");
        if (o.Has(foreign))
            o.Fault(foreign, $"'{foreign}' has no meaning in a {type} gate.", "Remove it.");
    }
}
