using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    public Task<IReadOnlyList<EnvironmentState>> ListEnvironmentsAsync(string? project, CancellationToken ct) =>
        GetAsync<IReadOnlyList<EnvironmentState>>("api/v1/environments" + Query(("project", project)), ct);

    public Task<EnvironmentState> GetEnvironmentAsync(string project, string environment, CancellationToken ct) => GetAsync<EnvironmentState>(EnvironmentPath(project, environment), ct);

    /// <summary>Begins a rollout; it goes on by itself.</summary>
    public Task<Rollout> DeployAsync(string project, string environment, NewDeployment deployment, CancellationToken ct) =>
        PostAsync<Rollout>(EnvironmentPath(project, environment) + "/deploy", deployment, ct);

    /// <summary>Takes a rollout under way back, or points the environment at an earlier release; done when the task completes.</summary>
    public Task<Rollout> RollbackAsync(string project, string environment, NewRollback rollback, CancellationToken ct) =>
        PostAsync<Rollout>(EnvironmentPath(project, environment) + "/rollback", rollback, ct);

    /// <summary>The chain of custody, now or at a moment of the past (epoch milliseconds).</summary>
    public Task<Custody> WhatAsync(string project, string environment, long? atMs, CancellationToken ct) =>
        GetAsync<Custody>(EnvironmentPath(project, environment) + "/what" + Query(("at", atMs?.ToString(CultureInfo.InvariantCulture))), ct);

    public Task<Rollout> GetRolloutAsync(string id, CancellationToken ct) => GetAsync<Rollout>($"api/v1/rollouts/{Uri.EscapeDataString(id)}", ct);

    public Task<IReadOnlyList<Rollout>> ListRolloutsAsync(string? project, string? environment, int limit, CancellationToken ct) =>
        GetAsync<IReadOnlyList<Rollout>>("api/v1/rollouts" + Query(("project", project), ("environment", environment), ("limit", limit.ToString(CultureInfo.InvariantCulture))), ct);

    /// <param name="environment"><c>PROJECT/ENV</c>; null = all.</param>
    public Task<IReadOnlyList<MonitorState>> ListMonitorsAsync(string? environment, CancellationToken ct) =>
        GetAsync<IReadOnlyList<MonitorState>>("api/v1/monitors" + Query(("environment", environment)), ct);

    /// <summary>Alerts, newest first.</summary>
    /// <param name="environment"><c>PROJECT/ENV</c>; null = all.</param>
    public Task<IReadOnlyList<Alert>> ListAlertsAsync(string? environment, int limit, CancellationToken ct) =>
        GetAsync<IReadOnlyList<Alert>>("api/v1/alerts" + Query(("environment", environment), ("limit", limit.ToString(CultureInfo.InvariantCulture))), ct);

    private static string EnvironmentPath(string project, string environment) => $"api/v1/environments/{Uri.EscapeDataString(project)}/{Uri.EscapeDataString(environment)}";

    /// <summary>The query string of the parameters that have a value.</summary>
    private static string Query(params ReadOnlySpan<(string Name, string? Value)> parameters)
    {
        var query = "";
        foreach (var (name, value) in parameters)
            if (value is not null) query += (query.Length == 0 ? '?' : '&') + name + "=" + Uri.EscapeDataString(value);
        return query;
    }
}
