using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Monitoring.Endpoints;

internal static class MonitoringEndpoints
{
    public static void MapMonitoring(this IEndpointRouteBuilder endpoints)
    {
        var group = endpoints.MapGroup("/api/v1").WithErrors(NativeErrors.Instance).WithTags("Monitoring");
        group.MapGet("monitors", (string? environment, IMonitors monitors, CancellationToken ct) => monitors.ListAsync(environment, ct));
        group.MapGet("alerts", (string? environment, int? limit, IMonitors monitors, CancellationToken ct) => monitors.AlertsAsync(environment, limit ?? 100, ct));
    }
}
