namespace Pilothouse.Protocols.V1;

/// <param name="Checks">Names of checks; null = all of the project file.</param>
public sealed record NewFairnessReport(string Project, string Commit, IReadOnlyList<string>? Checks = null);

/// <param name="Verdict">PASS, FAIL, INCONCLUSIVE.</param>
/// <param name="Digest">Digest of the stored report (JSON blob).</param>
public sealed record FairnessReport(string Id, string Project, string Commit, string Verdict, IReadOnlyList<FairnessCheck> Checks, string CreatedBy, long CreatedMs, string? Digest);

/// <param name="Kind">generative or classifier.</param>
public sealed record FairnessCheck(string Name, string Model, string Kind, string Method, string Verdict, string Reason, IReadOnlyList<FairnessFigure> Figures, IReadOnlyList<GroupFigure> Groups);

/// <summary>One disparity with its confidence interval, e.g. equal_opportunity_difference.</summary>
public sealed record FairnessFigure(string Metric, double Value, double Lower, double Upper, double Confidence, double Limit, string Verdict, string Method, string? WorstGroup, string? BestGroup);

/// <summary>A rate within one group.</summary>
public sealed record GroupFigure(string Group, string Metric, double Value, double Lower, double Upper, int Count);
