using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines;

/// <summary>A row of pip_job.</summary>
internal sealed record JobRow
{
    public string Id { get; init; } = "";
    public string Name { get; init; } = "";
    public string? Project { get; init; }
    public string CommandJson { get; init; } = "[]";
    public string? WorkingDirectory { get; init; }
    public string VariablesJson { get; init; } = "{}";
    public long TimeoutMs { get; init; }
    public string OnCrash { get; init; } = "fail";
    public string Status { get; init; } = "queued";
    public long Attempts { get; init; }
    public long? ExitCode { get; init; }
    public string? LogDigest { get; init; }
    public string? Error { get; init; }
    public long? ProcessId { get; init; }
    public long? ProcessStartedMs { get; init; }
    public string CreatedBy { get; init; } = "";
    public long CreatedMs { get; init; }
    public long? StartedMs { get; init; }
    public long? FinishedMs { get; init; }

    public IReadOnlyList<string> Command => WireJson.Read<List<string>>(CommandJson);

    public IReadOnlyDictionary<string, string> Variables => WireJson.Read<Dictionary<string, string>>(VariablesJson);

    public Job ToJob() => new(Id, Name, Project, Command, WorkingDirectory, TimeoutMs / 1000.0, OnCrash, Status, (int)Attempts, (int?)ExitCode, LogDigest, Error, CreatedBy, CreatedMs, StartedMs, FinishedMs);
}
