namespace Pilothouse.Server.Modules.Deployments;

/// <summary>Where a rollout stands.</summary>
/// <param name="Step">0-based.</param>
/// <param name="StepStartedMs">When the weight of this step was set.</param>
/// <param name="Requests">Responses of the new release since then.</param>
internal sealed record RolloutPosition(IReadOnlyList<int> Steps, int Step, long StepStartedMs, long Requests, long IntervalMs, int MinRequests);

internal enum RolloutMove
{
    Hold,
    Advance,
    Succeed,
}

/// <summary>
/// When a rollout moves on: a step lasts at least its interval and until enough of the new release's answers were seen, the last one too. (Argo Rollouts has
/// pauses by time only; with little traffic such a pause proves nothing.) Alarms are not asked for here: they end a rollout at any moment.
/// </summary>
internal static class RolloutRules
{
    public static RolloutMove Next(RolloutPosition at, long nowMs)
    {
        if (nowMs - at.StepStartedMs < at.IntervalMs || at.Requests < at.MinRequests) return RolloutMove.Hold;
        return at.Step + 1 < at.Steps.Count ? RolloutMove.Advance : RolloutMove.Succeed;
    }
}
