using Pilothouse.Protocols.V1;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Gateway;

/// <summary>What one arm really served since its route was set.</summary>
internal sealed class ArmStatistics
{
    private readonly Lock _gate = new();
    private readonly QuantileSketch _latency = new(relativeError: 0.01);
    private long _requests;
    private long _errors;
    private long _lastServedMs;

    public void Add(bool failed, double latencyMs, long nowMs)
    {
        lock (_gate)
        {
            _requests++;
            if (failed) _errors++;
            else _latency.Add(Math.Max(0, latencyMs)); // a failure that comes at once must not make the arm look fast
            _lastServedMs = Math.Max(_lastServedMs, nowMs);
        }
    }

    public ArmObservation Observe(GatewayArm arm)
    {
        lock (_gate)
        {
            return new ArmObservation(arm.Arm, arm.Release, _requests, _errors, _latency.Count == 0 ? null : _latency.Quantile(0.5), _latency.Count == 0 ? null : _latency.Quantile(0.95), _lastServedMs);
        }
    }
}
