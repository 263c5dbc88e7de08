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

    private static readonly string[] SourceKeys = ["data", "cases", "pack"];

    public SuiteEntry? Suite(string name, YamlNode node, string path)
    {
        if (ObjectReader.Open(node, path, "suite", context) is not { } o)
            return null;
        var entry = new SuiteEntry
        {
            Source = o.Source,
            Model = o.Text("model", required: true, "assistant") ?? "",
            Data = o.Text("data", required: false, "heldout") ?? "",
            Cases = Cases(o),
            Pack = Pack(o),
            Messages = o.Text("messages", required: false, "history"),
            Input = o.TextOr("input", "input"),
            Expected = o.TextOr("expected", "expected"),
            Cluster = o.Text("cluster", required: false, "template"),
            Repeats = o.Integer("repeats", required: false, 1, 100, "5") ?? 1,
            Scorers = new ScorerReader(context).Scorers(o),
            Gates = Gates(o),
        };
        o.Finish();
        var sources = SourceKeys.Where(o.Has).ToArray();
        if (sources.Length == 0) o.Fault("data", "The suite has no cases.", "Add data: NAME (under data), cases: [...] or pack: NAME.");
        if (sources.Length > 1) o.Fault(sources[1], $"The cases come from {sources[0]} already.", "Keep one of data, cases and pack.");
        foreach (var scorer in entry.Scorers.Where(s => s.Type is ScorerType.PassAtK or ScorerType.PassHatK && s.K > entry.Repeats))
            o.Fault("repeats", $"'{ObjectReader.Shorten(scorer.Name)}' draws {scorer.K} answers a case, but each case is asked {entry.Repeats} times.", $"Add repeats: {scorer.K} or more.");
        return entry;
    }

    private static List<InlineCase> Cases(ObjectReader suite)
    {
        var cases = new List<InlineCase>();
        var items = suite.Items("cases", required: false, "[{ id: greeting, input: Hello, expected: Hello! }]");
        if (suite.Has("cases") && items is []) suite.Fault("cases", "The list is empty.", "Add a case, such as { id: greeting, input: Hello, expected: Hello! }.");
        var lines = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < items.Count; i++)
        {
            var at = $"cases[{i}]";
            if (items[i] is not YamlMapping { Entries.Count: > 0 } mapping)
            {
                suite.FaultAt(items[i], at, $"Expected a case (key: value lines), found {items[i].Describe()}.", "Write { id: greeting, input: Hello, expected: Hello! }.");
                continue;
            }
            foreach (var twice in mapping.Entries.GroupBy(e => e.Key.Text).Where(g => g.Count() > 1)) suite.FaultAt(twice.Last().Key, $"{at}.{ObjectReader.Shorten(twice.Key)}", $"The key '{ObjectReader.Shorten(twice.Key)}' is given twice.", "Keep one of them.");
            if (mapping.Entries.FirstOrDefault(e => e.Key.Text == "id")?.Value is YamlScalar { Text.Length: > 0 } id && !lines.TryAdd(id.Text, id.Line))
                suite.FaultAt(id, $"{at}.id", $"The id '{ObjectReader.Shorten(id.Text)}' stands on line {lines[id.Text]} already.", "Ids name cases in reports: give each its own.");
            cases.Add(new InlineCase(mapping.Line, YamlJson.ToElement(mapping).GetRawText()));
        }
        return cases;
    }

    private static string? Pack(ObjectReader suite)
    {
        if (suite.Node("pack", required: false, RedTeamPacks.Names[0], [.. RedTeamPacks.Names]) is not { } node) return null;
        var name = node is YamlScalar scalar ? scalar.Text : "";
        if (RedTeamPacks.Names.Contains(name)) return name;
        suite.Fault("pack", $"There is no pack '{ObjectReader.Shorten(name)}'.", Suggestion.Nearest(name, RedTeamPacks.Names) is { } near ? $"Did you mean '{near}'?" : $"Use {string.Join(", ", RedTeamPacks.Names)}.");
        return name;
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
