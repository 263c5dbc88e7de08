using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Monitoring.Api;

/// <summary>Live quality: monitors over what is served, and the alerts they raise.</summary>
public interface IMonitors
{
    /// <summary>Starts (or replaces) the monitors of one arm of an environment; their evidence starts at zero.</summary>
    Task StartAsync(MonitorTarget target, IReadOnlyList<MonitorDefinition> monitors, CancellationToken ct);

    /// <summary>The release of one arm becomes that of another (a canary is promoted): its monitors go with it and keep their evidence; those of the other arm end.</summary>
    Task MoveAsync(string environment, string fromArm, string toArm, CancellationToken ct);

    /// <summary>Ends the monitors of an arm; firing alerts are resolved.</summary>
    Task StopAsync(string environment, string arm, CancellationToken ct);

    /// <summary>Hands one served response to the monitors of its arm. Called by the deployment that owns the route.</summary>
    Task ObserveAsync(Observation observation, CancellationToken ct);

    /// <summary>The monitors that watch now.</summary>
    Task<IReadOnlyList<MonitorState>> ActiveAsync(string? environment, CancellationToken ct);

    /// <summary>Those that watch now, then those that have ended, newest first.</summary>
    Task<IReadOnlyList<MonitorState>> ListAsync(string? environment, CancellationToken ct);

    Task<IReadOnlyList<Alert>> AlertsAsync(string? environment, int limit, CancellationToken ct);
}

/// <param name="Environment"><c>PROJECT/ENV</c>.</param>
/// <param name="Arm"><c>stable</c> or <c>canary</c>.</param>
/// <param name="Webhooks">Told of the alerts of all monitors of the target, besides each monitor's own.</param>
public sealed record MonitorTarget(string Environment, string Arm, string Release, IReadOnlyList<string> Webhooks);

/// <summary>What a monitor may look at.</summary>
/// <param name="Metadata">What the caller sent along: <c>must_contain</c> holds, separated by '|', what a grounded answer must name.</param>
/// <param name="Model">Entry of the project's models.</param>
public sealed record Observation(string Environment, string Arm, string Release, string TraceId, long TimeMs, string Input, string Output, bool Failed, double LatencyMs,
    double? MeanLogProbability, IReadOnlyDictionary<string, string> Metadata, string? Model = null);

/// <summary>Event: an alert began to fire. A rollout rolls back on it.</summary>
public sealed record AlertFired(Alert Alert);

/// <summary>Event: an alert ended.</summary>
public sealed record AlertResolved(Alert Alert);
