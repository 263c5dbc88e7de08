namespace Pilothouse.Protocols.V1;

/// <summary>Body of <c>PUT /api/v1/runs/ID</c>: a run whose id the client has chosen, so that it can be made while the server is away and sent twice without harm.</summary>
/// <param name="Experiment">Name; the experiment is created when there is none.</param>
/// <param name="Name">Null = the server makes one up.</param>
/// <param name="StartMs">Epoch milliseconds.</param>
public sealed record NewRun(string Experiment, string? Name, string User, long StartMs, IReadOnlyDictionary<string, string>? Tags);

/// <param name="Status">RUNNING, SCHEDULED, FINISHED, FAILED or KILLED.</param>
public sealed record StartedRun(string Id, string Name, string ExperimentId, string ArtifactUri, string Status);

/// <summary>Body of <c>POST /api/v1/runs/ID/heartbeat</c>.</summary>
/// <param name="IntervalMs">When the next one comes, 500 ms to 10 min. After four missed ones the run counts as killed.</param>
public sealed record Heartbeat(long IntervalMs);

public sealed record RunStatus(string Status);

/// <summary>Body of <c>POST /api/v1/runs/ID/end</c>.</summary>
/// <param name="Status">FINISHED, FAILED or KILLED.</param>
/// <param name="EndMs">Epoch milliseconds.</param>
/// <param name="Reason">Why it ended, e.g. <c>exit code 3</c>; becomes the tag <c>pilothouse.end_reason</c>.</param>
public sealed record RunEnd(string Status, long EndMs, string? Reason);

/// <summary>Answer to an appended piece of a log.</summary>
/// <param name="Length">Bytes that the server has now: where the next piece must start.</param>
/// <param name="Full">No more is taken live; the whole file may be stored as an artifact.</param>
public sealed record LogLength(long Length, bool Full);

/// <summary>Tags that a captured run carries.</summary>
public static class RunTags
{
    public const string EndReason = "pilothouse.end_reason";
    public const string ExitCode = "pilothouse.exitCode";
    public const string ParentRun = "mlflow.parentRunId";
}
