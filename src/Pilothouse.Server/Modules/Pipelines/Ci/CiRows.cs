using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines.Ci;

/// <summary>A row of pip_connection.</summary>
internal sealed record ConnectionRow
{
    public string Project { get; init; } = "";
    public string Name { get; init; } = "";
    public string System { get; init; } = "";
    public string Url { get; init; } = "";
    public string Target { get; init; } = "";
    public string? Account { get; init; }
    public string Secret { get; init; } = "";
    public string? BuildRef { get; init; }
    public string Branches { get; init; } = "[]";
    public long OnRegistry { get; init; }
    public string? WebhookSecret { get; init; }
    public long Builds { get; init; } = 1;
    public long Statuses { get; init; }
    public string? StatusError { get; init; }
    public string UpdatedBy { get; init; } = "";
    public long UpdatedMs { get; init; }

    public IReadOnlyList<string> BranchList => WireJson.Read<List<string>>(Branches);

    public CiConnection ToConnection() => new(Project, Name, System, Url, Target, Account, BuildRef, BranchList, OnRegistry != 0, UpdatedBy, UpdatedMs, Builds != 0, Statuses != 0,
        WebhookSecret is not null || System == "travis" ? $"/api/v1/projects/{Uri.EscapeDataString(Project)}/ci/connections/{Uri.EscapeDataString(Name)}/webhook" : null, StatusError);
}

/// <summary>A row of pip_build.</summary>
internal sealed record BuildRow
{
    public const string Queued = "queued";
    public const string Triggered = "triggered";
    public const string Running = "running";

    public string Id { get; init; } = "";
    public string Project { get; init; } = "";
    public string Connection { get; init; } = "";
    public string System { get; init; } = "";
    public string Cause { get; init; } = "";
    public string? CommitId { get; init; }
    public string BuildRef { get; init; } = "";
    public string State { get; init; } = Queued;
    public string? Handle { get; init; }
    public string? Url { get; init; }
    public string? Error { get; init; }
    public string? Job { get; init; }
    public string? EventId { get; init; }
    public long Attempts { get; init; }
    public long NextMs { get; init; }
    public long CreatedMs { get; init; }
    public long UpdatedMs { get; init; }

    public CiBuild ToBuild() => new(Id, Project, Connection, System, Cause, CommitId, BuildRef, State, Url, Error, (int)Attempts, CreatedMs, UpdatedMs, Job);

    public bool IsEnded => Ended(State);

    public static bool Ended(string state) => state is "success" or "failure" or "cancelled" or "error";
}
