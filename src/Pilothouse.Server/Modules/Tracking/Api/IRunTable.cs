using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.Api;

/// <summary>Which runs are meant by their stage of life.</summary>
public enum RunStage
{
    Active,
    Deleted,
    All,
}

/// <summary>What a table of runs shows.</summary>
/// <param name="Filter">MLflow's search grammar; null = all.</param>
/// <param name="OrderBy">MLflow's order, e.g. <c>metrics.loss desc</c>; then newest first.</param>
/// <param name="TopLevelOnly">Without runs whose parent (tag <c>mlflow.parentRunId</c>) is in the same list.</param>
public sealed record RunQuery(string ExperimentId, string? Filter, IReadOnlyList<string> OrderBy, RunStage Stage, bool TopLevelOnly);

/// <summary>A number that is counted only so far.</summary>
/// <param name="More">There are more than <paramref name="Count"/>.</param>
public sealed record BoundedCount(int Count, bool More);

/// <summary>The runs of one experiment as a table: pages, columns, groups, children, and what is done to many at once.</summary>
public interface IRunTable
{
    /// <exception cref="Platform.PilothouseException">NotFound; InvalidArgument when the id is no integer.</exception>
    Task<ExperimentSummary> ExperimentAsync(string id, CancellationToken ct);

    /// <exception cref="Protocols.ProtocolFormatException">The filter or the order is not in the grammar; the message says where.</exception>
    Task<Page<RunSummary>> SearchAsync(RunQuery query, int limit, string? pageToken, CancellationToken ct);

    /// <summary>Runs of the query, counted up to 10,000.</summary>
    Task<BoundedCount> CountAsync(RunQuery query, CancellationToken ct);

    /// <summary>The runs with these ids in this order, deleted ones too; unknown ids are left out.</summary>
    Task<IReadOnlyList<RunSummary>> FindAsync(IReadOnlyList<string> runIds, CancellationToken ct);

    Task<RunColumns> ColumnsAsync(string experimentId, CancellationToken ct);

    /// <summary>Some values of a param, tag or attribute that begin with a prefix, for completion.</summary>
    /// <param name="column">For example <c>params.lr</c>, in MLflow's grammar.</param>
    Task<IReadOnlyList<string>> ValuesAsync(string experimentId, string column, string prefix, CancellationToken ct);

    /// <summary>Groups of equal values with the spread of their metrics, largest first; at most 500.</summary>
    /// <param name="by">A param, tag or attribute in MLflow's grammar.</param>
    /// <param name="metrics">Names of metrics; at most 20.</param>
    Task<RunGroups> GroupAsync(RunQuery query, string by, IReadOnlyList<string> metrics, CancellationToken ct);

    /// <summary>Number of runs directly below each of these runs; a run without is missing.</summary>
    Task<IReadOnlyDictionary<string, int>> ChildCountsAsync(IReadOnlyList<string> runIds, RunStage stage, CancellationToken ct);

    /// <summary>Runs directly below a run, oldest first.</summary>
    Task<IReadOnlyList<RunSummary>> ChildrenAsync(string parentRunId, RunStage stage, int limit, CancellationToken ct);

    /// <summary>Writes every run of the query, newest first, page by page.</summary>
    /// <param name="columns">Such as <c>metrics.loss</c>; empty = all that the runs have.</param>
    /// <param name="format"><c>csv</c> or <c>json</c>.</param>
    Task ExportAsync(RunQuery query, IReadOnlyList<string> columns, string format, Stream output, CancellationToken ct);

    /// <summary>Moves runs to deleted or back, all or none.</summary>
    /// <param name="runIds">At most 1,000, all of the experiment.</param>
    /// <returns>Runs that changed.</returns>
    Task<int> MoveAsync(string experimentId, IReadOnlyList<string> runIds, RunStage to, string actor, CancellationToken ct);

    /// <summary>Sets a tag on runs, all or none.</summary>
    Task TagAsync(string experimentId, IReadOnlyList<string> runIds, string key, string value, string actor, CancellationToken ct);
}
