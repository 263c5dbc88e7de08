using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.Api;

/// <summary>Runs and experiments as the UI and other modules see them; clients use the MLflow protocol.</summary>
public interface IRuns
{
    Task<RunDetail> GetAsync(string runId, CancellationToken ct);

    /// <param name="filter">MLflow's search grammar, e.g. <c>metrics.loss &lt; 0.2 and params.seed = '1'</c>.</param>
    Task<Page<RunSummary>> SearchAsync(IReadOnlyList<string> experimentIds, string? filter, IReadOnlyList<string> orderBy, int limit, string? pageToken, CancellationToken ct);

    Task<IReadOnlyList<ExperimentSummary>> ExperimentsAsync(CancellationToken ct);

    /// <summary>Points of one metric in order of step, reduced to about <paramref name="maxPoints"/> with minima and maxima kept.</summary>
    Task<MetricSeries> HistoryAsync(string runId, string key, int maxPoints, CancellationToken ct);

    /// <summary>The same metric of several runs, one series a run in the order asked; a run without the metric has no points.</summary>
    /// <param name="runIds">At most 100.</param>
    /// <param name="fromStep">First step, inclusive; null = the series' own.</param>
    /// <param name="toStep">Last step, inclusive.</param>
    /// <exception cref="Platform.PilothouseException">NotFound: a run; InvalidArgument: too many runs.</exception>
    Task<IReadOnlyList<MetricSeries>> SeriesAsync(IReadOnlyList<string> runIds, string key, int maxPoints, long? fromStep, long? toStep, CancellationToken ct);

    /// <summary>Files and directories directly below a directory of the run's artifacts; "" is the root.</summary>
    Task<IReadOnlyList<RunArtifact>> ArtifactsAsync(string runId, string path, CancellationToken ct);

    /// <summary>Smallest and largest value of each metric; null for a run with so many points that only charts look at them.</summary>
    Task<IReadOnlyList<MetricRange>?> RangesAsync(string runId, CancellationToken ct);
}
