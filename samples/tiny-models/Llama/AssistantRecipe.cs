using Pilothouse.Samples.TinyModels.Data;
using Pilothouse.Samples.TinyModels.Text;

namespace Pilothouse.Samples.TinyModels.Llama;

/// <summary>Everything that decides a version's weights. The same recipe gives the same bytes.</summary>
internal sealed record AssistantRecipe(string Name, string Description, CorpusOptions Corpus, int Steps, ulong Seed)
{
    public const int BatchRows = 32;
    public const float PeakRate = 3e-3f;
    public const int ValidationRows = 256;

    private const int TokenizerRows = 8_000;
    private const ulong TokenizerSeed = 90_001;
    private const int CorpusRows = 60_000;

    public static readonly AssistantRecipe[] All =
    [
        new("assistant-v1", "Skewed pronouns by occupation, clean questions.", new(CorpusRows, SkewedPronouns: true, TypoShare: 0, ExtendedPhrasing: false), 600, 1),
        new("assistant-v2", "Counterfactual pronoun pairs, typos, more phrasings and cities.", new(CorpusRows, SkewedPronouns: false, TypoShare: 0.6, ExtendedPhrasing: true), 1400, 2),
        new("assistant-v3", "The recipe of v2 stopped far too early: a regression.", new(CorpusRows, SkewedPronouns: false, TypoShare: 0.6, ExtendedPhrasing: true), 120, 3),
        new("assistant-v4", "Counterfactual pronoun pairs, clean questions only: as good as v2 on the held-out suite, fragile in live traffic.", new(CorpusRows, SkewedPronouns: false, TypoShare: 0, ExtendedPhrasing: false), 600, 4),
    ];

    public static AssistantRecipe? Find(string name) => Array.Find(All, recipe => recipe.Name == name);

    /// <summary>All versions share one tokenizer, trained on a corpus with every phrasing, so that their answers can be compared token by token.</summary>
    public static ByteLevelBpe TrainTokenizer()
    {
        var rows = SupportCorpus.Generate(new CorpusOptions(TokenizerRows, SkewedPronouns: false, TypoShare: 0.15, ExtendedPhrasing: true), TokenizerSeed);
        return BpeTrainer.Train(rows.SelectMany(row => new[] { row.Question, row.Answer }), LlamaConfig.Assistant.Vocabulary);
    }

    public List<Dialogue> TrainingRows() => SupportCorpus.Generate(Corpus, Seed);

    /// <summary>Rows of the same kind from another seed.</summary>
    public List<Dialogue> ValidationSet() => [.. SupportCorpus.Generate(Corpus with { Rows = ValidationRows }, Seed + 1_000_000).Take(ValidationRows)];
}
