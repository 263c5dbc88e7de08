using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Gateway.Endpoints;

internal static class RouteEndpoints
{
    public static void MapRoutes(this IEndpointRouteBuilder endpoints)
    {
        var gateway = endpoints.MapGroup("/api/v1/gateway").WithErrors(NativeErrors.Instance).WithTags("Gateway");
        gateway.MapGet("routes", async (IGatewayRoutes routes, ResponseRecorder recorder, CancellationToken ct) =>
            new GatewayState([.. (await routes.ListAsync(ct)).Select(route => new GatewayRouteState(route, routes.Observe(route.Name)))], recorder.Dropped));
    }
}
