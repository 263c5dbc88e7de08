using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.TinyModels.Data;

/// <summary>One line of heldout.jsonl, live.jsonl or live-drifted.jsonl.</summary>
/// <param name="Prompt">What the customer typed.</param>
/// <param name="Expected">The reference answer; absent for the pronoun topic, which has two right ones.</param>
/// <param name="Template">The phrasing: rows that share it are one cluster.</param>
/// <param name="MustContain">The item, city or key word that an answer to the intended question names.</param>
/// <param name="Kind">In drifted traffic: typo, phrasing, city, novel_phrasing or novel_city.</param>
/// <param name="Intended">In drifted traffic: the question before the slips.</param>
internal sealed record SupportCase(string Id, string Prompt, string? Expected, string Template, string Topic, string MustContain, string? Kind = null, string? Intended = null);

/// <summary>The data sets of the sample project, a function of their seeds.</summary>
internal static class SupportDataSets
{
    public const int HeldOutRows = 400;
    public const int LiveRows = 400;
    public const int DriftedRows = 500;

    private const ulong HeldOutSeed = 71;
    private const ulong LiveSeed = 72;
    private const ulong DriftedSeed = 73;

    /// <summary>Of a hundred drifted rows: typos, extended phrasings, extended cities; the rest is novel to every recipe.</summary>
    private const int TypoPercent = 70, PhrasingPercent = 12, CityPercent = 12, NovelPhrasingPercent = 3;

    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Clean questions; every pair of phrasing and item or city is one that no recipe has trained on, but for the topics without either.</summary>
    public static List<SupportCase> HeldOut()
    {
        var rng = new Rng(HeldOutSeed);
        var pairs = Pairs(Pool.Base, extendedCities: false)
            .Where(pair => pair.Phrasing.Topic != SupportVocabulary.WhyTopic && (pair.Filling.Length == 0 || SupportCorpus.IsHeldOut(pair.Phrasing, pair.Filling)))
            .ToArray();
        return Unique("heldout", HeldOutRows, () =>
        {
            var (phrasing, filling) = rng.Pick(pairs);
            return Case(phrasing, filling, rng);
        });
    }

    /// <summary>Traffic of the kind that every recipe was trained for.</summary>
    public static List<SupportCase> Live()
    {
        var rng = new Rng(LiveSeed);
        var pairs = Pairs(Pool.Base, extendedCities: false);
        return [.. Enumerable.Range(0, LiveRows).Select(i =>
        {
            var (phrasing, filling) = rng.Pick(pairs);
            return Case(phrasing, filling, rng) with { Id = Id("live", i) };
        })];
    }

    /// <summary>Traffic after a new app was launched: hurried typing, new ways to ask, new cities.</summary>
    public static List<SupportCase> Drifted()
    {
        var rng = new Rng(DriftedSeed);
        var known = Pairs(Pool.Base, extendedCities: false);
        var slotted = Array.FindAll(known, pair => pair.Filling.Length > 0);
        return [.. Enumerable.Range(0, DriftedRows).Select(i =>
        {
            var roll = rng.Next(100);
            var row =
                roll < TypoPercent ? WithTypos(rng.Pick(slotted), rng)
                : roll < TypoPercent + PhrasingPercent ? Of(rng.Pick(Pairs(Pool.Extended, extendedCities: false)), "phrasing", rng)
                : roll < TypoPercent + PhrasingPercent + CityPercent ? Of((PhrasingOfCities(rng), rng.Pick(SupportVocabulary.ExtendedCities)), "city", rng)
                : roll < TypoPercent + PhrasingPercent + CityPercent + NovelPhrasingPercent ? Of(rng.Pick(Pairs(Pool.Novel, extendedCities: false)), "novel_phrasing", rng)
                : Of((PhrasingOfCities(rng), rng.Pick(SupportVocabulary.NovelCities)), "novel_city", rng);
            return row with { Id = Id("drifted", i) };
        })];
    }

    public static string JsonLines<T>(IEnumerable<T> rows) => string.Concat(rows.Select(row => JsonSerializer.Serialize(row, Json) + "\n"));

    private static SupportCase Of((Phrasing Phrasing, string Filling) pair, string kind, Rng rng) => Case(pair.Phrasing, pair.Filling, rng) with { Kind = kind };

    private static SupportCase WithTypos((Phrasing Phrasing, string Filling) pair, Rng rng)
    {
        var clean = Case(pair.Phrasing, pair.Filling, rng);
        var typed = Typos.Apply(clean.Prompt, pair.Filling, 1 + rng.Next(2), rng.Chance(0.8), rng);
        return clean with { Prompt = typed, Intended = clean.Prompt, Kind = "typo" };
    }

    private static SupportCase Case(Phrasing phrasing, string filling, Rng rng)
    {
        var topic = SupportCorpus.TopicOf(phrasing);
        var isWhy = topic.Name == SupportVocabulary.WhyTopic;
        var prompt = SupportCorpus.Question(phrasing, filling, rng);
        if (isWhy) prompt = prompt.Replace("{occupation}", rng.Pick(SupportVocabulary.Occupations).Name, StringComparison.Ordinal);
        return new SupportCase("", prompt, isWhy ? null : SupportCorpus.Answer(topic, filling), phrasing.Id, topic.Name, SupportCorpus.MustContain(topic, filling));
    }

    private static Phrasing PhrasingOfCities(Rng rng)
    {
        var phrasings = Array.FindAll(SupportVocabulary.Phrasings, p => p.Pool == Pool.Base && SupportCorpus.TopicOf(p).Slot == SupportVocabulary.CitySlot);
        return rng.Pick(phrasings);
    }

    private static (Phrasing Phrasing, string Filling)[] Pairs(Pool pool, bool extendedCities) =>
        [.. SupportVocabulary.Phrasings.Where(p => p.Pool == pool).SelectMany(p => SupportCorpus.Fillings(SupportCorpus.TopicOf(p), extendedCities).Select(filling => (p, filling)))];

    private static List<SupportCase> Unique(string prefix, int count, Func<SupportCase> next)
    {
        var seen = new HashSet<string>();
        var rows = new List<SupportCase>(count);
        while (rows.Count < count)
        {
            var row = next();
            if (seen.Add(row.Prompt)) rows.Add(row with { Id = Id(prefix, rows.Count) });
        }
        return rows;
    }

    private static string Id(string prefix, int index) => $"{prefix}-{index + 1:0000}";
}
