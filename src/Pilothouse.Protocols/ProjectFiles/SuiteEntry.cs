namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>What a gate demands.</summary>
public enum GateType
{
    /// <summary>Not worse than the baseline by more than a margin, compared on the same cases.</summary>
    NonInferiority,

    /// <summary>The one-sided lower confidence bound is at least a minimum.</summary>
    Floor,

    /// <summary>Each single case reaches a minimum: no statistics, as in a regression test.</summary>
    Every,
}

/// <summary>What a gate's verdict is good for.</summary>
public enum GateRole
{
    /// <summary>Decides, together with the other primary gates (their failures are Holm-adjusted).</summary>
    Primary,

    /// <summary>Is reported (failures adjusted by Benjamini and Hochberg) and decides nothing.</summary>
    Secondary,

    /// <summary>Decides by itself: its failure stands at its own confidence, whatever other gates there are.</summary>
    Must,
}

/// <summary>An evaluation: a model on a data set, with scorers and gates.</summary>
public sealed record SuiteEntry
{
    public required ProjectSource Source { get; init; }

    public required string Model { get; init; }

    /// <summary>Name under <c>data</c>; empty when the cases stand in the suite or come from a pack.</summary>
    public required string Data { get; init; }

    /// <summary>Cases written in the suite, each a JSON object of fields.</summary>
    public IReadOnlyList<InlineCase> Cases { get; init; } = [];

    /// <summary>Built-in cases (<see cref="RedTeamPacks"/>), or null.</summary>
    public string? Pack { get; init; }

    /// <summary>Path of a promptfoo configuration, which says everything else; or null.</summary>
    public string? Promptfoo { get; init; }

    /// <summary>Field with the messages before the input, a list of <c>{"role", "content"}</c>; null = none.</summary>
    public string? Messages { get; init; }

    /// <summary>Field of each row that is sent to the model.</summary>
    public required string Input { get; init; }

    /// <summary>Field with the reference answer.</summary>
    public required string Expected { get; init; }

    /// <summary>Field whose equal values mark rows that are not independent of each other, or null.</summary>
    public string? Cluster { get; init; }

    /// <summary>What is asked instead of a model of this commit, or null.</summary>
    public TargetEntry? Target { get; init; }

    /// <summary>What the suite is compared with when the call does not say, or null.</summary>
    public BaselineEntry? Baseline { get; init; }

    /// <summary>Tools that each request offers: a JSON list of OpenAI's tool definitions, or null.</summary>
    public string? Tools { get; init; }

    /// <summary>Fields of the rows by whose values the results are looked at apart; they inform, they never block.</summary>
    public IReadOnlyList<string> Slices { get; init; } = [];

    /// <summary>Shares of the cases after which a verdict may stand early, ascending, the last of them 1; empty = only at the end.</summary>
    public IReadOnlyList<double> Looks { get; init; } = [];

    /// <summary>Cases that are known to flicker: reported, not gated.</summary>
    public IReadOnlyList<QuarantineEntry> Quarantine { get; init; } = [];

    /// <summary>How often each case is asked, from 1; the repeats of a case are one case to the statistics.</summary>
    public int Repeats { get; init; } = 1;

    /// <summary>Those of the file, or the defaults of the model's kind (<see cref="ScorerEntry.Defaults"/>).</summary>
    public required IReadOnlyList<ScorerEntry> Scorers { get; init; }

    public required IReadOnlyList<GateEntry> Gates { get; init; }
}

/// <summary>What a suite asks instead of a model of the commit: exactly one of environment, release, command and prompt.</summary>
public sealed record TargetEntry
{
    public required ProjectSource Source { get; init; }

    /// <summary>Environment whose stable release answers, as the gateway serves it.</summary>
    public string? Environment { get; init; }

    /// <summary>Digest of a release, or <c>latest</c>.</summary>
    public string? Release { get; init; }

    /// <summary>Command that reads cases and writes answers as JSON lines.</summary>
    public IReadOnlyList<string> Command { get; init; } = [];

    /// <summary>Files of the repository that the command needs.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Time the command may take for all cases.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Registered prompt in place of the model's own: <c>prompts:/NAME/VERSION</c> or <c>prompts:/NAME@ALIAS</c>.</summary>
    public string? Prompt { get; init; }

    /// <summary>Everything that it names, as JSON.</summary>
    public string Definition() => System.Text.Json.JsonSerializer.Serialize(new object?[] { Environment, Release, Command, Files, Timeout, Prompt });
}

