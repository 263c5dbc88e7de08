using System.Diagnostics;
using Pilothouse.Protocols.Prometheus;

namespace Pilothouse.Server.Platform;

/// <summary>The process itself, under the names that every Prometheus dashboard knows.</summary>
internal sealed class ProcessMetrics : IMetricsSource
{
    public ValueTask WriteAsync(PrometheusText text, CancellationToken ct)
    {
        using var process = Process.GetCurrentProcess();
        text.Family("pilothouse_build_info", "Version of the server; always 1.", PrometheusType.Gauge).Sample(1, ("version", PilothouseServer.Version));
        text.Family("process_cpu_seconds_total", "Processor time used.", PrometheusType.Counter).Sample(process.TotalProcessorTime.TotalSeconds);
        text.Family("process_resident_memory_bytes", "Memory held in RAM.", PrometheusType.Gauge).Sample(process.WorkingSet64);
        text.Family("process_start_time_seconds", "When the process started, in seconds since 1970.", PrometheusType.Gauge).Sample(new DateTimeOffset(process.StartTime).ToUnixTimeMilliseconds() / 1000.0);
        text.Family("dotnet_gc_heap_bytes", "Managed memory in use.", PrometheusType.Gauge).Sample(GC.GetTotalMemory(forceFullCollection: false));
        return ValueTask.CompletedTask;
    }
}
