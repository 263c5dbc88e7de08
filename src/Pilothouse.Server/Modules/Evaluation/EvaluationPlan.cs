using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Everything an evaluation needs, resolved: nothing is looked up once it runs.</summary>
/// <param name="IsFresh">Known answers are not used.</param>
/// <param name="Faults">Why candidate and base line cannot be compared as a whole (a suite that is gone).</param>
internal sealed record EvaluationPlan(string Project, string Commit, string? BaselineCommit, IReadOnlyList<SuitePlan> Suites, IReadOnlyList<string> Faults, bool IsFresh = false)
{
    /// <summary>What names that move stood for.</summary>
    public EvaluationPins Pins { get; init; } = new();

    /// <summary>Model calls in all.</summary>
    public int Calls => Suites.Sum(s => s.Calls);
}

/// <param name="Baseline">Model of the base line; null without one.</param>
/// <param name="Fault">Why this suite's comparison is invalid; then the base line is not run.</param>
internal sealed record SuitePlan(string Name, SuiteEntry Entry, DataSubject Data, IReadOnlyList<EvaluationInput> Cases, ModelSubject Candidate, ModelSubject? Baseline, string? Fault,
    IReadOnlyList<string> Notes)
{
    /// <summary>The registered version of the suite, <c>suites:/PROJECT.SUITE/VERSION</c>; null before it is registered.</summary>
    public string? Registered { get; init; }

    /// <summary>Commit that the suite's own <c>baseline:</c> led to; null = the evaluation's base line.</summary>
    public string? OwnBaseline { get; init; }

    /// <summary>Scorers ready to run, in the order of the file.</summary>
    public IReadOnlyList<Scoring.SuiteScorer> Scorers { get; init; } = [];

    /// <summary>Answers to each case: classifiers answer the same every time.</summary>
    public int Repeats => Candidate.Entry.Kind == ModelKind.Classifier ? 1 : Entry.Repeats;

    /// <summary>False when all scorers ask for probabilities: then nothing is generated.</summary>
    public bool NeedsAnswers => Scorers.Any(s => s.Scorer.NeedsAnswer);

    public bool ComparesBaseline => Baseline is not null && Fault is null;

    public int Calls => NeedsAnswers ? Cases.Count * (Repeats + (ComparesBaseline ? StoredBaseline is null ? Repeats : 1 : 0)) : 0;

    /// <summary>Answers of the base line's stored run, by case; null = the base line is asked.</summary>
    public IReadOnlyDictionary<string, Answer>? StoredBaseline { get; init; }

    /// <summary>The cases as the base line is asked them, in the same order; null = as the candidate is. Prompts of a promptfoo configuration are part of its cases.</summary>
    public IReadOnlyList<EvaluationInput>? BaselineCases { get; init; }

    /// <summary>Tools of the base line, beside <see cref="BaselineCases"/>.</summary>
    public string? BaselineTools { get; init; }

    /// <summary>The plan as its base line is asked.</summary>
    public SuitePlan AsBaseline => BaselineCases is null ? this : this with { Cases = BaselineCases, Entry = Entry with { Tools = BaselineTools } };

    /// <summary>Cases in quarantine today: asked and reported, not gated.</summary>
    public IReadOnlySet<string> Quarantined { get; init; } = new HashSet<string>();

    /// <summary>Why no gate of this suite can be judged; null = they can.</summary>
    public string? Invalid { get; init; }

    /// <summary>Positions of the cases that count.</summary>
    public int[] Counted => [.. Enumerable.Range(0, Cases.Count).Where(i => !Quarantined.Contains(Cases[i].Id))];
}

/// <summary>One case as it is sent to a model.</summary>
/// <param name="Fields">All fields of the row, for prompt variables.</param>
internal sealed record EvaluationInput(string Id, string Input, string? Expected, string? Cluster, IReadOnlyDictionary<string, string> Fields)
{
    /// <summary>Messages before the input.</summary>
    public IReadOnlyList<Platform.Inference.ChatTurn> History { get; init; } = [];

    /// <summary>The history is all that is sent, as it stands; the input only names it in reports.</summary>
    public bool IsWhole { get; init; }
}

/// <summary>What an engine made of a case.</summary>
/// <param name="Output">Text or label; empty when it failed.</param>
/// <param name="Error">Why there is no answer.</param>
/// <param name="Probabilities">A classifier's, by label in the order of its config.</param>
internal sealed record Answer(string Output, string? Error, bool IsCached, IReadOnlyDictionary<string, double>? Probabilities = null, CallUsage? Usage = null)
{
    /// <summary>What is scored when no scorer looks at answers.</summary>
    public static Answer NotAsked { get; } = new("", null, IsCached: false);

    public bool Failed => Error is not null;
}

/// <summary>What a call took; of a cached answer, what it took when it was made.</summary>
internal sealed record CallUsage(int PromptTokens, int CompletionTokens, double Milliseconds)
{
    /// <summary>Null without a price.</summary>
    public double? Cost(TokenPrice? price) => price?.Of(PromptTokens, CompletionTokens);
}