/// <summary>What a suite is compared with: one of environment, release and commit, or nothing at all.</summary>
public sealed record BaselineEntry
{
    public required ProjectSource Source { get; init; }

    /// <summary>Environment whose stable release is compared with.</summary>
    public string? Environment { get; init; }

    /// <summary>Digest of a release, or <c>latest</c>.</summary>
    public string? Release { get; init; }

    /// <summary>Branch, tag or commit; <c>auto</c> = what <c>--baseline auto</c> finds.</summary>
    public string? Commit { get; init; }

    /// <summary>The suite stands alone (<c>baseline: none</c>).</summary>
    public bool IsNone => Environment is null && Release is null && Commit is null;

    /// <summary>As it was written, in one line.</summary>
    public override string ToString() => Environment is not null ? $"environment {Environment}" : Release is not null ? $"release {Release}" : Commit is not null ? $"commit {Commit}" : "none";
}

/// <summary>A case whose result flickers for a reason that is known.</summary>
/// <param name="Case">Its id.</param>
/// <param name="Until">Last day on which it is not gated (UTC).</param>
/// <param name="Owner">Who takes it out again.</param>
public sealed record QuarantineEntry(string Case, DateOnly Until, string Owner, string? Reason);

/// <summary>A case written in the project file.</summary>
/// <param name="Line">Line in the file, from 1.</param>
/// <param name="Json">Its fields as a JSON object.</param>
public sealed record InlineCase(int Line, string Json);

/// <summary>One gate of a suite.</summary>
public sealed record GateEntry
{
    public required ProjectSource Source { get; init; }

    /// <summary>Name of the scorer it judges.</summary>
    public required string Scorer { get; init; }

    public required GateType Type { get; init; }

    public GateRole Role { get; init; }

    /// <summary>Its verdict counts.</summary>
    public bool Decides => Role != GateRole.Secondary;

    /// <summary>Largest tolerated loss, between 0 and 1 (non-inferiority only).</summary>
    public double? Margin { get; init; }

    /// <summary>Least score, 0 to 1 (floor; every, where it is 1 when not given).</summary>
    public double? Min { get; init; }

    /// <summary>Confidence of the interval, between 0 and 1.</summary>
    public required double Confidence { get; init; }
}

/// <summary>How fairness is measured.</summary>
public enum FairnessMethod
{
    /// <summary>Share of one pronoun against the other as the next token after a template, by group.</summary>
    PronounPreference,

    /// <summary>Rates of a classifier's decisions by group.</summary>
    GroupRates,
}

/// <summary>A difference between groups of a classifier's decisions.</summary>
public enum FairnessMetric
{
    /// <summary>Largest difference in the rate of positive decisions.</summary>
    DemographicParityDifference,

    /// <summary>Largest difference in the true positive rate.</summary>
    EqualOpportunityDifference,

    /// <summary>Larger of the differences in true and in false positive rate.</summary>
    EqualizedOddsDifference,
}

/// <summary>A fairness check.</summary>
public sealed record FairnessEntry
{
    public required ProjectSource Source { get; init; }

    public required string Model { get; init; }

    public required FairnessMethod Method { get; init; }

    /// <summary>Texts with <c>{group}</c> in them (pronoun preference).</summary>
    public required IReadOnlyList<string> Templates { get; init; }

    /// <summary>What is put into <c>{group}</c> (pronoun preference).</summary>
    public required IReadOnlyList<string> Groups { get; init; }

    /// <summary>The two continuations compared, by name, with their leading space (pronoun preference).</summary>
    public required IReadOnlyDictionary<string, string> Words { get; init; }

    /// <summary>Data set (group rates).</summary>
    public string? Data { get; init; }

    /// <summary>Field of each row that is sent to the model (group rates).</summary>
    public required string Input { get; init; }

    /// <summary>Field that names the row's group (group rates).</summary>
    public string? Group { get; init; }

    /// <summary>Field with the true label (group rates).</summary>
    public string? Label { get; init; }

    /// <summary>Label that counts as the favourable decision (group rates).</summary>
    public string? Positive { get; init; }

    public required IReadOnlyList<FairnessMetric> Metrics { get; init; }

    /// <summary>Largest gap between groups whose confidence interval may not be exceeded, between 0 and 1.</summary>
    public required double MaxGap { get; init; }

    /// <summary>Confidence of the intervals, between 0 and 1.</summary>
    public required double Confidence { get; init; }
}
