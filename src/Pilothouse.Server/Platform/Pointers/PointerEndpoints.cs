using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Platform;

internal static class PointerEndpoints
{
    public static void MapPointers(this IEndpointRouteBuilder endpoints)
    {
        var group = endpoints.MapGroup("/api/v1/pointers").WithErrors(NativeErrors.Instance).WithTags("Pointers");
        group.MapGet("", (string @ref, IPointers pointers, CancellationToken ct) => pointers.HistoryAsync(@ref, ct));
        group.MapGet("rollback", (string @ref, string? to, IPointers pointers, CancellationToken ct) => pointers.PlanAsync(@ref, to, ct));
        group.MapPost("rollback", (PointerRollback rollback, HttpContext http, IPointers pointers, CancellationToken ct) => pointers.RollbackAsync(rollback, http.Caller().Name, ct));
    }
}
