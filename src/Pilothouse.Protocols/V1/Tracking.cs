namespace Pilothouse.Protocols.V1;

public sealed record ExperimentSummary(string Id, string Name, string LifecycleStage, int Runs, long CreatedMs, long UpdatedMs);

/// <param name="Status">RUNNING, SCHEDULED, FINISHED, FAILED, KILLED.</param>
public sealed record RunSummary(string Id, string ExperimentId, string Name, string Status, string User, long StartMs, long? EndMs, string LifecycleStage,
    IReadOnlyDictionary<string, double> Metrics, IReadOnlyDictionary<string, string> Params, IReadOnlyDictionary<string, string> Tags);

/// <param name="Datasets">Data sets that it read.</param>
/// <param name="Models">Logged models that it read or made.</param>
/// <param name="HeartbeatMs">Last sign of life of a captured run that is under way.</param>
public sealed record RunDetail(RunSummary Run, string ExperimentName, string ArtifactUri, IReadOnlyList<LatestMetric> LatestMetrics,
    IReadOnlyList<RunDataset>? Datasets = null, IReadOnlyList<RunModel>? Models = null, long? HeartbeatMs = null);

/// <param name="Context">What it was read for, e.g. <c>training</c>; empty when the client did not say.</param>
public sealed record RunDataset(string Name, string Digest, string SourceType, string Source, string Context);

/// <param name="Made">True: the run made it; false: it read it.</param>
public sealed record RunModel(string ModelId, bool Made, long Step);

public sealed record LatestMetric(string Key, double Value, long Step, long TimeMs);

/// <param name="Path">Relative to the run's artifacts.</param>
/// <param name="Size">Bytes; null for a directory.</param>
public sealed record RunArtifact(string Path, bool IsDirectory, long? Size);

/// <summary>Parallel arrays, one element a point.</summary>
public sealed record MetricSeries(string RunId, string Key, long TotalPoints, IReadOnlyList<long> Steps, IReadOnlyList<long> TimesMs, IReadOnlyList<double> Values);

/// <summary>Extremes of one metric of a run, NaN left out, with the first step at which each was reached.</summary>
public sealed record MetricRange(string Key, long Points, double Min, long MinStep, double Max, long MaxStep);
