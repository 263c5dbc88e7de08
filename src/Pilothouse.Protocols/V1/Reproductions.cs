namespace Pilothouse.Protocols.V1;

/// <summary>Verdicts of <c>pilothouse reproduce</c>.</summary>
public static class ReproductionVerdicts
{
    /// <summary>The same, within the declared tolerances.</summary>
    public const string Reproduced = "REPRODUCED";

    /// <summary>It ran, and something came out differently.</summary>
    public const string Differs = "DIFFERS";

    /// <summary>It could not be repeated: something that it needs is not there any more.</summary>
    public const string Cannot = "CANNOT";
}

/// <summary>Body of <c>POST /api/v1/reproductions</c>.</summary>
/// <param name="SubjectKind"><c>run</c> or <c>release</c>.</param>
/// <param name="SubjectId">Id of the run, digest of the release.</param>
/// <param name="Verdict">One of <see cref="ReproductionVerdicts"/>.</param>
/// <param name="Summary">One sentence.</param>
/// <param name="RunId">The run that repeated it; null when none was made.</param>
public sealed record NewReproduction(string SubjectKind, string SubjectId, string Verdict, string Summary, string? RunId, ReproductionReport Report);

/// <summary>A verdict as the server keeps it: an in-toto statement about a run or a release.</summary>
/// <param name="StatementDigest">Blob with the statement.</param>
/// <param name="ReportDigest">Blob with the report.</param>
public sealed record Reproduction(string Id, string SubjectKind, string SubjectId, string Verdict, string Summary, string? RunId, string StatementDigest, string ReportDigest, string By, long TimeMs);

/// <summary>A verdict with all that it was drawn from.</summary>
public sealed record ReproductionDetail(Reproduction Reproduction, ReproductionReport Report);

/// <summary>What was repeated, and what came of it.</summary>
/// <param name="Commit">Commit that was checked out.</param>
/// <param name="LockDigest">Digest of the pilothouse.lock that was materialised.</param>
/// <param name="Missing">What made it impossible: commit, diff, contents by digest, packages, programs.</param>
/// <param name="Environment">What is different here from where the run ran.</param>
/// <param name="Parts">Of a release: its training runs and evaluations.</param>
public sealed record ReproductionReport(string? Commit = null, bool Diff = false, string? LockDigest = null, IReadOnlyList<string>? Command = null, int? RecordedExitCode = null, int? ExitCode = null,
    Divergence? FirstDivergence = null, IReadOnlyList<MetricComparison>? Metrics = null, IReadOnlyList<OutputComparison>? Outputs = null, IReadOnlyList<string>? Missing = null,
    IReadOnlyList<EnvironmentDifference>? Environment = null, IReadOnlyList<string>? Notes = null, IReadOnlyList<ReproductionPart>? Parts = null);

/// <summary>The earliest point at which the two runs are not the same.</summary>
public sealed record Divergence(string Metric, long Step, double? Recorded, double? Repeated);

/// <param name="Tolerance"><c>exact</c>, <c>0.001</c> or <c>1%</c>.</param>
/// <param name="Points">Points compared.</param>
/// <param name="Differing">Points outside of the tolerance, or on one side only.</param>
/// <param name="LargestDifference">Largest absolute difference of two points.</param>
public sealed record MetricComparison(string Metric, string Tolerance, int Points, int Differing, double LargestDifference, double? RecordedLast, double? RepeatedLast, Divergence? First);

/// <param name="Repeated">Digest; null = the file was not written again.</param>
public sealed record OutputComparison(string Path, string? Recorded, string? Repeated)
{
    public bool Same => Recorded is not null && Recorded == Repeated;
}

/// <param name="What">Such as <c>cpu</c>, <c>package numpy</c>, <c>variable OMP_NUM_THREADS</c>.</param>
public sealed record EnvironmentDifference(string What, string? Recorded, string? Here);

/// <param name="Kind"><c>run</c> or <c>evaluation</c>.</param>
/// <param name="RepeatedId">Id of what repeated it.</param>
public sealed record ReproductionPart(string Kind, string Id, string Name, string Verdict, string Summary, string? RepeatedId);

/// <summary>Tags of runs that repeat others, and of what is needed to repeat one.</summary>
public static class ReproductionTags
{
    /// <summary>Id of the run that this one repeats.</summary>
    public const string Reproduces = "pilothouse.reproduces";

    /// <summary>Seed that was given with <c>--seed</c>.</summary>
    public const string Seed = "pilothouse.seed";

    /// <summary>Paths given with <c>--output</c>, one a line.</summary>
    public const string Outputs = "pilothouse.outputs";

    /// <summary>Digest of the pilothouse.lock that was there.</summary>
    public const string Lock = "pilothouse.lock";

    /// <summary>Directory of the run below the repository's root; absent at the root.</summary>
    public const string Prefix = "pilothouse.git.prefix";

    /// <summary>Artifacts of the capture.</summary>
    public const string EnvironmentFile = "source/environment.json";
    public const string DiffFile = "source/diff.patch";
    public const string UntrackedFile = "source/untracked.txt";
    public const string UntrackedContent = "source/untracked.tar";
    public const string LockFile = "source/pilothouse.lock";
    public const string InputsFile = "source/inputs.json";
}

/// <summary>What a run read, by digest: <c>source/inputs.json</c>.</summary>
public sealed record RunInputs(IReadOnlyList<RunInput> Files);

/// <param name="Path">Relative to the repository's root; absolute for what lies elsewhere.</param>
public sealed record RunInput(string Path, string Digest, long Size);
