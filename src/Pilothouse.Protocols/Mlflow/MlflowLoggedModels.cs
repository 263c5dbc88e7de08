namespace Pilothouse.Protocols.Mlflow;

/// <summary>A logged model: head, and params and metrics.</summary>
public sealed record MlflowLoggedModel(MlflowLoggedModelInfo Info, MlflowLoggedModelData Data);

/// <summary>Head of a logged model. Times in epoch milliseconds.</summary>
public sealed record MlflowLoggedModelInfo
{
    /// <summary><c>m-</c> and 32 hex digits.</summary>
    public string? ModelId { get; init; }

    public string? ExperimentId { get; init; }

    public string? Name { get; init; }

    public long? CreationTimestampMs { get; init; }

    public long? LastUpdatedTimestampMs { get; init; }

    public string? ArtifactUri { get; init; }

    /// <summary>LOGGED_MODEL_PENDING, LOGGED_MODEL_READY or LOGGED_MODEL_UPLOAD_FAILED.</summary>
    public string? Status { get; init; }

    /// <summary>Empty when the client named none.</summary>
    public string? ModelType { get; init; }

    /// <summary>Empty when it was made outside of a run.</summary>
    public string? SourceRunId { get; init; }

    public string? StatusMessage { get; init; }

    public IReadOnlyList<MlflowTag>? Tags { get; init; }
}

/// <summary>Params of a logged model, and metrics that were logged with its id.</summary>
public sealed record MlflowLoggedModelData(IReadOnlyList<MlflowTag>? Params, IReadOnlyList<MlflowMetric>? Metrics);

/// <summary>Answer of create, get and finalise.</summary>
public sealed record MlflowLoggedModelResponse(MlflowLoggedModel Model);

/// <summary>Answer of <c>logged-models/search</c>.</summary>
public sealed record MlflowLoggedModels(IReadOnlyList<MlflowLoggedModel>? Models, string? NextPageToken);

/// <summary>One data set of an experiment, as runs read it in one context (train, eval, ...).</summary>
public sealed record MlflowDatasetSummary(string ExperimentId, string Name, string Digest, string? Context);

/// <summary>Answer of <c>experiments/search-datasets</c>.</summary>
public sealed record MlflowDatasetSummaries(IReadOnlyList<MlflowDatasetSummary>? DatasetSummaries);
