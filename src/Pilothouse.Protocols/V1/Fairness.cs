namespace Pilothouse.Protocols.V1;

/// <param name="Checks">Names of checks; null = all of the project file.</param>
public sealed record NewFairnessReport(string Project, string Commit, IReadOnlyList<string>? Checks = null);

/// <param name="Verdict">PASS, FAIL, INCONCLUSIVE.</param>
/// <param name="Digest">Digest of the stored report (JSON blob).</param>
public sealed record FairnessReport(string Id, string Project, string Commit, string Verdict, IReadOnlyList<FairnessCheck> Checks, string CreatedBy, long CreatedMs, string? Digest);

/// <param name="Kind">generative or classifier.</param>
/// <param name="ModelDigest">Content digest of the model; null for a remote engine.</param>
/// <param name="DatasetDigest">SHA-256 of the data file, for methods that use one.</param>
/// <param name="Items">Rows or template-group pairs that were asked.</param>
public sealed record FairnessCheck(string Name, string Model, string Kind, string Method, string Verdict, string Reason, IReadOnlyList<FairnessFigure> Figures, IReadOnlyList<GroupFigure> Groups,
    string? ModelDigest = null, string? DatasetDigest = null, int Items = 0);

/// <summary>One disparity with its bounds, e.g. equal_opportunity_difference.</summary>
/// <param name="Lower">Lower bound, one-sided at <paramref name="Confidence"/>.</param>
/// <param name="Upper">Upper bound, one-sided at <paramref name="Confidence"/>.</param>
/// <param name="Limit">Largest gap accepted; null for a figure that is only reported.</param>
/// <param name="Verdict">PASS (upper bound within the limit), FAIL (lower bound beyond it), INCONCLUSIVE, or INFO without a limit.</param>
/// <param name="WorstGroup">Group with the lowest rate.</param>
/// <param name="BestGroup">Group with the highest rate.</param>
public sealed record FairnessFigure(string Metric, double Value, double Lower, double Upper, double Confidence, double? Limit, string Verdict, string Method, string? WorstGroup, string? BestGroup);

/// <summary>A rate within one group.</summary>
public sealed record GroupFigure(string Group, string Metric, double Value, double Lower, double Upper, int Count);
