using Pilothouse.Protocols.Prometheus;

namespace Pilothouse.Server.Platform;

/// <summary>A part of the server that has figures for <c>/metrics</c>. All sources write one page: each has families of its own.</summary>
public interface IMetricsSource
{
    ValueTask WriteAsync(PrometheusText text, CancellationToken ct);
}
