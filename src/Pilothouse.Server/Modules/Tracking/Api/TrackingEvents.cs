namespace Pilothouse.Server.Modules.Tracking.Api;

/// <summary>New points of a run are durable.</summary>
/// <param name="Keys">The metrics that got points.</param>
public sealed record MetricsLogged(string RunId, IReadOnlyList<string> Keys);

/// <summary>New histograms, texts, images or other tensors of a run are durable.</summary>
/// <param name="Keys">The series that got points.</param>
public sealed record MediaLogged(string RunId, IReadOnlyList<string> Keys);

/// <summary>A run was created, or its status, name or end changed.</summary>
/// <param name="Status">RUNNING, SCHEDULED, FINISHED, FAILED or KILLED.</param>
public sealed record RunChanged(string RunId, string Status);

/// <summary>A captured run wrote more output.</summary>
/// <param name="Stream"><c>stdout</c> or <c>stderr</c>.</param>
public sealed record LogAppended(string RunId, string Stream);

/// <summary>Experiments are gone for good, with their runs, models and artifacts. Other modules drop what they hold of them.</summary>
public sealed record ExperimentsPurged(IReadOnlyList<string> ExperimentIds);
