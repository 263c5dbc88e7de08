namespace Pilothouse.Protocols.V1;

/// <param name="Commit">Candidate revision.</param>
/// <param name="Baseline">Base line revision; <c>auto</c> = the merge base with the default branch or its nearest ancestor with a finished evaluation, else the release in production; <c>none</c> = none (only floors are gated); null = what a suite's own <c>baseline:</c> says, else none.</param>
/// <param name="Suites">Names of suites; null = all of the project file.</param>
/// <param name="AllowStaleLock">Run although pilothouse.lock is missing or stale; the results say so.</param>
/// <param name="Record">Keep everything that models answered, so that it can be replayed.</param>
/// <param name="Replay">Digest of the blob with a recording: nothing is asked, what is not in it is missing. The verdict is no evidence for a release.</param>
/// <param name="Promptfoo">Path of a promptfoo configuration in the repository, to run instead of the suites of the project file.</param>
/// <param name="Fresh">Ask the models again for every case, whatever answers are known from earlier runs.</param>
/// <param name="AllowChangedData">Compare with the base line on the candidate's cases even when the suite's data or scorers differ from the base line's.</param>
public sealed record NewEvaluation(string Project, string Commit, string? Baseline = null, IReadOnlyList<string>? Suites = null, bool AllowChangedData = false,
    bool AllowStaleLock = false, bool Fresh = false, EvaluationBudget? Budget = null, bool Record = false, string? Replay = null, string? Promptfoo = null);

/// <summary>Hard caps of one evaluation: when one is reached nothing more is asked, and the verdict is BUDGET.</summary>
/// <param name="MaxCost">In the currency of the models' prices; every generative model then needs a price.</param>
/// <param name="MaxTokens">Read and written, cached answers aside.</param>
/// <param name="MaxSeconds">Time for asking and scoring.</param>
public sealed record EvaluationBudget(double? MaxCost = null, long? MaxTokens = null, int? MaxSeconds = null);

/// <param name="Status">running, finished, failed.</param>
/// <param name="Verdict">PASS, FAIL, INCONCLUSIVE, INVALID, BUDGET; null while running.</param>
/// <param name="Reason">Why, in words with figures; for a failed evaluation what went wrong.</param>
/// <param name="Cases">Model calls in all: candidate and base line.</param>
/// <param name="Done">Model calls done.</param>
public sealed record EvaluationSummary(string Id, string Project, string Commit, string? BaselineCommit, string Status, string? Verdict, string? Reason, int Cases, int Done, string CreatedBy,
    long CreatedMs, long? FinishedMs, string? Digest, string? Replay = null);

/// <param name="Recording">Digest of the blob with everything that models answered, when it was recorded.</param>
public sealed record EvaluationDetail(EvaluationSummary Summary, IReadOnlyList<SuiteResult> Suites, string? Recording = null);

/// <summary>What an evaluation would take, without running it.</summary>
/// <param name="Cost">At most; null when a model has no price.</param>
public sealed record EvaluationEstimate(IReadOnlyList<SuiteEstimate> Suites, int Calls, int Open, long PromptTokens, long CompletionTokens, double? Cost);

/// <param name="Calls">Model calls in all.</param>
/// <param name="Open">Those that no earlier answer spares.</param>
/// <param name="PromptTokens">About, at four characters a token.</param>
/// <param name="CompletionTokens">At most: max_tokens of every open call.</param>
public sealed record SuiteEstimate(string Name, string Model, int Calls, int Open, long PromptTokens, long CompletionTokens, double? Cost);

/// <summary>One value of a slice field, by one scorer.</summary>
/// <param name="PValue">Two-sided, of no difference from the base line; null without one, or with too few cases.</param>
/// <param name="AdjustedPValue">By Benjamini and Hochberg over all slices of the suite.</param>
/// <param name="Mark"><c>worse</c> or <c>better</c> at a false discovery rate of 5 %, <c>too few</c> (under 30 cases), else empty.</param>
public sealed record SliceResult(string Field, string Value, string Scorer, int Cases, double Candidate, double Lower, double Upper, double? Baseline = null, double? Difference = null, double? DifferenceLower = null,
    double? DifferenceUpper = null, double? PValue = null, double? AdjustedPValue = null, string Mark = "");

