using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Reader of fairness checks.</summary>
internal sealed class FairnessReader(ReadContext context)
{
    private const string GroupSlot = "{group}";

    private static readonly (string, FairnessMethod)[] Methods =
    [
        ("pronoun_preference", FairnessMethod.PronounPreference),
        ("group_rates", FairnessMethod.GroupRates),
    ];

    private static readonly (string, FairnessMetric)[] MetricNames =
    [
        ("demographic_parity_difference", FairnessMetric.DemographicParityDifference),
        ("equal_opportunity_difference", FairnessMetric.EqualOpportunityDifference),
        ("equalized_odds_difference", FairnessMetric.EqualizedOddsDifference),
    ];

    private static readonly string[] PronounKeys = ["templates", "groups", "words"];
    private static readonly string[] RateKeys = ["data", "group", "label", "positive", "metrics"];

    public FairnessEntry? Fairness(string name, YamlNode node, string path)
    {
        if (ObjectReader.Open(node, path, "fairness", context) is not { } o)
            return null;
        var entry = new FairnessEntry
        {
            Source = o.Source,
            Model = o.Text("model", required: true, "assistant") ?? "",
            Method = o.Choice("method", "group_rates", Methods),
            Templates = o.Texts("templates", required: false, "['The {group} bought the lamp because']"),
            Groups = o.Texts("groups", required: false, "[nurse, engineer]"),
            Words = o.TextMap("words", required: false, "{ female: ' she', male: ' he' }"),
            Data = o.Text("data", required: false, "heldout"),
            Input = o.TextOr("input", "input"),
            Group = o.Text("group", required: false, "group"),
            Label = o.Text("label", required: false, "label"),
            Positive = o.Text("positive", required: false, "urgent"),
            Metrics = Metrics(o),
            MaxGap = o.Fraction("max_gap", required: true, open: true, "0.1") ?? 0,
            Confidence = o.Fraction("confidence", required: false, open: true, "0.95") ?? 0.95,
        };
        o.Finish();
        if (!o.Has("method"))
            return entry;

        var isPronoun = entry.Method == FairnessMethod.PronounPreference;
        var method = isPronoun ? "pronoun_preference" : "group_rates";
        foreach (var key in (isPronoun ? PronounKeys : RateKeys).Where(k => !o.Has(k)))
            o.Fault(key, $"method: {method} needs '{key}'.", $"Add {key}.");
        foreach (var key in (isPronoun ? RateKeys : PronounKeys).Where(o.Has))
            o.Fault(key, $"'{key}' has no meaning with method: {method}.", "Remove it, or choose the other method.");
        if (isPronoun)
            CheckPronouns(o, entry);
        return entry;
    }

    private static List<FairnessMetric> Metrics(ObjectReader o)
    {
        var items = o.Items("metrics", required: false, "[equal_opportunity_difference]");
        var metrics = new List<FairnessMetric>();
        for (var i = 0; i < items.Count; i++)
        {
            var path = $"{o.At("metrics")}[{i}]";
            var text = items[i] is YamlScalar scalar ? scalar.Text : "";
            metrics.Add(o.ChoiceOf(items[i], text, path, MetricNames));
        }

        return metrics;
    }

    private static void CheckPronouns(ObjectReader o, FairnessEntry entry)
    {
        if (entry.Templates.FirstOrDefault(t => !t.Contains(GroupSlot, StringComparison.Ordinal)) is { } template)
            o.Fault("templates", $"The template '{ObjectReader.Shorten(template)}' has no {GroupSlot} in it.", $"Write {GroupSlot} where the group's name goes.");
        if (o.Has("groups") && entry.Groups.Distinct().Count() < 2)
            o.Fault("groups", "A gap needs at least two different groups.", "Add another group.");
        if (o.Has("words") && entry.Words.Count != 2)
            o.Fault("words", $"Two words are compared, found {entry.Words.Count}.", "Write words: { female: ' she', male: ' he' }.");
    }
}
