namespace Pilothouse.Protocols.V1;

public sealed record NewDeployment(string Release, string? Reason = null);

public sealed record NewRollback(string Reason, string? ToRelease = null);

/// <param name="Status">progressing, succeeded, rolled_back.</param>
/// <param name="Steps">Percent of the traffic at each step.</param>
/// <param name="CurrentStep">0-based.</param>
/// <param name="Reason">Why it was begun or, once it was rolled back, why it was taken back.</param>
/// <param name="Kind">deploy or rollback.</param>
/// <param name="StepRequests">Responses of the new release in this step; the step ends when <paramref name="MinRequests"/> were seen and <paramref name="IntervalMs"/> have passed.</param>
public sealed record Rollout(string Id, string Project, string Environment, string Release, string? PreviousRelease, string Status, IReadOnlyList<int> Steps, int CurrentStep, int Weight,
    string? Reason, string CreatedBy, long CreatedMs, long? FinishedMs, IReadOnlyList<RolloutEvent> Events,
    string Kind = "deploy", long StepRequests = 0, int MinRequests = 0, long IntervalMs = 0, long StepStartedMs = 0);

/// <param name="Type">started, weight, succeeded, rolled_back, evidence.</param>
public sealed record RolloutEvent(long TimeMs, string Type, string Message);

/// <param name="Status">empty, stable, progressing, degraded (an alert fires).</param>
/// <param name="Observed">What the gateway really served since the route was last set.</param>
public sealed record EnvironmentState(string Project, string Name, string? Release, string? CanaryRelease, int CanaryWeight, string Target, string Status, long? SinceMs, string? By,
    IReadOnlyList<ArmObservation> Observed, int FiringAlerts);

/// <summary>Answer to "what is in production, and why".</summary>
public sealed record Custody(EnvironmentState Environment, Release? Release, Rollout? Rollout, IReadOnlyList<Rollout> History, IReadOnlyList<AuditLine> Audit, string RollbackCommand);

public sealed record AuditLine(long Index, long TimeMs, string Actor, string Action, string Subject, string Details, string LeafHash, string Hash);
