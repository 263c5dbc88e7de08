namespace Pilothouse.Protocols.V1;

/// <param name="Commit">Candidate revision.</param>
/// <param name="Baseline">Base line revision; null = the release in production if there is one, else none (only floors are gated).</param>
/// <param name="Suites">Names of suites; null = all of the project file.</param>
public sealed record NewEvaluation(string Project, string Commit, string? Baseline = null, IReadOnlyList<string>? Suites = null);

/// <param name="Status">running, finished, failed.</param>
/// <param name="Verdict">PASS, FAIL, INCONCLUSIVE, INVALID, BUDGET; null while running.</param>
public sealed record EvaluationSummary(string Id, string Project, string Commit, string? BaselineCommit, string Status, string? Verdict, string? Reason, int Cases, int Done, string CreatedBy,
    long CreatedMs, long? FinishedMs, string? Digest);

public sealed record EvaluationDetail(EvaluationSummary Summary, IReadOnlyList<SuiteResult> Suites);

public sealed record SuiteResult(string Name, string Model, string? BaselineModel, string Dataset, int Cases, IReadOnlyList<ScorerResult> Scorers, IReadOnlyList<GateResult> Gates,
    IReadOnlyList<CaseResult> Differences);

/// <summary>A score with its interval.</summary>
public sealed record ScorerResult(string Name, double Candidate, double CandidateLower, double CandidateUpper, double? Baseline, double? Difference, double? DifferenceLower,
    double? DifferenceUpper, double Confidence, string Method);

/// <param name="Verdict">PASS, FAIL, INCONCLUSIVE, INVALID.</param>
/// <param name="Reason">In words, with the figures.</param>
public sealed record GateResult(string Name, string Scorer, string Type, string Verdict, string Reason, double? Value, double? Lower, double? Upper, double Threshold, double Confidence,
    string Method, double? PValue, double? MinimumDetectableEffect, int? MoreItemsNeeded);

/// <summary>A case on which candidate and base line differ (a discordant pair); bounded list.</summary>
public sealed record CaseResult(string Id, string Input, string? Expected, string Candidate, double CandidateScore, string? Baseline, double? BaselineScore);
