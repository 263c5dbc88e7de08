namespace Pilothouse.Protocols.V1;

/// <summary>Names that runs of an experiment use, for column pickers and for completing filters.</summary>
/// <param name="Operators">What can be said about <c>metrics</c>, <c>params</c>, <c>tags</c> and each attribute, in MLflow's grammar.</param>
/// <param name="Complete">False when the experiment has more runs than were looked at (the newest, and every n-th of the rest): a rare name may be missing.</param>
public sealed record RunColumns(IReadOnlyList<string> Metrics, IReadOnlyList<string> Params, IReadOnlyList<string> Tags, IReadOnlyList<string> Attributes,
    IReadOnlyDictionary<string, IReadOnlyList<string>> Operators, bool Complete);

/// <summary>Runs with the same value of a param, tag or attribute.</summary>
/// <param name="Value">Null = the runs that have none.</param>
/// <param name="Metrics">By name; a metric that no run of the group has is missing.</param>
public sealed record RunGroup(string? Value, int Runs, IReadOnlyDictionary<string, MetricSpread> Metrics);

/// <summary>Latest values of a metric over the runs of a group, without NaN and infinities.</summary>
/// <param name="Count">Runs with a value.</param>
/// <param name="Deviation">Sample standard deviation; 0 for one value.</param>
public sealed record MetricSpread(int Count, double Mean, double Minimum, double Maximum, double Deviation);

/// <param name="More">There are more groups; these are the largest.</param>
public sealed record RunGroups(IReadOnlyList<RunGroup> Groups, bool More);

/// <summary>A named state of a page of an experiment.</summary>
/// <param name="Address">Path and query string: <c>/experiments/7?filter=...</c> or <c>/runs/compare?...</c>.</param>
/// <param name="Actor">Who saved it last.</param>
public sealed record SavedView(string Name, string Address, string Actor, long UpdatedMs);

public sealed record NewSavedView(string Name, string Address);
