using Pilothouse.Protocols.Prometheus;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>What the gateway serves, by route and arm.</summary>
internal sealed class TrafficMetrics(IGatewayRoutes routes) : IMetricsSource
{
    public async ValueTask WriteAsync(PrometheusText text, CancellationToken ct)
    {
        var all = await routes.ListAsync(ct);
        var weights = text.Family("pilothouse_gateway_arm_weight_ratio", "Share of a route's traffic that an arm is to get.", PrometheusType.Gauge);
        foreach (var route in all)
            foreach (var arm in route.Arms) weights.Sample(arm.Weight / 100.0, Labels(route, arm.Arm, arm.Release));

        List<(GatewayRoute Route, ArmObservation Arm)> observed = [.. all.SelectMany(route => routes.Observe(route.Name).Select(arm => (route, arm)))];
        Write("pilothouse_gateway_requests_total", "Requests served since the route was last set.", PrometheusType.Counter, arm => arm.Requests);
        Write("pilothouse_gateway_errors_total", "Requests that failed since the route was last set.", PrometheusType.Counter, arm => arm.Errors);
        Write("pilothouse_gateway_latency_p50_seconds", "Median time to the last token.", PrometheusType.Gauge, arm => arm.LatencyP50Ms / 1000);
        Write("pilothouse_gateway_latency_p95_seconds", "95th percentile of the time to the last token.", PrometheusType.Gauge, arm => arm.LatencyP95Ms / 1000);

        void Write(string name, string help, PrometheusType type, Func<ArmObservation, double?> value)
        {
            var family = text.Family(name, help, type);
            foreach (var (route, arm) in observed)
                if (value(arm) is { } number) family.Sample(number, Labels(route, arm.Arm, arm.Release));
        }
    }

    private static (string, string)[] Labels(GatewayRoute route, string arm, string release) => [("environment", route.Environment), ("route", route.Name), ("arm", arm), ("release", release)];
}
