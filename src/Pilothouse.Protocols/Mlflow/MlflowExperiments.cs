using System.Text.Json.Serialization;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>A key and its value: tags of all kinds, and parameters.</summary>
public sealed record MlflowTag(string? Key, string? Value);

/// <summary>An experiment. Times in epoch milliseconds.</summary>
public sealed record MlflowExperiment
{
    public string? ExperimentId { get; init; }

    public string? Name { get; init; }

    public string? ArtifactLocation { get; init; }

    /// <summary><c>active</c> or <c>deleted</c>.</summary>
    public string? LifecycleStage { get; init; }

    public long? LastUpdateTime { get; init; }

    public long? CreationTime { get; init; }

    public IReadOnlyList<MlflowTag>? Tags { get; init; }
}

/// <summary><c>experiments/create</c>.</summary>
public sealed record MlflowCreateExperiment(string? Name, string? ArtifactLocation, IReadOnlyList<MlflowTag>? Tags);

/// <summary>Answer of <c>experiments/create</c>.</summary>
public sealed record MlflowExperimentId(string ExperimentId);

/// <summary>Answer of <c>experiments/get</c> and <c>get-by-name</c>.</summary>
public sealed record MlflowExperimentResponse(MlflowExperiment Experiment);

/// <summary><c>experiments/update</c>, <c>delete</c> and <c>restore</c>: the id, and the new name for update.</summary>
public sealed record MlflowUpdateExperiment([property: JsonConverter(typeof(LenientStringConverter))] string? ExperimentId, string? NewName);

/// <summary><c>experiments/set-experiment-tag</c> and <c>delete-experiment-tag</c>.</summary>
public sealed record MlflowExperimentTagRequest([property: JsonConverter(typeof(LenientStringConverter))] string? ExperimentId, string? Key, string? Value);

/// <summary><c>experiments/search</c>. <c>view_type</c>: ACTIVE_ONLY, DELETED_ONLY or ALL.</summary>
public sealed record MlflowSearchExperiments
{
    public long? MaxResults { get; init; }

    [JsonConverter(typeof(LenientStringConverter))]
    public string? PageToken { get; init; }

    public string? Filter { get; init; }

    public IReadOnlyList<string>? OrderBy { get; init; }

    [JsonConverter(typeof(LenientStringConverter))]
    public string? ViewType { get; init; }
}

/// <summary>Answer of <c>experiments/search</c>.</summary>
public sealed record MlflowSearchExperimentsResponse(IReadOnlyList<MlflowExperiment>? Experiments, string? NextPageToken);
