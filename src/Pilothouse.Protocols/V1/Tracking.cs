namespace Pilothouse.Protocols.V1;

public sealed record ExperimentSummary(string Id, string Name, string LifecycleStage, int Runs, long CreatedMs, long UpdatedMs);

/// <param name="Status">RUNNING, SCHEDULED, FINISHED, FAILED, KILLED.</param>
public sealed record RunSummary(string Id, string ExperimentId, string Name, string Status, string User, long StartMs, long? EndMs, string LifecycleStage,
    IReadOnlyDictionary<string, double> Metrics, IReadOnlyDictionary<string, string> Params, IReadOnlyDictionary<string, string> Tags);

public sealed record RunDetail(RunSummary Run, string ExperimentName, string ArtifactUri, IReadOnlyList<LatestMetric> LatestMetrics);

public sealed record LatestMetric(string Key, double Value, long Step, long TimeMs);

/// <param name="Path">Relative to the run's artifacts.</param>
/// <param name="Size">Bytes; null for a directory.</param>
public sealed record RunArtifact(string Path, bool IsDirectory, long? Size);

/// <summary>Parallel arrays, one element a point.</summary>
public sealed record MetricSeries(string RunId, string Key, long TotalPoints, IReadOnlyList<long> Steps, IReadOnlyList<long> TimesMs, IReadOnlyList<double> Values);
