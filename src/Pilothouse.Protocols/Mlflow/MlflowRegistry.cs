using System.Text.Json.Serialization;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>A registered model. Times in epoch milliseconds.</summary>
public sealed record MlflowRegisteredModel
{
    public string? Name { get; init; }

    public long? CreationTimestamp { get; init; }

    public long? LastUpdatedTimestamp { get; init; }

    public string? UserId { get; init; }

    public string? Description { get; init; }

    /// <summary>The newest version of each stage.</summary>
    public IReadOnlyList<MlflowModelVersion>? LatestVersions { get; init; }

    public IReadOnlyList<MlflowTag>? Tags { get; init; }

    public IReadOnlyList<MlflowModelAlias>? Aliases { get; init; }
}

/// <summary>An alias such as <c>champion</c> and the version it points to, an integer as text.</summary>
public sealed record MlflowModelAlias(string Alias, string Version);

/// <summary>A version of a registered model. Times in epoch milliseconds.</summary>
public sealed record MlflowModelVersion
{
    public string? Name { get; init; }

    /// <summary>An integer as text.</summary>
    public string? Version { get; init; }

    public long? CreationTimestamp { get; init; }

    public long? LastUpdatedTimestamp { get; init; }

    public string? UserId { get; init; }

    /// <summary>None, Staging, Production or Archived.</summary>
    public string? CurrentStage { get; init; }

    public string? Description { get; init; }

    public string? Source { get; init; }

    public string? RunId { get; init; }

    /// <summary>PENDING_REGISTRATION, FAILED_REGISTRATION or READY.</summary>
    public string? Status { get; init; }

    public string? StatusMessage { get; init; }

    public IReadOnlyList<MlflowTag>? Tags { get; init; }

    public string? RunLink { get; init; }

    public IReadOnlyList<string>? Aliases { get; init; }

    public string? ModelId { get; init; }

    public IReadOnlyList<MlflowModelParam>? ModelParams { get; init; }

    public IReadOnlyList<MlflowMetric>? ModelMetrics { get; init; }
}

public sealed record MlflowModelParam(string? Name, string? Value);

/// <summary>Answer with one registered model.</summary>
public sealed record MlflowRegisteredModelResponse(MlflowRegisteredModel RegisteredModel);

/// <summary>Answer with one model version.</summary>
public sealed record MlflowModelVersionResponse(MlflowModelVersion ModelVersion);

/// <summary><c>registered-models/create</c>.</summary>
public sealed record MlflowCreateRegisteredModel(string? Name, IReadOnlyList<MlflowTag>? Tags, string? Description);

/// <summary><c>registered-models/update</c>, <c>rename</c> and <c>delete</c>: the name and what applies.</summary>
public sealed record MlflowUpdateRegisteredModel(string? Name, string? NewName, string? Description);

/// <summary><c>model-versions/create</c>.</summary>
public sealed record MlflowCreateModelVersion
{
    public string? Name { get; init; }

    public string? Source { get; init; }

    public string? RunId { get; init; }

    public IReadOnlyList<MlflowTag>? Tags { get; init; }

    public string? RunLink { get; init; }

    public string? Description { get; init; }

    public string? ModelId { get; init; }
}

/// <summary><c>model-versions/update</c> and <c>delete</c>.</summary>
public sealed record MlflowUpdateModelVersion(string? Name, [property: JsonConverter(typeof(LenientStringConverter))] string? Version, string? Description);

/// <summary><c>model-versions/transition-stage</c>.</summary>
public sealed record MlflowTransitionStage(
    string? Name,
    [property: JsonConverter(typeof(LenientStringConverter))] string? Version,
    string? Stage,
    bool? ArchiveExistingVersions);

/// <summary><c>set-tag</c> and <c>delete-tag</c> of models and, with a version, of model versions.</summary>
public sealed record MlflowModelTagRequest(
    string? Name,
    [property: JsonConverter(typeof(LenientStringConverter))] string? Version,
    string? Key,
    string? Value);

/// <summary><c>registered-models/alias</c>.</summary>
public sealed record MlflowAliasRequest(string? Name, string? Alias, [property: JsonConverter(typeof(LenientStringConverter))] string? Version);

/// <summary><c>registered-models/get-latest-versions</c>.</summary>
public sealed record MlflowLatestVersions(string? Name, IReadOnlyList<string>? Stages);

/// <summary>Answer with a list of model versions.</summary>
public sealed record MlflowModelVersions(IReadOnlyList<MlflowModelVersion>? ModelVersions, string? NextPageToken);

/// <summary>Answer of <c>registered-models/search</c>.</summary>
public sealed record MlflowRegisteredModels(IReadOnlyList<MlflowRegisteredModel>? RegisteredModels, string? NextPageToken);

/// <summary>Answer of <c>model-versions/get-download-uri</c>.</summary>
public sealed record MlflowDownloadUri(string ArtifactUri);