/// <summary>How far a suite with looks came.</summary>
/// <param name="Look">The look it ended at, from 1.</param>
/// <param name="Reason">Why it stopped early; null = all cases were asked.</param>
public sealed record LookResult(int Look, int Looks, int Asked, int Cases, string? Reason);

/// <summary>One case in one evaluation of its project, newest first.</summary>
public sealed record CaseHistoryEntry(string EvaluationId, string Commit, long TimeMs, EvaluationCase Case);

/// <param name="Model">Reference of the candidate's model, with the name in the project file: <c>models:/assistant/3</c>.</param>
/// <param name="Dataset">What the cases came from: <c>data/heldout.jsonl</c> or <c>datasets:/NAME/VERSION</c>.</param>
/// <param name="Differences">Cases on which candidate and base line differ, worst first; at most 100.</param>
/// <param name="DatasetDigest">SHA-256 of the data file.</param>
/// <param name="ModelDigest">Content digest of the candidate's model; null for a remote engine.</param>
/// <param name="Failed">Cases that the candidate's engine did not answer; they score 0.</param>
/// <param name="Cached">Answers that came from earlier runs of the same model, prompt and parameters.</param>
/// <param name="Notes">What the reader has to know: no base line, gates changed, data changed.</param>
/// <param name="Flaky">Cases whose verdict flipped again and again in the latest evaluations of the same target; they count like any other.</param>
/// <param name="BaselineCommit">What this suite was compared with, where its own <c>baseline:</c> says so; else null.</param>
/// <param name="SuiteVersion">The registered version of the suite, <c>suites:/PROJECT.SUITE/VERSION</c>.</param>
public sealed record SuiteResult(string Name, string Model, string? BaselineModel, string Dataset, int Cases, IReadOnlyList<ScorerResult> Scorers, IReadOnlyList<GateResult> Gates,
    IReadOnlyList<CaseResult> Differences, string? DatasetDigest = null, string? ModelDigest = null, string? BaselineModelDigest = null, string? PromptDigest = null, int Failed = 0,
    int BaselineFailed = 0, int Cached = 0, int? Clusters = null, IReadOnlyList<string>? Notes = null, string? SuiteVersion = null, int Repeats = 1, ClassificationTable? Classification = null, UsageFigures? Usage = null,
    UsageFigures? BaselineUsage = null, IReadOnlyList<JudgeAgreement>? Agreement = null, IReadOnlyList<string>? Unstable = null,
    IReadOnlyList<SliceResult>? Slices = null, LookResult? Looks = null, IReadOnlyList<string>? Quarantined = null, string? BaselineCommit = null, IReadOnlyList<FlakyCase>? Flaky = null);

/// <summary>A case whose verdict flickers.</summary>
/// <param name="Runs">Evaluations of the same target that asked it anew, the newest 20 at most.</param>
/// <param name="Right">Of them, those in which it was right.</param>
/// <param name="Flips">Consecutive runs with different verdicts.</param>
/// <param name="FlipRate">Flips / (runs - 1).</param>
public sealed record FlakyCase(string Case, int Runs, int Right, int Flips, double FlipRate);

/// <summary>Flaky cases of a suite, as its latest evaluation found them.</summary>
public sealed record FlakySuite(string Project, string Suite, string EvaluationId, string Commit, string Model, IReadOnlyList<FlakyCase> Cases);

/// <summary>A classifier's figures by class.</summary>
/// <param name="Confusion">Counts: rows = truth, columns = decision, in the order of the labels.</param>
/// <param name="Auroc">Area under the ROC curve; for two labels, of the second.</param>
/// <param name="Brier">Mean squared error of the probabilities, less is better.</param>
/// <param name="CalibrationError">Expected calibration error in ten bins, less is better.</param>
public sealed record ClassificationTable(IReadOnlyList<string> Labels, IReadOnlyList<IReadOnlyList<long>> Confusion, IReadOnlyList<ClassRow> Classes, double Accuracy, double BalancedAccuracy, double MacroF1, double Mcc,
    double? Auroc, double? Brier, double? CalibrationError);

/// <param name="Support">Cases of this label.</param>
public sealed record ClassRow(string Label, double Precision, double Recall, double F1, long Support);

/// <summary>What the answers took; cached ones count with what they once took.</summary>
/// <param name="Cost">In the currency of the price; null without one.</param>
public sealed record UsageFigures(long PromptTokens, long CompletionTokens, double LatencyMsP50, double LatencyMsP95, double? Cost);

