namespace Pilothouse.Protocols.Mlflow;

/// <summary>An evaluation data set. Tags, schema and profile are JSON in texts.</summary>
public sealed record MlflowEvaluationDataset
{
    /// <summary><c>d-</c> and 32 hex digits.</summary>
    public required string DatasetId { get; init; }

    public string? Name { get; init; }

    public string? Tags { get; init; }

    /// <summary>Field types: <c>{"inputs": {"q": "string"}, "outputs": {}, "expectations": {}, "version": "1.0"}</c>; null without records.</summary>
    public string? Schema { get; init; }

    /// <summary><c>{"num_records": 5}</c>; null before the first record.</summary>
    public string? Profile { get; init; }

    public string? Digest { get; init; }

    public long CreatedTime { get; init; }

    public long LastUpdateTime { get; init; }

    public string? CreatedBy { get; init; }

    public string? LastUpdatedBy { get; init; }

    /// <summary>Only in the answer to its creation.</summary>
    public IReadOnlyList<string>? ExperimentIds { get; init; }
}

public sealed record MlflowEvaluationDatasetAnswer(MlflowEvaluationDataset Dataset);

public sealed record MlflowEvaluationDatasets(IReadOnlyList<MlflowEvaluationDataset> Datasets, string? NextPageToken);

public sealed record MlflowRecordCounts(int InsertedCount, int UpdatedCount);

/// <param name="Records">A JSON list in a text.</param>
public sealed record MlflowDatasetRecords(string Records, string? NextPageToken);

public sealed record MlflowDeletedRecords(int DeletedCount);

public sealed record MlflowExperimentIds(IReadOnlyList<string> ExperimentIds);

/// <summary>One version of a scorer. The experiment's id is a number here, unlike anywhere else.</summary>
public sealed record MlflowScorer(long ExperimentId, string ScorerName, int ScorerVersion, string SerializedScorer, long CreationTime, string ScorerId);

public sealed record MlflowScorerAnswer(MlflowScorer Scorer);

public sealed record MlflowScorers(IReadOnlyList<MlflowScorer> Scorers);

/// <summary>Answer of <c>scorers/register</c>; here the experiment's id is a text.</summary>
public sealed record MlflowRegisteredScorer(int Version, string ScorerId, string ExperimentId, string Name, string SerializedScorer, long CreationTime);

/// <summary>Something that goes wrong in the traces of an experiment.</summary>
public sealed record MlflowIssue
{
    /// <summary><c>iss-</c> and 32 hex digits.</summary>
    public required string IssueId { get; init; }

    public string? ExperimentId { get; init; }

    public string? Name { get; init; }

    public string? Description { get; init; }

    /// <summary>pending, accepted, rejected or resolved.</summary>
    public string? Status { get; init; }

    public string? Severity { get; init; }

    public IReadOnlyList<string>? RootCauses { get; init; }

    public string? SourceRunId { get; init; }

    public long CreatedTimestamp { get; init; }

    public long LastUpdatedTimestamp { get; init; }

    public string? CreatedBy { get; init; }

    public IReadOnlyList<string>? Categories { get; init; }

    /// <summary>Traces that an assessment links to it, when asked for.</summary>
    public int? TraceCount { get; init; }
}

public sealed record MlflowIssueAnswer(MlflowIssue Issue);

/// <param name="NextPageToken">Empty when nothing follows.</param>
public sealed record MlflowIssues(IReadOnlyList<MlflowIssue> Issues, string NextPageToken);
