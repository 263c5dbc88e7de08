namespace Pilothouse.Protocols.V1;

public sealed record NewDeployment(string Release, string? Reason = null);

public sealed record NewRollback(string Reason, string? ToRelease = null);

/// <param name="Status">progressing, succeeded, rolled_back, failed.</param>
/// <param name="Steps">Percent of the traffic at each step.</param>
public sealed record Rollout(string Id, string Project, string Environment, string Release, string? PreviousRelease, string Status, IReadOnlyList<int> Steps, int CurrentStep, int Weight,
    string? Reason, string CreatedBy, long CreatedMs, long? FinishedMs, IReadOnlyList<RolloutEvent> Events);

public sealed record RolloutEvent(long TimeMs, string Type, string Message);

public sealed record EnvironmentState(string Project, string Name, string? Release, string? CanaryRelease, int CanaryWeight, string Target, string Status, long? SinceMs, string? By,
    IReadOnlyList<ArmObservation> Observed, int FiringAlerts);

/// <summary>Answer to "what is in production, and why".</summary>
public sealed record Custody(EnvironmentState Environment, Release? Release, Rollout? Rollout, IReadOnlyList<Rollout> History, IReadOnlyList<AuditLine> Audit, string RollbackCommand);

public sealed record AuditLine(long Index, long TimeMs, string Actor, string Action, string Subject, string Details, string LeafHash, string Hash);