/// <summary>Krippendorff's alpha of judges.</summary>
/// <param name="With">people, or judges (all judges together).</param>
/// <param name="Alpha">1 perfect, 0 chance; null when nothing varies.</param>
public sealed record JudgeAgreement(string Scorer, string Judge, string With, double? Alpha, int Cases);

/// <summary>A score with its two-sided interval.</summary>
/// <param name="Failed">Cases that the scorer could not score; they count against the candidate.</param>
/// <param name="MinimumDetectableEffect">Smallest true change that these cases show with power 0.8.</param>
public sealed record ScorerResult(string Name, double Candidate, double CandidateLower, double CandidateUpper, double? Baseline, double? Difference, double? DifferenceLower,
    double? DifferenceUpper, double Confidence, string Method, int Failed = 0, double? MinimumDetectableEffect = null);

/// <param name="Name">Stable: <c>non_inferiority:exact</c>.</param>
/// <param name="Verdict">PASS, FAIL, INCONCLUSIVE, INVALID, or SKIPPED (a comparison without a base line).</param>
/// <param name="Reason">In words, with the figures.</param>
/// <param name="Value">Mean score (floor) or candidate minus base line (non-inferiority).</param>
/// <param name="Lower">Lower bound, one-sided at <paramref name="Confidence"/>.</param>
/// <param name="Upper">Upper bound, one-sided at <paramref name="Confidence"/>.</param>
/// <param name="Threshold">The minimum, or minus the margin.</param>
/// <param name="PValue">One-sided p of "the gate is violated": PASS needs it at or below 1 - confidence.</param>
/// <param name="MinimumDetectableEffect">Smallest true change these cases show with power 0.8.</param>
/// <param name="MoreItemsNeeded">About how many more cases would decide; 0 when decided, null when it cannot be told.</param>
/// <param name="Role"><c>primary</c> (decides with the others), <c>must</c> (decides by itself) or <c>secondary</c> (informs, never blocks).</param>
/// <param name="AdjustedFailureP">p of "the gate holds" of a gate that failed, by Holm over the primary gates or by Benjamini and Hochberg over the secondary ones; null for others.</param>
public sealed record GateResult(string Name, string Scorer, string Type, string Verdict, string Reason, double? Value, double? Lower, double? Upper, double Threshold, double Confidence,
    string Method, double? PValue, double? MinimumDetectableEffect, int? MoreItemsNeeded, string Role = GateRoles.Primary, double? AdjustedFailureP = null)
{
    /// <summary>Its verdict counts.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool Decides => Role != GateRoles.Secondary;
}

/// <summary>Values of <see cref="GateResult.Role"/>.</summary>
public static class GateRoles
{
    public const string Primary = "primary", Secondary = "secondary", Must = "must";
}

/// <summary>A case on which candidate and base line differ (a discordant pair); bounded list.</summary>
public sealed record CaseResult(string Id, string Input, string? Expected, string Candidate, double CandidateScore, string? Baseline, double? BaselineScore);

/// <summary>One case with everything that is known about it.</summary>
/// <param name="Index">Position over all suites of the evaluation, from 0.</param>
/// <param name="Error">Why the candidate's engine gave no answer.</param>
/// <param name="ScoreErrors">Why a scorer gave no score.</param>
/// <param name="ScoreNotes">What a scorer says of the answer: what is missing, what a judge gave.</param>
/// <param name="Unstable">The repeats of the case were scored differently.</param>
/// <param name="Flaky">Its verdict flipped again and again in the latest evaluations of the same target.</param>
/// <param name="Outcome">worsened, improved, same (by the suite's first scorer), or new without a base line.</param>
public sealed record EvaluationCase(int Index, string Suite, string Id, string? Cluster, string Input, string? Expected, string Candidate, string? Error, string? Baseline,
    string? BaselineError, string Outcome, IReadOnlyDictionary<string, double> Scores, IReadOnlyDictionary<string, double>? BaselineScores,
    IReadOnlyDictionary<string, string>? ScoreErrors = null, IReadOnlyDictionary<string, string>? ScoreNotes = null, double? LatencyMs = null, int? CompletionTokens = null, double? Cost = null, bool? Unstable = null, bool? Quarantined = null, bool? Flaky = null);
