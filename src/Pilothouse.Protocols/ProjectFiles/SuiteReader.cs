using System.Globalization;
using System.Text.Json;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Reader of evaluation suites.</summary>
internal sealed class SuiteReader(ReadContext context)
{
    private static readonly (string, GateType)[] GateTypes =
    [
        ("non_inferiority", GateType.NonInferiority),
        ("floor", GateType.Floor),
        ("every", GateType.Every),
    ];

    private static readonly string[] SourceKeys = ["data", "cases", "pack"];

    private static readonly string[] TargetKeys = ["environment", "release", "command", "prompt"];

    private static readonly string[] BaselineKeys = ["environment", "release", "commit"];

    private static readonly string[] CommandKeys = ["files", "timeout"];

    /// <summary>Looks of one suite.</summary>
    private const int MaxLooks = 20;

    public SuiteEntry? Suite(string name, YamlNode node, string path)
    {
        if (ObjectReader.Open(node, path, "suite", context) is not { } o)
            return null;
        if (Promptfoo(o) is { } configured) return configured;
        var entry = new SuiteEntry
        {
            Source = o.Source,
            Model = o.Text("model", required: false, "assistant") ?? "",
            Target = Target(o),
            Baseline = Baseline(o),
            Tools = Tools(o),
            Slices = o.Texts("slices", required: false, "[language]"),
            Looks = Looks(o),
            Quarantine = Quarantine(o),
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
        if (!o.Has("model") && entry.Target is not { Command.Count: > 0 }) o.Fault("model", "'model' is required.", "Add model: assistant, the name under models.");
        var sources = SourceKeys.Where(o.Has).ToArray();
        if (sources.Length == 0) o.Fault("data", "The suite has no cases.", "Add data: NAME (under data), cases: [...], pack: NAME or promptfoo: PATH.");
        if (sources.Length > 1) o.Fault(sources[1], $"The cases come from {sources[0]} already.", "Keep one of data, cases and pack.");
        foreach (var scorer in entry.Scorers.Where(s => s.Type is ScorerType.PassAtK or ScorerType.PassHatK && s.K > entry.Repeats))
            o.Fault("repeats", $"'{ObjectReader.Shorten(scorer.Name)}' draws {scorer.K} answers a case, but each case is asked {entry.Repeats} times.", $"Add repeats: {scorer.K} or more.");
        return entry;
    }

    // promptfoo: evals/promptfooconfig.yaml, and nothing beside it
    private static SuiteEntry? Promptfoo(ObjectReader o)
    {
        if (o.Text("promptfoo", required: false, "evals/promptfooconfig.yaml") is not { } path) return null;
        if (!PathRule.IsValid(path)) o.Fault("promptfoo", $"'{ObjectReader.Shorten(path)}' is not a path inside the project.", PathRule.Remedy);
        o.Finish();
        return new SuiteEntry { Source = o.Source, Model = "", Data = "", Input = "input", Expected = "expected", Scorers = [], Gates = [], Promptfoo = path };
    }

    private TargetEntry? Target(ObjectReader suite)
    {
        if (suite.Node("target", required: false, "{ environment: production }") is not { } node || ObjectReader.Open(node, suite.At("target"), "target", context) is not { } o) return null;
        var target = new TargetEntry
        {
            Source = o.Source,
            Environment = o.Text("environment", required: false, "production"),
            Release = o.Text("release", required: false, "latest"),
            Command = o.Texts("command", required: false, "[python3, bot.py]"),
            Files = o.Texts("files", required: false, "[bot.py]"),
            Timeout = o.Interval("timeout", required: false, "10m") ?? TimeSpan.FromMinutes(10),
            Prompt = o.Text("prompt", required: false, "prompts:/support/3"),
        };
        o.Finish();
        var named = TargetKeys.Where(o.Has).ToArray();
        if (named.Length != 1) o.Fault(named.Length == 0 ? "environment" : named[1], named.Length == 0 ? "The target names nothing." : $"The target is {named[0]} already.", $"Keep exactly one of {string.Join(", ", TargetKeys)}; an endpoint is a model with engine: openai.");
        if (target.Command.Count == 0)
            foreach (var key in CommandKeys.Where(o.Has)) o.Fault(key, $"'{key}' has no meaning without a command.", "Remove it.");
        if (target.Command.Count > 0 && suite.Has("model")) suite.Fault("model", "A command answers for itself; the model would not be asked.", "Remove model.");
        if (target.Timeout <= TimeSpan.Zero) o.Fault("timeout", "A command needs some time.", "For example timeout: 10m.");
        if (target.Prompt is { } prompt && !prompt.StartsWith("prompts:/", StringComparison.Ordinal)) o.Fault("prompt", $"'{ObjectReader.Shorten(prompt)}' is no registered prompt.", "Write prompts:/NAME/VERSION or prompts:/NAME@ALIAS; a prompt file belongs to the model.");
        foreach (var one in target.Files.Where(f => !PathRule.IsValid(f))) o.Fault("files", $"'{ObjectReader.Shorten(one)}' is not a path inside the project.", PathRule.Remedy);
        return target;
    }

    // baseline: { environment: production }, { release: latest }, { commit: main }, or none
    private BaselineEntry? Baseline(ObjectReader suite)
    {
        if (suite.Node("baseline", required: false, "{ environment: production }") is not { } node) return null;
        if (node is YamlScalar { Text: "none" }) return new BaselineEntry { Source = new ProjectSource(node.Line, node.Column, suite.At("baseline")) };
        if (node is YamlScalar scalar)
        {
            suite.Fault("baseline", $"'{ObjectReader.Shorten(scalar.Text)}' does not say what it is.", "Write none, { environment: production }, { release: latest }, { commit: main } or { commit: auto }.");
            return null;
        }
        if (ObjectReader.Open(node, suite.At("baseline"), "baseline", context) is not { } o) return null;
        var entry = new BaselineEntry
        {
            Source = o.Source,
            Environment = o.Text("environment", required: false, "production"),
            Release = o.Text("release", required: false, "latest"),
            Commit = o.Text("commit", required: false, "main"),
        };
        o.Finish();
        var named = BaselineKeys.Where(o.Has).ToArray();
        if (named.Length != 1) o.Fault(named.Length == 0 ? "environment" : named[1], named.Length == 0 ? "The base line names nothing." : $"The base line is {named[0]} already.", $"Keep exactly one of {string.Join(", ", BaselineKeys)}, or write baseline: none.");
        return entry;
    }

    // tools: [{ name: get_order, description: ..., parameters: { type: object, ... } }], or OpenAI's { type: function, function: { ... } }
    private static string? Tools(ObjectReader suite)
    {
        var items = suite.Items("tools", required: false, "[{ name: get_order, parameters: { type: object } }]");
        if (items.Count == 0) return null;
        var tools = new List<JsonElement>();
        for (var i = 0; i < items.Count; i++)
        {
            var tool = items[i] is YamlMapping ? YamlJson.ToElement(items[i]) : default;
            var wrapped = tool.ValueKind == JsonValueKind.Object && tool.TryGetProperty("function", out var inner) && inner.ValueKind == JsonValueKind.Object;
            var function = wrapped ? tool.GetProperty("function") : tool;
            if (function.ValueKind != JsonValueKind.Object || !function.TryGetProperty("name", out var name) || name.ValueKind != JsonValueKind.String)
                suite.FaultAt(items[i], $"tools[{i}]", "A tool is a mapping with a name.", "Write { name: get_order, description: ..., parameters: { type: object, properties: { ... } } }.");
            else tools.Add(JsonSerializer.SerializeToElement(new { type = "function", function }));
        }
        return JsonSerializer.Serialize(tools);
    }

    private static List<double> Looks(ObjectReader suite)
    {
        var looks = new List<double>();
        var items = suite.Items("looks", required: false, "[0.25, 0.5, 0.75, 1]");
        for (var i = 0; i < items.Count; i++)
        {
            if (items[i] is YamlScalar { IsPlain: true } scalar && double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is > 0 and <= 1 && (looks.Count == 0 || share > looks[^1])) looks.Add(share);
            else suite.FaultAt(items[i], $"looks[{i}]", $"Expected a share of the cases above 0 and at most 1, each larger than the one before, found {items[i].Describe()}.", "For example looks: [0.25, 0.5, 0.75, 1].");
        }
        if (looks.Count > MaxLooks) suite.Fault("looks", $"There are {looks.Count} looks, more than {MaxLooks}.", "A few looks gain nearly all there is: [0.25, 0.5, 0.75, 1].");
        else if (looks.Count > 0 && looks.Count == items.Count && looks[^1] < 1) suite.Fault("looks", "The last look is not at all cases.", "End with 1.");
        return looks;
    }

    private List<QuarantineEntry> Quarantine(ObjectReader suite)
    {
        var entries = new List<QuarantineEntry>();
        var items = suite.Items("quarantine", required: false, "[{ case: c12, until: 2027-01-31, owner: ann }]");
        for (var i = 0; i < items.Count; i++)
        {
            if (ObjectReader.Open(items[i], $"{suite.At("quarantine")}[{i}]", "quarantine", context) is not { } o) continue;
            var (id, until, owner) = (o.Text("case", required: true, "c12"), o.Text("until", required: true, "2027-01-31"), o.Text("owner", required: true, "ann"));
            var reason = o.Text("reason", required: false, "the answer depends on the day");
            o.Finish();
            var day = default(DateOnly);
            if (until is not null && !DateOnly.TryParseExact(until, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out day)) o.Fault("until", $"'{ObjectReader.Shorten(until)}' is not a date.", "Write the last day as 2027-01-31: a quarantine ends.");
            if (id is not null && entries.Any(e => e.Case == id)) o.Fault("case", $"'{ObjectReader.Shorten(id)}' is in quarantine already.", "Keep one of them.");
            entries.Add(new QuarantineEntry(id ?? "", day, owner ?? "", reason));
        }
        return entries;
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
                Role = Role(o),
            };
            o.Finish();
            if (gates.Any(g => (g.Scorer, g.Type, g.Decides) == (gate.Scorer, gate.Type, gate.Decides)) && o.Has("scorer") && o.Has("type"))
                o.Fault("scorer", $"There is such a gate of '{ObjectReader.Shorten(gate.Scorer)}' already.", gate.Decides ? "Keep one of them; a second limit that only informs is primary: false." : "Keep one of them.");
            if (o.Has("type"))
                CheckBound(o, gate);
            gates.Add(gate);
        }

        return gates;
    }

    private static GateRole Role(ObjectReader gate)
    {
        var (primary, must) = (gate.Flag("primary"), gate.Flag("must"));
        if (must && primary) gate.Fault("must", "A primary gate decides together with the others, a must gate by itself.", "Keep one of primary and must.");
        return must ? GateRole.Must : gate.Has("primary") && !primary ? GateRole.Secondary : GateRole.Primary;
    }

    private static void CheckBound(ObjectReader o, GateEntry gate)
    {
        if (gate.Type == GateType.Every)
        {
            if (o.Has("margin")) o.Fault("margin", "'margin' has no meaning in an every gate.", "Remove it.");
            return;
        }
        var (needed, foreign, example) = gate.Type == GateType.Floor ? ("min", "margin", "0.8") : ("margin", "min", "0.03");
        var type = GateTypes.First(t => t.Item2 == gate.Type).Item1;
        if (!o.Has(needed))
            o.Fault(needed, $"A {type} gate needs '{needed}'.", $"Add {needed}: {example}.");
        if (o.Has(foreign))
            o.Fault(foreign, $"'{foreign}' has no meaning in a {type} gate.", "Remove it.");
    }
}
