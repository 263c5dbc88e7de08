using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Packaging.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>Environments as pointers to releases: <c>PROJECT/ENVIRONMENT</c>. Their moves are the rollouts that took over.</summary>
internal sealed class EnvironmentPointers(DeploymentStore store, DeploymentService deployments, IReleaseDiff releases) : IPointerSource
{
    private const int MaxHistory = 1_000;

    public bool Owns(string reference) => !reference.Contains(':', StringComparison.Ordinal) && reference.Split('/') is [{ Length: > 0 }, { Length: > 0 }];

    public async Task<PointerHistory> HistoryAsync(string reference, CancellationToken ct)
    {
        var (current, rollouts) = await ReadAsync(reference, ct);
        return new PointerHistory(current.FullName, "environment", current.Release, rollouts.ConvertAll(View));
    }

    public async Task<RollbackPlan> PlanAsync(string reference, string? to, CancellationToken ct)
    {
        var (current, rollouts) = await ReadAsync(reference, ct);
        var underWay = rollouts.Find(r => r.Id == current.RolloutId);
        var target = await TargetAsync(current, rollouts, to, ct);
        var lines = new List<string>();
        if (underWay is not null) lines.Add($"the rollout under way ends: {EvidenceRules.Short(underWay.Release)} has {underWay.Weight} % of the traffic");
        ReleaseDiff? diff = null;
        var from = current.Release == target ? underWay?.Release : current.Release;
        if (from is not null && from != target)
        {
            try
            {
                diff = await releases.CompareAsync(from, target, ct);
                lines.AddRange(diff.Lines);
            }
            catch (PilothouseException e)
            {
                lines.Add($"The difference cannot be shown: {e.Message}"); // what is missing must not keep anybody from going back
            }
        }
        return new RollbackPlan(current.FullName, current.Release, target, $"{current.FullName} goes from {EvidenceRules.Short(from ?? current.Release!)} back to {EvidenceRules.Short(target)}.", lines) { Release = diff };
    }

    public async Task<PointerMove> RollbackAsync(PointerRollback rollback, string actor, CancellationToken ct)
    {
        var (current, rollouts) = await ReadAsync(rollback.Reference, ct);
        if (rollback.Expect is { } expected && expected != current.Release)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"{current.FullName} has just moved to {EvidenceRules.Short(current.Release!)}. Look at it and try again. Nothing was changed.");
        var to = string.IsNullOrEmpty(rollback.To) ? null : rollouts.Find(r => r.Id == rollback.To)?.Release ?? rollback.To;
        var moved = await deployments.RollbackAsync(current.Project, current.Name, to, actor, rollback.Reason, ct);
        return View((await store.RolloutAsync(moved.Id, ct))!);
    }

    private async Task<string> TargetAsync(EnvironmentRow current, List<RolloutRow> rollouts, string? to, CancellationToken ct)
    {
        // The nearest way back from a rollout under way is the release that still runs beside it.
        if (string.IsNullOrEmpty(to)) return current.RolloutId is not null ? current.Release! : (await deployments.EarlierAsync(current, null, ct)).Release;
        return (await deployments.EarlierAsync(current, rollouts.Find(r => r.Id == to)?.Release ?? to, ct)).Release;
    }

    private async Task<(EnvironmentRow Current, List<RolloutRow> Rollouts)> ReadAsync(string reference, CancellationToken ct)
    {
        var (project, name) = reference.Split('/') is [var p, var n] ? (p, n) : ("", reference);
        var current = await store.EnvironmentAsync(project, name, ct);
        if (current?.Release is null)
        {
            var known = (await store.EnvironmentsAsync(null, ct)).Select(e => e.FullName).Take(20).ToList();
            throw new PilothouseException(ErrorCode.NotFound, $"Nothing was ever deployed to '{(reference.Length > 100 ? reference[..100] : reference)}': there is nothing to take back.{(known.Count > 0 ? $" There are: {string.Join(", ", known)}." : "")}");
        }
        return (current, await store.RolloutsAsync(project, name, MaxHistory, ct));
    }

    /// <summary>A rollout that was taken back never moved the pointer: its end is where it began.</summary>
    private static PointerMove View(RolloutRow r) => new(r.Id, r.FullEnvironment, r.PreviousRelease, r.Status == "succeeded" ? r.Release : r.PreviousRelease, r.Status switch
    {
        "succeeded" => r.Kind,
        "progressing" => "rolling out",
        _ => "taken back",
    }, r.CreatedBy, r.EndReason ?? r.Reason, r.FinishedMs ?? r.CreatedMs, null);
}
