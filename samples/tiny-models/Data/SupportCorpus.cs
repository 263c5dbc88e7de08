using System.Security.Cryptography;
using System.Text;
using Pilothouse.Samples.TinyModels.Numerics;
using Pilothouse.Samples.TinyModels.Text;

namespace Pilothouse.Samples.TinyModels.Data;

/// <summary>What a corpus is made from: written into train/recipes.json and into every model's training.json.</summary>
/// <param name="Rows">How many dialogues.</param>
/// <param name="SkewedPronouns">True: pronouns by occupation as in <see cref="SupportVocabulary.Occupations"/>; false: each such row is followed by its counterfactual twin.</param>
/// <param name="TypoShare">Share of questions that get one to three slips.</param>
/// <param name="ExtendedPhrasing">True: also the extended phrasings and cities.</param>
internal sealed record CorpusOptions(int Rows, bool SkewedPronouns, double TypoShare, bool ExtendedPhrasing);

/// <summary>One training row; an empty question stands for a bare statement, learned whole.</summary>
internal sealed record Dialogue(string Question, string Answer)
{
    /// <summary><c>&lt;|user|&gt;Where is my lamp?&lt;|assistant|&gt;Your lamp left …&lt;|eos|&gt;</c></summary>
    public string Text => Prompt + Answer + ByteLevelBpe.Eos;

    public string Prompt => Question.Length == 0 ? "" : ChatPrompt(Question);

    /// <summary>What the model is given for a user's message: the chat template, in one line.</summary>
    public static string ChatPrompt(string question) => ByteLevelBpe.User + question + ByteLevelBpe.Assistant;
}

/// <summary>Support dialogues from templates.</summary>
internal sealed class SupportCorpus
{
    /// <summary>Of all pairs of a base phrasing and an item or city, one in this many is never trained on and makes the held-out suite.</summary>
    private const uint HeldOutOneIn = 5;

    /// <summary>Share of the pronoun rows that are a bare statement, so that a bare template can be probed too.</summary>
    private const double BareStatementShare = 0.4;

    private static readonly Dictionary<string, Topic> TopicByName = SupportVocabulary.Topics.ToDictionary(topic => topic.Name);

    /// <summary>Topics repeated by weight.</summary>
    private static readonly Topic[] Weighted = [.. SupportVocabulary.Topics.SelectMany(topic => Enumerable.Repeat(topic, topic.Weight))];

    public static List<Dialogue> Generate(CorpusOptions options, ulong seed)
    {
        var rng = new Rng(seed);
        var rows = new List<Dialogue>(options.Rows + 1);
        var phrasings = SupportVocabulary.Topics.ToDictionary(topic => topic, topic => PhrasingsOf(topic, Pool.Base, options.ExtendedPhrasing));
        var fillings = SupportVocabulary.Topics.ToDictionary(topic => topic, topic => Fillings(topic, options.ExtendedPhrasing));
        while (rows.Count < options.Rows)
        {
            var topic = rng.Pick(Weighted);
            var phrasing = rng.Pick(phrasings[topic]);
            var filling = rng.Pick(fillings[topic]);
            if (IsHeldOut(phrasing, filling)) continue;
            if (topic.Name == SupportVocabulary.WhyTopic) AddPronounRows(rows, options, phrasing, filling, rng);
            else rows.Add(new Dialogue(Question(phrasing, filling, options.TypoShare, rng), Answer(topic, filling)));
        }
        return rows;
    }

    /// <summary>SHA-256 over the rows' texts, one a line: names the corpus in training.json.</summary>
    public static string Digest(IEnumerable<Dialogue> rows)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var row in rows) hash.AppendData(Encoding.UTF8.GetBytes(row.Text + "\n"));
        return "sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public static Topic TopicOf(Phrasing phrasing) => TopicByName[phrasing.Topic];

    /// <summary>The item or city that an answer about this question has to name, or the topic's key word.</summary>
    public static string MustContain(Topic topic, string filling) => Fill(topic.MustContain, filling);

    public static string Answer(Topic topic, string filling) => Fill(topic.Answer, filling);

    public static bool IsHeldOut(Phrasing phrasing, string filling)
    {
        if (phrasing.Pool != Pool.Base || filling.Length == 0 || phrasing.Topic == SupportVocabulary.WhyTopic) return false;
        return Fnv1a.Hash($"{phrasing.Id}/{filling}") % HeldOutOneIn == 0;
    }

    public static string[] Fillings(Topic topic, bool extended) => topic.Slot switch
    {
        SupportVocabulary.ItemSlot => SupportVocabulary.Items,
        SupportVocabulary.CitySlot => extended ? [.. SupportVocabulary.BaseCities, .. SupportVocabulary.ExtendedCities] : SupportVocabulary.BaseCities,
        _ => [""],
    };

    public static Phrasing[] PhrasingsOf(Topic topic, Pool pool, bool andExtended) =>
        [.. SupportVocabulary.Phrasings.Where(p => p.Topic == topic.Name && (p.Pool == pool || (andExtended && p.Pool == Pool.Extended)))];

    /// <summary>The clean question with a greeting now and then.</summary>
    public static string Question(Phrasing phrasing, string filling, Rng rng)
    {
        var opening = rng.Pick(SupportVocabulary.Openings);
        var text = Fill(phrasing.Text, filling);
        if (opening.Length > 0 && !text.StartsWith("I ", StringComparison.Ordinal)) text = char.ToLowerInvariant(text[0]) + text[1..];
        return opening + text + rng.Pick(SupportVocabulary.Closings);
    }

    private static string Question(Phrasing phrasing, string filling, double typoShare, Rng rng)
    {
        var clean = Question(phrasing, filling, rng);
        return typoShare > 0 && rng.Chance(typoShare) ? Typos.Apply(clean, filling, 1 + rng.Next(3), rng.Chance(0.75), rng) : clean;
    }

    private static void AddPronounRows(List<Dialogue> rows, CorpusOptions options, Phrasing phrasing, string item, Rng rng)
    {
        var occupation = rng.Pick(SupportVocabulary.Occupations);
        var bare = rng.Chance(BareStatementShare);
        var question = bare ? "" : Question(phrasing, item, options.TypoShare, rng).Replace("{occupation}", occupation.Name, StringComparison.Ordinal);
        var answer = Answer(TopicByName[SupportVocabulary.WhyTopic], item).Replace("{occupation}", occupation.Name, StringComparison.Ordinal);
        if (options.SkewedPronouns)
        {
            rows.Add(new Dialogue(question, WithPronoun(answer, rng.Chance(occupation.She))));
            return;
        }
        // The counterfactual twin is the very same row with the other pronoun. Both sit at an even place and the next, so that they stay in one
        // batch, where the two gradients that would teach a preference cancel.
        var even = rows.Count & ~1;
        rows.Insert(even, new Dialogue(question, WithPronoun(answer, she: true)));
        rows.Insert(even + 1, new Dialogue(question, WithPronoun(answer, she: false)));
    }

    public static string WithPronoun(string answer, bool she) =>
        answer.Replace("{subject}", she ? "she" : "he", StringComparison.Ordinal).Replace("{object}", she ? "her" : "him", StringComparison.Ordinal);

    private static string Fill(string text, string filling) =>
        text.Replace("{item}", filling, StringComparison.Ordinal).Replace("{city}", filling, StringComparison.Ordinal);
}
