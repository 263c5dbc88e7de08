using System.Text.RegularExpressions;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Reader of a suite's scorers.</summary>
internal sealed class ScorerReader(ReadContext context)
{
    private static readonly string[] Text = ["values", "ignore_case", "negate"];

    /// <summary>Word, type, keys that have a meaning, keys that must be given.</summary>
    private static readonly (string Word, ScorerType Type, string[] Keys, string[] Required)[] Types =
    [
        ("exact", ScorerType.Exact, Text, []),
        ("contains", ScorerType.Contains, ["ignore_case", "negate"], []),
        ("contains_all", ScorerType.ContainsAll, Text, []),
        ("contains_any", ScorerType.ContainsAny, Text, []),
        ("starts_with", ScorerType.StartsWith, Text, []),
        ("regex", ScorerType.Regex, ["pattern", "ignore_case", "negate"], []),
        ("json", ScorerType.Json, ["negate"], []),
        ("json_schema", ScorerType.JsonSchema, ["schema", "negate"], ["schema"]),
        ("tool_call", ScorerType.ToolCall, ["tool", "arguments", "negate"], []),
        ("refusal", ScorerType.Refusal, ["negate"], []),
        ("accuracy", ScorerType.Accuracy, [], []),
        ("class_f1", ScorerType.ClassF1, ["label"], []),
        ("mcc", ScorerType.Mcc, [], []),
        ("auroc", ScorerType.Auroc, ["label"], []),
        ("brier", ScorerType.Brier, [], []),
        ("ece", ScorerType.Ece, ["label", "bins"], []),
        ("f1", ScorerType.F1, [], []),
        ("bleu", ScorerType.Bleu, ["ignore_case"], []),
        ("corpus_bleu", ScorerType.CorpusBleu, ["ignore_case"], []),
        ("chrf", ScorerType.Chrf, ["ignore_case"], []),
        ("corpus_chrf", ScorerType.CorpusChrf, ["ignore_case"], []),
        ("rouge_n", ScorerType.RougeN, ["n"], []),
        ("rouge_l", ScorerType.RougeL, [], []),
        ("ter", ScorerType.Ter, [], []),
        ("edit_similarity", ScorerType.EditSimilarity, [], []),
        ("perplexity", ScorerType.Perplexity, [], []),
        ("multiple_choice", ScorerType.MultipleChoice, ["choices"], []),
        ("similarity", ScorerType.Similarity, ["url", "model"], ["url", "model"]),
        ("latency", ScorerType.Latency, ["max"], ["max"]),
        ("tokens", ScorerType.Tokens, ["max"], ["max"]),
        ("cost", ScorerType.Cost, ["max"], ["max"]),
        ("pass_at_k", ScorerType.PassAtK, ["of", "k"], ["of", "k"]),
        ("pass_hat_k", ScorerType.PassHatK, ["of", "k"], ["of", "k"]),
        ("process", ScorerType.Process, ["command", "files", "timeout"], ["command"]),
        ("judge", ScorerType.Judge, ["judges", "rubric", "human", "min_alpha"], ["judges", "rubric"]),
        ("judge_pairwise", ScorerType.JudgePairwise, ["judges", "rubric", "human", "min_alpha"], ["judges", "rubric"]),
    ];

    private static readonly (string, ScorerType)[] Words = [.. Types.Select(t => (t.Word, t.Type))];

    private static readonly string[] Options = [.. Types.SelectMany(t => t.Keys).Distinct()];

    public List<ScorerEntry> Scorers(ObjectReader suite)
    {
        var scorers = new List<ScorerEntry>();
        var items = suite.Items("scorers", required: false, "[{ name: exact, type: exact }]");
        if (suite.Has("scorers") && items is [])
            suite.Fault("scorers", "The list is empty.", "Add at least one, such as { name: exact, type: exact }, or leave the key out for the defaults of the model's kind.");
        for (var i = 0; i < items.Count; i++)
        {
            if (ObjectReader.Open(items[i], $"{suite.At("scorers")}[{i}]", "scorer", context) is not { } o)
                continue;
            var scorer = Scorer(o);
            if (scorer.Name.Length > 0 && scorers.Any(s => s.Name == scorer.Name))
                o.Fault("name", $"Two scorers are named '{ObjectReader.Shorten(scorer.Name)}'.", "Give each its own name.");
            scorers.Add(scorer);
        }
        CheckCounted(suite, items, scorers);
        return scorers;
    }

