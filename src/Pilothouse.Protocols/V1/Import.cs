namespace Pilothouse.Protocols.V1;

/// <summary>An experiment of another store; found here by its name, since ids of two stores clash. Times in epoch milliseconds.</summary>
/// <param name="LifecycleStage"><c>active</c> or <c>deleted</c>.</param>
public sealed record ImportExperiment(string Name, string LifecycleStage, long CreatedMs, long UpdatedMs, IReadOnlyDictionary<string, string> Tags);

/// <param name="Id">Its id here.</param>
public sealed record ImportedExperiment(string Id, bool Created);

/// <summary>A run of another store, with its own id. Metrics, inputs and artifacts follow by MLflow's calls, and then <see cref="ImportEnd"/>.</summary>
/// <param name="ExperimentId">Id here.</param>
/// <param name="ArtifactUri">Null = below this server's artifacts; else where they stay.</param>
public sealed record ImportRun(string ExperimentId, string Name, string User, string Status, long StartMs, long? EndMs, string? ArtifactUri,
    IReadOnlyDictionary<string, string> Tags, IReadOnlyDictionary<string, string> Params);

/// <param name="Complete">An earlier import brought it whole, and it has not changed at the source since.</param>
/// <param name="Conflicts">Params that have another value here, which stays.</param>
public sealed record ImportedRun(string ArtifactUri, bool Created, bool Complete, int TagsAdded, int ParamsAdded, IReadOnlyList<string> Conflicts);

/// <summary>Everything of a run is here now.</summary>
public sealed record ImportEnd(string Status, long? EndMs, string LifecycleStage);

/// <summary>A logged model of another store, with its own id (<c>m-...</c>).</summary>
/// <param name="Status">LOGGED_MODEL_PENDING, LOGGED_MODEL_READY or LOGGED_MODEL_UPLOAD_FAILED.</param>
public sealed record ImportModel(string ExperimentId, string Name, string ModelType, string SourceRunId, string Status, string LifecycleStage, long CreatedMs, long UpdatedMs, string? ArtifactUri,
    IReadOnlyDictionary<string, string> Tags, IReadOnlyDictionary<string, string> Params);

/// <param name="Complete">It was here with its files: sent as pending first and with its own status when they are here, a model is never half brought.</param>
public sealed record ImportedModel(string ArtifactUri, bool Created, bool Complete);

/// <summary>A version of a registered model or prompt, with its own number; the model exists.</summary>
public sealed record ImportVersion(string Name, int Version, string Source, string? RunId, string? RunLink, string? Description, string Stage, string? User, long CreatedMs, long UpdatedMs,
    IReadOnlyDictionary<string, string> Tags);

/// <param name="HasContent">This server holds its files (of a prompt: its text).</param>
public sealed record ImportedVersion(bool Created, bool HasContent);

/// <summary>What an import did, for the audit log.</summary>
/// <param name="Source">Without passwords.</param>
public sealed record ImportSummary(string Source, IReadOnlyDictionary<string, long> Imported, IReadOnlyDictionary<string, long> Skipped);
