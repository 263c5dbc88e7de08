using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Garbage;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary><c>POST /api/v1/gc</c>.</summary>
internal static class GarbageEndpoints
{
    public static void MapGarbage(this IEndpointRouteBuilder endpoints) =>
        endpoints.MapPost("/api/v1/gc", (GarbageRequest request, HttpContext http, GarbageService garbage, CancellationToken ct) => garbage.CollectAsync(request, http.Caller().Name, ct))
            .RequireRole(Role.Admin).WithErrors(NativeErrors.Instance).WithTags("Tracking");
}
