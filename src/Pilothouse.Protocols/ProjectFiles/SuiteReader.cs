using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Reader of evaluation suites.</summary>
internal sealed class SuiteReader(ReadContext context)
{
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
            Repeats = o.Integer("repeats", required: false, 1, 100, "5") ?? 1,
            Scorers = new ScorerReader(context).Scorers(o),
            Gates = Gates(o),
        };
        o.Finish();
        foreach (var scorer in entry.Scorers.Where(s => s.Type is ScorerType.PassAtK or ScorerType.PassHatK && s.K > entry.Repeats))
            o.Fault("repeats", $"'{ObjectReader.Shorten(scorer.Name)}' draws {scorer.K} answers a case, but each case is asked {entry.Repeats} times.", $"Add repeats: {scorer.K} or more.");
        return entry;
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
