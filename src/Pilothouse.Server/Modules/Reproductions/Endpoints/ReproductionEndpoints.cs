using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Reproductions.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Reproductions.Endpoints;

/// <summary><c>/api/v1/reproductions</c></summary>
internal static class ReproductionEndpoints
{
    public static void MapReproductions(this IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/v1/reproductions").WithErrors(NativeErrors.Instance).WithTags("Reproductions");
        api.MapGet("", (string? kind, string? subject, int? limit, IReproductions service, CancellationToken ct) => service.ListAsync(kind, subject, limit ?? 100, ct));
        api.MapPost("", (NewReproduction request, HttpContext http, IReproductions service, CancellationToken ct) => service.AddAsync(request, http.Caller().Name, ct));
        api.MapGet("{id}", (string id, IReproductions service, CancellationToken ct) => service.GetAsync(id, ct));
    }
}
