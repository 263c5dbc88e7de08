using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>
/// Makes gateway and monitors be as the tables say. Called after each move and at start: whatever a crash cut short between the two is done then, and doing
/// it twice changes nothing.
/// </summary>
internal sealed class Reconciler(DeploymentStore store, IGatewayRoutes routes, IMonitors monitors)
{
    public async Task RunAsync(EnvironmentRow environment, CancellationToken ct)
    {
        var stable = environment.StableRolloutId is { } id ? await store.RolloutAsync(id, ct) : null;
        var canary = environment.RolloutId is { } other ? await store.RolloutAsync(other, ct) : null;
        // Watch first, then serve: the first answer of a new release is judged too.
        await StartMonitorsAsync(environment.FullName, stable, canary, ct);
        await SetRoutesAsync(environment, stable, canary, ct);
        if (canary is null) await StopAsync(environment.FullName, ct);
    }

    /// <summary>The routes alone: the fast way out, before anything is written.</summary>
    public async Task SetRoutesAsync(EnvironmentRow environment, RolloutRow? stable, RolloutRow? canary, CancellationToken ct)
    {
        var existing = (await routes.ListAsync(ct)).Where(r => r.Environment == environment.FullName).ToDictionary(r => r.Name);
        foreach (var route in Wanted(environment, stable, canary))
        {
            if (!existing.Remove(route.Name, out var now) || WireJson.Write(now) != WireJson.Write(route)) await routes.SetAsync(route, ct);
        }
        foreach (var name in existing.Keys) await routes.RemoveAsync(name, ct);
    }

    /// <summary>One route a model. A model that only one of the two releases has is served by that one alone.</summary>
    internal static IEnumerable<GatewayRoute> Wanted(EnvironmentRow environment, RolloutRow? stable, RolloutRow? canary)
    {
        var (old, next) = (stable?.Plan.Models ?? [], canary?.Plan.Models ?? []);
        foreach (var name in old.Concat(next).Select(m => m.Name).Distinct())
        {
            var (before, after) = (old.FirstOrDefault(m => m.Name == name), next.FirstOrDefault(m => m.Name == name));
            var weight = before is null ? 100 : after is null ? 0 : (int)canary!.Weight;
            var arms = new List<GatewayArm>();
            if (before is not null) arms.Add(Arm("stable", 100 - weight, stable!.Release, before));
            if (after is not null) arms.Add(Arm("canary", weight, canary!.Release, after));
            yield return new GatewayRoute($"{environment.FullName}/{name}", environment.FullName, (after ?? before)!.Kind, arms);
        }
    }

    private static GatewayArm Arm(string arm, int weight, string release, PlannedModel m) => new(arm, weight, release, m.Model, m.Engine, m.Url, m.PromptTemplate, m.Temperature, m.MaxTokens, m.PromptDefaults);

    private async Task StartMonitorsAsync(string environment, RolloutRow? stable, RolloutRow? canary, CancellationToken ct)
    {
        var running = await RunningAsync(environment, ct);
        if (stable is not null && !IsWatched(running, "stable", stable))
        {
            // A canary that has just become the stable release keeps its evidence.
            if (canary is null && IsWatched(running, "canary", stable) && stable.Plan.Monitors.Count > 0) await monitors.MoveAsync(environment, "canary", "stable", ct);
            else await StartAsync(environment, "stable", stable, ct);
        }
        if (canary is not null && !IsWatched(running, "canary", canary)) await StartAsync(environment, "canary", canary, ct);
    }

    private Task StartAsync(string environment, string arm, RolloutRow rollout, CancellationToken ct) =>
        monitors.StartAsync(new MonitorTarget(environment, arm, rollout.Release, []), rollout.Plan.Monitors, ct);

    private async Task StopAsync(string environment, CancellationToken ct)
    {
        if ((await RunningAsync(environment, ct)).Any(m => m.Arm == "canary")) await monitors.StopAsync(environment, "canary", ct);
    }

    private async Task<List<MonitorState>> RunningAsync(string environment, CancellationToken ct) => [.. await monitors.ActiveAsync(environment, ct)];

    private static bool IsWatched(List<MonitorState> running, string arm, RolloutRow rollout)
    {
        var ofArm = running.FindAll(m => m.Arm == arm);
        return ofArm.TrueForAll(m => m.Release == rollout.Release) && ofArm.Select(m => m.Name).ToHashSet().SetEquals(rollout.Plan.Monitors.Select(m => m.Name));
    }
}
