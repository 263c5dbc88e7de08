using System.Text.Json;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>How answers are scored: every score lies between 0 and 1 (mcc between -1 and 1), more is better.</summary>
public enum ScorerType
{
    /// <summary>1 when the answer equals the reference (or one of the values), else 0.</summary>
    Exact,

    /// <summary>1 when the reference occurs in the answer.</summary>
    Contains,

    /// <summary>1 when all values occur in the answer.</summary>
    ContainsAll,

    /// <summary>1 when at least one of the values occurs in the answer.</summary>
    ContainsAny,

    /// <summary>1 when the answer begins with the reference (or one of the values).</summary>
    StartsWith,

    /// <summary>1 when the answer matches the pattern (or, without one, the reference taken as a pattern).</summary>
    Regex,

    /// <summary>1 when the answer is JSON (and equals the reference as JSON, when there is one).</summary>
    Json,

    /// <summary>1 when the answer is JSON that satisfies the schema.</summary>
    JsonSchema,

    /// <summary>1 when the answer calls the tool with these arguments.</summary>
    ToolCall,

    /// <summary>1 when the answer refuses to help.</summary>
    Refusal,

    /// <summary>1 when the classifier's label is right.</summary>
    Accuracy,

    /// <summary>F1 of one label, or the mean over all labels (corpus statistic).</summary>
    ClassF1,

    /// <summary>Matthews correlation of labels, -1 to 1 (corpus statistic).</summary>
    Mcc,

    /// <summary>Area under the ROC curve (corpus statistic).</summary>
    Auroc,

    /// <summary>1 minus the Brier score of the probabilities.</summary>
    Brier,

    /// <summary>1 minus the expected calibration error (corpus statistic).</summary>
    Ece,

    /// <summary>Token overlap with the reference.</summary>
    F1,

    /// <summary>Mean sentence BLEU.</summary>
    Bleu,

    /// <summary>BLEU of all answers together (corpus statistic).</summary>
    CorpusBleu,

    /// <summary>Mean sentence chrF.</summary>
    Chrf,

    /// <summary>chrF of all answers together (corpus statistic).</summary>
    CorpusChrf,

    /// <summary>F1 of runs of n words.</summary>
    RougeN,

    /// <summary>F1 of the longest common subsequence of words.</summary>
    RougeL,

    /// <summary>1 minus the translation edit rate, at least 0.</summary>
    Ter,

    /// <summary>1 minus the edit distance over the longer length.</summary>
    EditSimilarity,

    /// <summary>Probability per byte that the model gives the reference: 1 / perplexity per byte.</summary>
    Perplexity,

    /// <summary>1 when the model gives the right choice the highest probability per byte.</summary>
    MultipleChoice,

    /// <summary>Cosine similarity of embeddings of answer and reference, at least 0.</summary>
    Similarity,

    /// <summary>1 when the answer came within max milliseconds.</summary>
    Latency,

    /// <summary>1 when the answer has at most max tokens.</summary>
    Tokens,

    /// <summary>1 when the call cost at most max.</summary>
    Cost,

    /// <summary>Probability that at least one of k answers is right by another scorer.</summary>
    PassAtK,

    /// <summary>Probability that all of k answers are right by another scorer.</summary>
    PassHatK,

    /// <summary>A command that reads cases and writes scores.</summary>
    Process,

    /// <summary>Assertions of each single case, from a promptfoo configuration; never in a project file.</summary>
    Assertions,

    /// <summary>Models grade the answer by a rubric.</summary>
    Judge,

    /// <summary>Models choose between candidate and base line, in both orders.</summary>
    JudgePairwise,
}

/// <summary>One scorer of a suite. Equal when everything that shapes its scores is equal.</summary>
public sealed record ScorerEntry
{
    /// <summary>Unique within the suite.</summary>
    public required string Name { get; init; }

    public required ScorerType Type { get; init; }

