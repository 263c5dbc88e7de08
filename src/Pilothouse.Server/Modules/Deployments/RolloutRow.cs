using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>A row of dep_rollout.</summary>
internal sealed record RolloutRow
{
    public string Id { get; init; } = "";
    public string Project { get; init; } = "";
    public string Environment { get; init; } = "";
    public string Kind { get; init; } = "deploy";
    public string Release { get; init; } = "";
    public string? PreviousRelease { get; init; }
    public string Status { get; init; } = "progressing";
    public string PlanJson { get; init; } = "";
    public string StepsJson { get; init; } = "";
    public long CurrentStep { get; init; }
    public long Weight { get; init; }
    public long StepStartedMs { get; init; }
    public long StepRequests { get; init; }
    public string? Reason { get; init; }
    public string? EndReason { get; init; }
    public string CreatedBy { get; init; } = "";
    public long CreatedMs { get; init; }
    public long? FinishedMs { get; init; }

    public ReleasePlan Plan => WireJson.Read<ReleasePlan>(PlanJson);

    public IReadOnlyList<int> Steps => WireJson.Read<List<int>>(StepsJson);

    /// <summary><c>PROJECT/ENV</c>: how gateway and monitors name the environment.</summary>
    public string FullEnvironment => $"{Project}/{Environment}";

    public string Subject => $"environments/{Project}/{Environment}";

    public Rollout ToRollout(IEnumerable<RolloutEventRow> events)
    {
        var plan = Plan;
        return new Rollout(Id, Project, Environment, Release, PreviousRelease, Status, Steps, (int)CurrentStep, (int)Weight, EndReason ?? Reason, CreatedBy, CreatedMs, FinishedMs,
            [.. events.Select(e => new RolloutEvent(e.TimeMs, e.Type, e.Message))], Kind, StepRequests, plan.MinRequests, plan.IntervalMs, StepStartedMs);
    }
}

/// <summary>A row of dep_rollout_event; weight is that of the new release from then on.</summary>
internal sealed record RolloutEventRow
{
    public string RolloutId { get; init; } = "";
    public long TimeMs { get; init; }
    public string Type { get; init; } = "";
    public string Message { get; init; } = "";
    public long Weight { get; init; }
}

/// <summary>A row of dep_environment.</summary>
internal sealed record EnvironmentRow
{
    public string Project { get; init; } = "";
    public string Name { get; init; } = "";
    public string? Release { get; init; }
    public string? StableRolloutId { get; init; }
    public string? RolloutId { get; init; }

    public string FullName => $"{Project}/{Name}";
}
