using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Deployments.Api;

public interface IDeployments
{
    /// <summary>Begins a rollout of a release to an environment.</summary>
    /// <exception cref="Platform.PilothouseException">FailedPrecondition: a rollout is under way, or the evidence that the environment demands is missing.</exception>
    Task<Rollout> DeployAsync(string project, string environment, string release, string actor, string? reason, CancellationToken ct);

    /// <summary>Points the environment back at an earlier release, at once.</summary>
    Task<Rollout> RollbackAsync(string project, string environment, string? toRelease, string actor, string reason, CancellationToken ct);

    Task<Rollout> GetRolloutAsync(string id, CancellationToken ct);

    Task<IReadOnlyList<Rollout>> RolloutsAsync(string? project, string? environment, int limit, CancellationToken ct);

    Task<IReadOnlyList<EnvironmentState>> EnvironmentsAsync(string? project, CancellationToken ct);

    /// <summary>The chain of custody: what runs (as observed), what it was built from, how it was tested, who approved it, since when, how to take it back.</summary>
    Task<Custody> WhatAsync(string project, string environment, long? atMs, CancellationToken ct);
}

/// <summary>Event: a rollout ended, one way or the other.</summary>
public sealed record RolloutFinished(Rollout Rollout);