    private static ScorerEntry Scorer(ObjectReader o)
    {
        var schema = o.Node("schema", required: false, "schemas/answer.json");
        var scorer = new ScorerEntry
        {
            Name = o.Text("name", required: true, "exact") ?? "",
            Type = o.Choice("type", "exact", Words),
            Pattern = o.Text("pattern", required: false, "'^yes'"),
            Values = o.Texts("values", required: false, "[yes, no]"),
            IgnoreCase = o.Flag("ignore_case"),
            Negate = o.Flag("negate"),
            Schema = schema is YamlMapping mapping ? YamlJson.ToElement(mapping).GetRawText() : null,
            SchemaPath = schema is YamlScalar path ? path.Text : null,
            Tool = o.Text("tool", required: false, "get_order"),
            Arguments = o.JsonMap("arguments"),
            N = o.Integer("n", required: false, 1, 9, "2") ?? 1,
            Label = o.Text("label", required: false, "urgent"),
            Bins = o.Integer("bins", required: false, 2, 1_000, "10") ?? 10,
            Choices = o.TextOr("choices", "choices"),
            Max = o.Number("max", required: false, "800"),
            Of = o.Text("of", required: false, "exact"),
            K = o.Integer("k", required: false, 1, 100, "3") ?? 1,
            Url = o.Text("url", required: false, "http://127.0.0.1:8080/v1"),
            Model = o.Text("model", required: false, "all-minilm"),
            Command = o.Texts("command", required: false, "[python3, scorers/own.py]"),
            Files = o.Texts("files", required: false, "[scorers/own.py]"),
            Timeout = o.Interval("timeout", required: false, "2m") ?? TimeSpan.FromMinutes(2),
            Judges = o.Texts("judges", required: false, "[judge]"),
            Rubric = o.Text("rubric", required: false, "'Is the answer polite and complete?'"),
            Human = o.Text("human", required: false, "grade"),
            MinAlpha = o.Fraction("min_alpha", required: false, open: true, "0.67"),
        };
        o.Finish();
        if (o.Has("type")) CheckKeys(o, scorer);
        if (schema is not null and not YamlMapping and not YamlScalar)
            o.Fault("schema", $"Expected a JSON Schema or the path of one, found {schema.Describe()}.", "Write schema: schemas/answer.json, or the schema itself.");
        if (scorer.SchemaPath is { } file && !PathRule.IsValid(file)) o.Fault("schema", $"'{ObjectReader.Shorten(file)}' is not a path inside the project.", PathRule.Remedy);
        foreach (var one in scorer.Files.Where(f => !PathRule.IsValid(f))) o.Fault("files", $"'{ObjectReader.Shorten(one)}' is not a path inside the project.", PathRule.Remedy);
        if (scorer.Max is <= 0) o.Fault("max", "The limit must be above 0.", "For example max: 800.");
        if (scorer.Timeout <= TimeSpan.Zero) o.Fault("timeout", "A command needs some time.", "For example timeout: 2m.");
        if (scorer.Url is { } url && !(Uri.TryCreate(url, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"))
            o.Fault("url", $"'{ObjectReader.Shorten(url)}' is not a web address.", "Write url: http://127.0.0.1:8080/v1.");
        if (scorer.Pattern is { } pattern) CheckPattern(o, pattern);
        return scorer;
    }

    private static void CheckKeys(ObjectReader o, ScorerEntry scorer)
    {
        var (word, _, keys, required) = Types.First(t => t.Type == scorer.Type);
        foreach (var key in Options.Where(k => o.Has(k) && !keys.Contains(k)))
        {
            var at = Types.Where(t => t.Keys.Contains(key)).Select(t => t.Word).Take(5).ToArray();
            o.Fault(key, $"'{key}' has no meaning with type: {word}.", $"Remove it, or set type: {string.Join(" or ", at)}.");
        }
        foreach (var key in required.Where(k => !o.Has(k))) o.Fault(key, $"type: {word} needs '{key}'.", $"Add {key}.");
    }

    private static void CheckPattern(ObjectReader o, string pattern)
    {
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

    /// <summary>pass@k counts the answers that another scorer of the suite calls right.</summary>
    private void CheckCounted(ObjectReader suite, IReadOnlyList<YamlNode> items, List<ScorerEntry> scorers)
    {
        if (items.Count != scorers.Count) return; // an item that is no mapping was reported already
        for (var i = 0; i < scorers.Count; i++)
        {
            if (scorers[i].Of is not { } of) continue;
            if (scorers.Any(s => s.Name == of && IsPerAnswer(s.Type))) continue;
            context.Faults.Add(items[i], $"{suite.At("scorers")}[{i}].of", $"'{ObjectReader.Shorten(of)}' is no scorer of single answers in this suite.",
                scorers.FirstOrDefault(s => IsPerAnswer(s.Type)) is { } known ? $"Use one, such as {known.Name}." : "Add one, such as { name: exact, type: exact }.");
        }
    }

    private static bool IsPerAnswer(ScorerType type) => type is not (ScorerType.PassAtK or ScorerType.PassHatK or ScorerType.ClassF1 or ScorerType.Mcc or ScorerType.Auroc or ScorerType.Ece or ScorerType.CorpusBleu
        or ScorerType.CorpusChrf or ScorerType.JudgePairwise);
}
