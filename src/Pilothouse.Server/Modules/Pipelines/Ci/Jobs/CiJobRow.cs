using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Jobs;

/// <summary>A row of pip_ci_job.</summary>
internal sealed record CiJobRow
{
    public const string Waiting = "waiting";
    public const string Queued = "queued";
    public const string Running = "running";

    public string Id { get; init; } = "";
    public string Project { get; init; } = "";
    public string CommitId { get; init; } = "";
    public string BuildRef { get; init; } = "";
    public string Name { get; init; } = "";
    public string Cause { get; init; } = "";
    public string Runner { get; init; } = "";
    public string State { get; init; } = Waiting;
    public long Required { get; init; }
    public string NeedsJson { get; init; } = "[]";
    public long TimeoutMs { get; init; }
    public string? JobId { get; init; }
    public string? BuildId { get; init; }
    public string? Url { get; init; }
    public string? Error { get; init; }
    public long? Tests { get; init; }
    public long? Failures { get; init; }
    public string ArtifactsJson { get; init; } = "[]";
    public string CreatedBy { get; init; } = "";
    public long CreatedMs { get; init; }
    public long? StartedMs { get; init; }
    public long? FinishedMs { get; init; }

    public IReadOnlyList<string> Needs => WireJson.Read<List<string>>(NeedsJson);

    public IReadOnlyList<CiArtifact> Artifacts => WireJson.Read<List<CiArtifact>>(ArtifactsJson);

    public bool IsEnded => State is not (Waiting or Queued or Running);

    public string Context => Protocols.ProjectFiles.CiJobEntry.ContextPrefix + Name;

    public CiJob ToJob() => new(Id, Project, CommitId, BuildRef, Name, Cause, Runner, State, Required != 0, Needs, Url, Error, (int?)Tests, (int?)Failures, Artifacts, CreatedBy, CreatedMs, StartedMs, FinishedMs);
}
