using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Gateway.Api;

/// <summary>What the gateway serves under which public model name, and with which weights. Deployments moves these; nobody else.</summary>
public interface IGatewayRoutes
{
    /// <summary>Replaces the route atomically; requests in flight finish where they began. Durable.</summary>
    Task SetAsync(GatewayRoute route, CancellationToken ct);

    Task RemoveAsync(string name, CancellationToken ct);

    Task<IReadOnlyList<GatewayRoute>> ListAsync(CancellationToken ct);

    /// <summary>What was really served since the route was last set: requests, errors and latency by arm (observed, not wished).</summary>
    IReadOnlyList<ArmObservation> Observe(string routeName);
}

/// <summary>Event: the gateway answered a request on a route. Monitors and rollouts live on it.</summary>
/// <param name="Release">Digest of the release that answered.</param>
/// <param name="Arm"><c>stable</c> or <c>canary</c>.</param>
public sealed record ResponseServed(string Route, string Environment, string Release, string Arm, string Model, string TraceId, long TimeMs, string Input, string Output, bool Failed,
    double LatencyMs, int PromptTokens, int CompletionTokens, double? MeanLogProbability, IReadOnlyDictionary<string, string> Metadata);
