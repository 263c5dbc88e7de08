using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Prometheus;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring.Endpoints;

/// <summary><c>/metrics</c> in Prometheus' text format, for a scraper with a reader's token.</summary>
internal static class MetricsEndpoint
{
    public static void MapMetrics(this IEndpointRouteBuilder endpoints) => endpoints.MapGet("/metrics", async (IEnumerable<IMetricsSource> sources, CancellationToken ct) =>
    {
        var text = new PrometheusText();
        foreach (var source in sources) await source.WriteAsync(text, ct);
        return Results.Text(text.ToString(), PrometheusText.ContentType);
    }).WithErrors(NativeErrors.Instance).ExcludeFromDescription();
}
