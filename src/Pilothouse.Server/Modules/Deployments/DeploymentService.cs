using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Deployments.Api;
using Pilothouse.Server.Modules.Packaging.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

internal sealed class DeploymentService(DeploymentStore store, RolloutController controller, Reconciler reconciler, RoutePlanner planner, CustodyService custody, IReleases releases,
    IRepositories repositories, Ids ids, TimeProvider time) : IDeployments
{
    private const int MaxPage = 200;
    private const int MaxHistory = 1000;
    private const int MaxReason = 2000;

    public async Task<Rollout> DeployAsync(string project, string environment, string release, string actor, string? reason, CancellationToken ct)
    {
        var target = await releases.GetAsync(release, ct);
        if (target.Project != project) throw new PilothouseException(ErrorCode.InvalidArgument, $"Release {EvidenceRules.Short(target.Digest)} is of the project '{target.Project}', not '{project}'.");
        var file = await repositories.ReadProjectFileAsync(project, target.Commit, ct);
        if (!file.Environments.TryGetValue(environment, out var entry))
            throw new PilothouseException(ErrorCode.NotFound, $"The project file of commit {target.Commit} declares no environment '{environment}'. There are: {Names(file.Environments.Keys)}.");
        EvidenceRules.Check(environment, entry.Require, target, file);
        var plan = await planner.PlanAsync(target, file, entry, ct);
        return await controller.MoveAsync(() => BeginAsync(project, environment, plan, actor, Bounded(reason), ct), ct);
    }

    public Task<Rollout> RollbackAsync(string project, string environment, string? toRelease, string actor, string reason, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(reason)) throw new PilothouseException(ErrorCode.InvalidArgument, "A rollback needs a reason: it stands in the audit log (--reason).");
        return controller.MoveAsync(async () =>
        {
            var current = await store.EnvironmentAsync(project, environment, ct);
            if (current?.Release is null) throw new PilothouseException(ErrorCode.NotFound, $"Nothing was ever deployed to '{project}/{environment}': there is nothing to take back.");
            var underWay = current.RolloutId is { } id ? await store.RolloutAsync(id, ct) : null;
            if (underWay is not null)
            {
                // The nearest way back from a rollout under way is the release that still runs beside it.
                await controller.TakeBackAsync(underWay, Bounded(reason)!, actor, ct);
                if (toRelease is null || Matches(current.Release, toRelease)) return await GetRolloutAsync(underWay.Id, ct);
            }
            return await PointBackAsync(current, toRelease, actor, Bounded(reason)!, ct);
        }, ct);
    }

    public async Task<Rollout> GetRolloutAsync(string id, CancellationToken ct)
    {
        var rollout = await store.RolloutAsync(id, ct) ?? throw new PilothouseException(ErrorCode.NotFound, $"There is no rollout '{id}'.");
        return Live(rollout).ToRollout(await store.EventsAsync([id], ct));
    }

    public async Task<IReadOnlyList<Rollout>> RolloutsAsync(string? project, string? environment, int limit, CancellationToken ct)
    {
        var rollouts = await store.RolloutsAsync(project, environment, Math.Clamp(limit, 1, MaxPage), ct);
        var events = (await store.EventsAsync([.. rollouts.Select(r => r.Id)], ct)).ToLookup(e => e.RolloutId);
        return [.. rollouts.Select(r => Live(r).ToRollout(events[r.Id]))];
    }

    public Task<IReadOnlyList<EnvironmentState>> EnvironmentsAsync(string? project, CancellationToken ct) => custody.EnvironmentsAsync(project, ct);

    public Task<Custody> WhatAsync(string project, string environment, long? atMs, CancellationToken ct) => custody.WhatAsync(project, environment, atMs, ct);

    private async Task<Rollout> BeginAsync(string project, string environment, ReleasePlan plan, string actor, string? reason, CancellationToken ct)
    {
        var current = await store.EnvironmentAsync(project, environment, ct);
        if (current?.Release == plan.Release && current.RolloutId is null)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"'{environment}' runs {EvidenceRules.Short(plan.Release)} already.");
        // With nothing to compare with and nobody to protect the steps are skipped, as in Argo Rollouts.
        var first = current?.Release is null;
        var now = time.NowMs();
        IReadOnlyList<int> steps = first ? [100] : plan.Steps;
        var rollout = new RolloutRow
        {
            Id = ids.New(),
            Project = project,
            Environment = environment,
            Release = plan.Release,
            PreviousRelease = current?.Release,
            PlanJson = WireJson.Write(plan),
            StepsJson = WireJson.Write(steps),
            Status = first ? "succeeded" : "progressing",
            Weight = steps[0],
            StepStartedMs = now,
            Reason = reason,
            CreatedBy = actor,
            CreatedMs = now,
            FinishedMs = first ? now : null,
        };
        var message = first ? $"First release of this environment: {EvidenceRules.Short(plan.Release)} has all traffic at once."
            : $"{EvidenceRules.Short(plan.Release)} gets {steps[0]}% of the traffic beside {EvidenceRules.Short(current!.Release!)}; steps {string.Join(", ", steps)}%.";
        // The first release is served before it is recorded: one that cannot be served leaves the environment empty.
        if (first) await reconciler.SetRoutesAsync(new EnvironmentRow { Project = project, Name = environment }, rollout, null, ct);
        await store.BeginAsync(rollout, first ? "succeeded" : "started", message, new AuditEvent(actor, "environment.deploy", rollout.Subject,
            new { rollout = rollout.Id, from = rollout.PreviousRelease, to = rollout.Release, steps, reason }), ct);
        return await ApplyAsync(rollout, ct);
    }

    /// <summary>The rollout that a rollback would go back to.</summary>
    /// <exception cref="PilothouseException">FailedPrecondition: there is none.</exception>
    public async Task<RolloutRow> EarlierAsync(EnvironmentRow current, string? toRelease, CancellationToken ct) =>
        Earlier((await store.RolloutsAsync(current.Project, current.Name, MaxHistory, ct)).FindAll(r => r.Status == "succeeded"), current, toRelease);

    private async Task<Rollout> PointBackAsync(EnvironmentRow current, string? toRelease, string actor, string reason, CancellationToken ct)
    {
        var target = await EarlierAsync(current, toRelease, ct);
        var now = time.NowMs();
        var rollout = target with
        {
            Id = ids.New(),
            Kind = "rollback",
            PreviousRelease = current.Release,
            Status = "succeeded",
            StepsJson = "[100]",
            CurrentStep = 0,
            Weight = 100,
            StepStartedMs = now,
            StepRequests = 0,
            Reason = reason,
            EndReason = null,
            CreatedBy = actor,
            CreatedMs = now,
            FinishedMs = now,
        };
        await store.BeginAsync(rollout, "succeeded", $"Back to {EvidenceRules.Short(rollout.Release)} at once: {reason}", new AuditEvent(actor, "environment.rollback", rollout.Subject,
            new { rollout = rollout.Id, from = rollout.PreviousRelease, to = rollout.Release, reason }), ct);
        return await ApplyAsync(rollout, ct);
    }

    /// <summary>
    /// The rollout to go back to. Without a name: what the deployment of the running release replaced, so that two rollbacks in a row go back two releases
    /// instead of to and fro.
    /// </summary>
    private static RolloutRow Earlier(List<RolloutRow> newestFirst, EnvironmentRow current, string? toRelease)
    {
        if (toRelease is not null)
            return newestFirst.Find(r => Matches(r.Release, toRelease) && r.Release != current.Release) ?? throw new PilothouseException(ErrorCode.FailedPrecondition,
                $"'{current.Name}' never ran another release '{toRelease}'. It ran: {Names(newestFirst.Select(r => EvidenceRules.Short(r.Release)).Distinct())}. For a new one use deploy.");
        var deployed = newestFirst.Find(r => r.Kind == "deploy" && r.Release == current.Release);
        return newestFirst.Find(r => r.Release == deployed?.PreviousRelease) ?? throw new PilothouseException(ErrorCode.FailedPrecondition,
            $"'{current.Name}' has no release before {EvidenceRules.Short(current.Release!)}. Name one that it ran (--to), or deploy another.");
    }

    private async Task<Rollout> ApplyAsync(RolloutRow rollout, CancellationToken ct)
    {
        if (rollout.Status == "progressing") controller.Track(rollout);
        try
        {
            await controller.ReconcileAsync(rollout.Project, rollout.Environment, ct);
        }
        catch (PilothouseException e) when (rollout.Status == "progressing")
        {
            await controller.TakeBackAsync(rollout, $"It could not be served: {e.Message}", Caller.System.Name, ct);
            throw;
        }
        return await GetRolloutAsync(rollout.Id, ct);
    }

    private RolloutRow Live(RolloutRow rollout) => rollout.Status == "progressing" ? rollout with { StepRequests = controller.Requests(rollout) } : rollout;

    /// <summary>Whole digest or a prefix of at least 8 hex digits, with or without <c>sha256:</c>.</summary>
    private static bool Matches(string digest, string reference)
    {
        var hex = reference.StartsWith("sha256:", StringComparison.Ordinal) ? reference[7..] : reference;
        return hex.Length >= 8 && digest.StartsWith("sha256:" + hex, StringComparison.Ordinal);
    }

    private static string? Bounded(string? reason) => reason is null || reason.Length <= MaxReason ? reason
        : throw new PilothouseException(ErrorCode.InvalidArgument, $"The reason has {reason.Length} characters; {MaxReason} is the limit.");

    private static string Names(IEnumerable<string> names) => string.Join(", ", names.Take(20)) is { Length: > 0 } list ? list : "none";
}
