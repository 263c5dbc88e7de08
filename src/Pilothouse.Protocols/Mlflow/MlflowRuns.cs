using System.Text.Json.Serialization;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>A run: head, latest data, inputs and outputs.</summary>
public sealed record MlflowRun(MlflowRunInfo Info, MlflowRunData Data, MlflowRunInputs? Inputs, MlflowRunOutputs? Outputs);

/// <summary>Head of a run. Times in epoch milliseconds. Send <c>run_id</c> and <c>run_uuid</c> both, with the same value.</summary>
public sealed record MlflowRunInfo
{
    public string? RunUuid { get; init; }

    public string? ExperimentId { get; init; }

    public string? RunName { get; init; }

    public string? UserId { get; init; }

    /// <summary>RUNNING, SCHEDULED, FINISHED, FAILED or KILLED.</summary>
    public string? Status { get; init; }

    public long? StartTime { get; init; }

    public long? EndTime { get; init; }

    public string? ArtifactUri { get; init; }

    /// <summary><c>active</c> or <c>deleted</c>.</summary>
    public string? LifecycleStage { get; init; }

    public string? RunId { get; init; }
}

/// <summary>Latest metrics, parameters and tags of a run.</summary>
public sealed record MlflowRunData(IReadOnlyList<MlflowMetric>? Metrics, IReadOnlyList<MlflowTag>? Params, IReadOnlyList<MlflowTag>? Tags);

/// <summary>One value of a metric.</summary>
public sealed record MlflowMetric
{
    public string? Key { get; init; }

    /// <summary>NaN travels as text; MLflow stores infinities as ±1.7976931348623157e308.</summary>
    public double? Value { get; init; }

    /// <summary>Epoch milliseconds.</summary>
    public long? Timestamp { get; init; }

    public long? Step { get; init; }

    public string? DatasetName { get; init; }

    public string? DatasetDigest { get; init; }

    public string? ModelId { get; init; }

    public string? RunId { get; init; }
}

public sealed record MlflowRunInputs(IReadOnlyList<MlflowDatasetInput>? DatasetInputs, IReadOnlyList<MlflowModelInput>? ModelInputs);

public sealed record MlflowRunOutputs(IReadOnlyList<MlflowModelOutput>? ModelOutputs);

/// <summary>A data set that a run read, with tags such as <c>mlflow.data.context</c>.</summary>
public sealed record MlflowDatasetInput(IReadOnlyList<MlflowTag>? Tags, MlflowDataset? Dataset);

public sealed record MlflowDataset
{
    public string? Name { get; init; }

    public string? Digest { get; init; }

    public string? SourceType { get; init; }

    public string? Source { get; init; }

    public string? Schema { get; init; }

    public string? Profile { get; init; }
}

public sealed record MlflowModelInput(string? ModelId);

public sealed record MlflowModelOutput(string? ModelId, long? Step);

/// <summary>Answer of <c>runs/create</c> and <c>runs/get</c>.</summary>
public sealed record MlflowRunResponse(MlflowRun Run);

/// <summary><c>runs/create</c>.</summary>
public sealed record MlflowCreateRun
{
    [JsonConverter(typeof(LenientStringConverter))]
    public string? ExperimentId { get; init; }

    public string? UserId { get; init; }

    public string? RunName { get; init; }

    public long? StartTime { get; init; }

    public IReadOnlyList<MlflowTag>? Tags { get; init; }
}

/// <summary><c>runs/update</c>: fields not sent stay as they are.</summary>
public sealed record MlflowUpdateRun
{
    public string? RunId { get; init; }

    public string? RunUuid { get; init; }

    public string? Status { get; init; }

    public long? EndTime { get; init; }

    public string? RunName { get; init; }
}

/// <summary>Answer of <c>runs/update</c>.</summary>
public sealed record MlflowRunInfoResponse(MlflowRunInfo RunInfo);

/// <summary><c>runs/delete</c> and <c>runs/restore</c>.</summary>
public sealed record MlflowRunIdRequest(string? RunId);

/// <summary><c>runs/log-metric</c>.</summary>
public sealed record MlflowLogMetric
{
    public string? RunId { get; init; }

    public string? RunUuid { get; init; }

    public string? Key { get; init; }

    public double? Value { get; init; }

    public long? Timestamp { get; init; }

    public long? Step { get; init; }

    public string? ModelId { get; init; }

    public string? DatasetName { get; init; }

    public string? DatasetDigest { get; init; }
}

/// <summary><c>runs/log-parameter</c>, <c>runs/set-tag</c> and <c>runs/delete-tag</c>.</summary>
public sealed record MlflowRunKeyValue(string? RunId, string? RunUuid, string? Key, string? Value);

/// <summary><c>runs/log-batch</c>: at most 1,000 metrics, 100 params, 100 tags and 1,000 in all.</summary>
public sealed record MlflowLogBatch(string? RunId, IReadOnlyList<MlflowMetric>? Metrics, IReadOnlyList<MlflowTag>? Params, IReadOnlyList<MlflowTag>? Tags);

/// <summary><c>runs/log-inputs</c>.</summary>
public sealed record MlflowLogInputs(string? RunId, IReadOnlyList<MlflowDatasetInput>? Datasets, IReadOnlyList<MlflowModelInput>? Models);

/// <summary><c>runs/outputs</c>.</summary>
public sealed record MlflowLogOutputs(string? RunId, IReadOnlyList<MlflowModelOutput>? Models);

/// <summary><c>runs/search</c>. At most 50,000 runs a page.</summary>
public sealed record MlflowSearchRuns
{
    [JsonConverter(typeof(LenientStringListConverter))]
    public IReadOnlyList<string>? ExperimentIds { get; init; }

    public string? Filter { get; init; }

    /// <summary>ACTIVE_ONLY (the default, also for anything unknown), DELETED_ONLY or ALL.</summary>
    [JsonConverter(typeof(LenientStringConverter))]
    public string? RunViewType { get; init; }

    public int? MaxResults { get; init; }

    public IReadOnlyList<string>? OrderBy { get; init; }

    [JsonConverter(typeof(LenientStringConverter))]
    public string? PageToken { get; init; }
}

/// <summary>Answer of <c>runs/search</c>.</summary>
public sealed record MlflowSearchRunsResponse(IReadOnlyList<MlflowRun>? Runs, string? NextPageToken);

/// <summary>Answer of <c>metrics/get-history</c> and its bulk forms.</summary>
public sealed record MlflowMetricHistory(IReadOnlyList<MlflowMetric>? Metrics, string? NextPageToken);

/// <summary>One file or directory of <c>artifacts/list</c>.</summary>
public sealed record MlflowFileInfo(string Path, bool IsDir, long? FileSize);

/// <summary>Answer of <c>artifacts/list</c>.</summary>
public sealed record MlflowArtifacts(string? RootUri, IReadOnlyList<MlflowFileInfo>? Files, string? NextPageToken);

/// <summary>Answer of <c>mlflow-artifacts/mpu/create</c>.</summary>
public sealed record MlflowMultipartUpload(string UploadId, IReadOnlyList<MlflowUploadCredential> Credentials);

/// <summary>Where a part is put, without further login; the answer's ETag goes into <c>mpu/complete</c>.</summary>
public sealed record MlflowUploadCredential(string Url, long PartNumber)
{
    /// <summary>Headers to send along.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();
}

/// <summary>Answer of <c>mlflow-artifacts/presigned</c>: where ranges of a file can be fetched, without further login.</summary>
/// <param name="FileSize">Bytes.</param>
public sealed record MlflowPresignedFile(string Url, long FileSize)
{
    /// <summary>Headers to send along.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();
}