    /// <summary>.NET regular expression for <see cref="ScorerType.Regex"/>; null = the reference is the pattern.</summary>
    public string? Pattern { get; init; }

    /// <summary>Texts that take the place of the reference; empty = the reference (a JSON list of texts counts as several).</summary>
    public IReadOnlyList<string> Values { get; init; } = [];

    public bool IgnoreCase { get; init; }

    /// <summary>1 becomes 0 and 0 becomes 1.</summary>
    public bool Negate { get; init; }

    /// <summary>JSON Schema as written in the file, or null.</summary>
    public string? Schema { get; init; }

    /// <summary>JSON Schema file, relative to the project file, or null.</summary>
    public string? SchemaPath { get; init; }

    /// <summary>Name of the tool that must be called; null = the reference is the call.</summary>
    public string? Tool { get; init; }

    /// <summary>Arguments that the call must have, among others.</summary>
    public IReadOnlyDictionary<string, JsonElement> Arguments { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>Length of the runs of words (ROUGE-N).</summary>
    public int N { get; init; } = 1;

    /// <summary>Label that counts as positive; null = the second of two labels, or the mean over all.</summary>
    public string? Label { get; init; }

    /// <summary>Bins of the calibration error.</summary>
    public int Bins { get; init; } = 10;

    /// <summary>Field with the list of choices.</summary>
    public string Choices { get; init; } = "choices";

    /// <summary>Most milliseconds, tokens, or units of the price's currency.</summary>
    public double? Max { get; init; }

    /// <summary>Name of the scorer whose scores are counted (pass@k, pass^k).</summary>
    public string? Of { get; init; }

    /// <summary>Answers drawn (pass@k, pass^k).</summary>
    public int K { get; init; } = 1;

    /// <summary>Base URL of the server of embeddings.</summary>
    public string? Url { get; init; }

    /// <summary>Name of the embedding model at that server.</summary>
    public string? Model { get; init; }

    /// <summary>Command and arguments.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>Files of the repository that the command needs.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Time the command may take for all cases.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Names of models that judge.</summary>
    public IReadOnlyList<string> Judges { get; init; } = [];

    /// <summary>What a good answer is.</summary>
    public string? Rubric { get; init; }

    /// <summary>Field with a person's grade (1 to 5), or for pairs "candidate", "baseline" or "tie".</summary>
    public string? Human { get; init; }

    /// <summary>Least agreement of each judge with people (Krippendorff's alpha); below it the scorer decides nothing.</summary>
    public double? MinAlpha { get; init; }

    /// <summary>What a suite without scorers is scored by.</summary>
    public static IReadOnlyList<ScorerEntry> Defaults(ModelKind kind) => kind == ModelKind.Classifier
        ? [new() { Name = "accuracy", Type = ScorerType.Accuracy }, new() { Name = "class_f1", Type = ScorerType.ClassF1 }, new() { Name = "mcc", Type = ScorerType.Mcc }]
        : [new() { Name = "exact", Type = ScorerType.Exact }, new() { Name = "f1", Type = ScorerType.F1 }, new() { Name = "rouge_l", Type = ScorerType.RougeL }];

    /// <inheritdoc/>
    public bool Equals(ScorerEntry? other) => other is not null && Definition() == other.Definition();

    /// <inheritdoc/>
    public override int GetHashCode() => Definition().GetHashCode(StringComparison.Ordinal);

    /// <summary>Everything that shapes the scores, as JSON.</summary>
    public string Definition() => JsonSerializer.Serialize(new object?[]
    {
        Name, Type.ToString(), Pattern, Values, IgnoreCase, Negate, Schema, SchemaPath, Tool, Arguments.OrderBy(a => a.Key, StringComparer.Ordinal).ToDictionary(), N, Label, Bins, Choices, Max, Of, K, Url, Model,
        Command, Files, Timeout, Judges, Rubric, Human, MinAlpha,
    });
}
