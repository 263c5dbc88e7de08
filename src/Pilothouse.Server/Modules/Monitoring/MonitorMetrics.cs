using Pilothouse.Protocols.Prometheus;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring;

/// <summary>What the monitors say, for those who already have a Prometheus.</summary>
internal sealed class MonitorMetrics(IMonitors monitors) : IMetricsSource
{
    public async ValueTask WriteAsync(PrometheusText text, CancellationToken ct)
    {
        var states = await monitors.ActiveAsync(null, ct);
        Write("pilothouse_monitor_e_value", "Evidence that the pass rate is below its reference; the alarm is at 1/alpha.", PrometheusType.Gauge, m => m.EValue);
        Write("pilothouse_monitor_alarm_e_value", "Evidence at which the monitor raises an alarm: 1/alpha.", PrometheusType.Gauge, m => 1 / m.Alpha);
        Write("pilothouse_monitor_pass_ratio", "Share of the judged responses that passed.", PrometheusType.Gauge, m => m.Value ?? double.NaN);
        Write("pilothouse_monitor_reference_ratio", "Pass rate that counts as healthy.", PrometheusType.Gauge, m => m.Reference);
        Write("pilothouse_monitor_responses_total", "Responses judged.", PrometheusType.Counter, m => m.Samples);
        Write("pilothouse_monitor_firing", "1 while the monitor's alert fires.", PrometheusType.Gauge, m => m.Status == "firing" ? 1 : 0);

        void Write(string name, string help, PrometheusType type, Func<MonitorState, double> value)
        {
            var family = text.Family(name, help, type);
            foreach (var m in states) family.Sample(value(m), ("environment", m.Environment), ("arm", m.Arm), ("monitor", m.Name), ("release", m.Release));
        }
    }
}
