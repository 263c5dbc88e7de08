using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Modules.Packaging.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>Answers "what is in production": as observed at the gateway now, or as the record says for a moment of the past.</summary>
internal sealed class CustodyService(DeploymentStore store, RolloutController controller, IReleases releases, IGatewayRoutes routes, IMonitors monitors, IAuditLog audit, TimeProvider time)
{
    private const int MaxHistory = 1000;
    private const int ShownHistory = 20;
    private const int ShownAudit = 50;
    private const int MaxAlerts = 1000;

    public async Task<IReadOnlyList<EnvironmentState>> EnvironmentsAsync(string? project, CancellationToken ct)
    {
        var states = new List<EnvironmentState>();
        foreach (var environment in await store.EnvironmentsAsync(project, ct)) states.Add(await StateAsync(environment, null, ct));
        return states;
    }

    public async Task<EnvironmentState> EnvironmentAsync(string project, string name, CancellationToken ct) => await StateAsync(await FindAsync(project, name, ct), null, ct);

    public async Task<Custody> WhatAsync(string project, string name, long? atMs, CancellationToken ct)
    {
        var environment = await FindAsync(project, name, ct);
        var state = await StateAsync(environment, atMs, ct);
        var rows = (await HistoryAsync(environment, ct)).FindAll(r => atMs is null || r.CreatedMs <= atMs).Take(ShownHistory).ToList();
        var events = (await store.EventsAsync([.. rows.Select(r => r.Id)], ct)).ToLookup(e => e.RolloutId);
        var history = rows.ConvertAll(r => (r with { StepRequests = controller.Requests(r) }).ToRollout(events[r.Id]));
        var subject = $"environments/{project}/{name}";
        var lines = (await audit.ListAsync(subject, null, ShownAudit, ct)).Where(e => e.Subject == subject && (atMs is null || e.TimeMs <= atMs))
            .Select(e => new AuditLine(e.Index, e.TimeMs, e.Actor, e.Action, e.Subject, e.Details, e.LeafHash, e.Hash));
        var at = atMs ?? time.NowMs();
        return new Custody(state, await ReleaseAsync(state.Release, ct), history.Find(r => IsUnderWay(r.CreatedMs, r.FinishedMs, at)) ?? history.Find(r => r.Release == state.Release), history,
            [.. lines], $"pilothouse rollback {name} --project {project} --reason \"...\"");
    }

    private async Task<EnvironmentRow> FindAsync(string project, string name, CancellationToken ct)
    {
        if (await store.EnvironmentAsync(project, name, ct) is { } found) return found;
        var known = (await store.EnvironmentsAsync(null, ct)).Select(e => e.FullName).Take(20).ToList();
        throw new PilothouseException(ErrorCode.NotFound,
            $"Nothing was ever deployed to '{project}/{name}'. {(known.Count > 0 ? $"There are: {string.Join(", ", known)}." : "Deploy a release first: pilothouse deploy " + name + " --release DIGEST.")}");
    }

    private async Task<EnvironmentState> StateAsync(EnvironmentRow environment, long? atMs, CancellationToken ct)
    {
        var at = atMs ?? time.NowMs();
        var history = await HistoryAsync(environment, ct);
        var stable = atMs is null ? history.Find(r => r.Id == environment.StableRolloutId) : history.Find(r => r.Status == "succeeded" && r.FinishedMs <= at);
        var canary = atMs is null ? history.Find(r => r.Id == environment.RolloutId) : history.Find(r => IsUnderWay(r.CreatedMs, r.FinishedMs, at));
        var firing = (await monitors.AlertsAsync(environment.FullName, MaxAlerts, ct)).Count(a => IsUnderWay(a.StartedMs, a.EndedMs, at));
        var weight = canary is null ? 0 : atMs is null ? canary.Weight : (await store.EventsAsync([canary.Id], ct)).LastOrDefault(e => e.TimeMs <= at)?.Weight ?? 0;
        var status = canary is not null ? "progressing" : firing > 0 ? "degraded" : stable is null ? "empty" : "stable";
        return new EnvironmentState(environment.Project, environment.Name, stable?.Release, canary?.Release, (int)weight, (canary ?? stable)?.Plan.Target ?? "local", status, stable?.FinishedMs,
            stable?.CreatedBy, atMs is null ? await ObserveAsync(environment.FullName, ct) : [], firing);
    }

    /// <summary>What was really served, over all models of the environment.</summary>
    private async Task<IReadOnlyList<ArmObservation>> ObserveAsync(string environment, CancellationToken ct)
    {
        var arms = (await routes.ListAsync(ct)).Where(r => r.Environment == environment).SelectMany(r => routes.Observe(r.Name)).GroupBy(o => (o.Arm, o.Release));
        // Quantiles of different models cannot be added: the worst is what is shown.
        return [.. arms.Select(g => new ArmObservation(g.Key.Arm, g.Key.Release, g.Sum(o => o.Requests), g.Sum(o => o.Errors), g.Max(o => o.LatencyP50Ms), g.Max(o => o.LatencyP95Ms), g.Max(o => o.LastServedMs)))];
    }

    private Task<List<RolloutRow>> HistoryAsync(EnvironmentRow environment, CancellationToken ct) => store.RolloutsAsync(environment.Project, environment.Name, MaxHistory, ct);

    private async Task<Release?> ReleaseAsync(string? digest, CancellationToken ct)
    {
        if (digest is null) return null;
        try
        {
            return await releases.GetAsync(digest, ct);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.NotFound)
        {
            return null; // its manifest is gone; what ran is still known by its digest
        }
    }

    private static bool IsUnderWay(long fromMs, long? toMs, long at) => fromMs <= at && (toMs is null || toMs > at);
}
