using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Care;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Endpoints;

/// <summary>Garbage collection, scrub, usage and quotas.</summary>
internal static class BlobCareEndpoints
{
    public static void MapBlobCare(this IEndpointRouteBuilder endpoints)
    {
        var blobs = endpoints.MapGroup("/api/v1/blobs").WithErrors(NativeErrors.Instance).WithTags("Blobs");
        blobs.MapPost("gc", (BlobGarbageRequest request, HttpContext http, CollectionService service, CancellationToken ct) => service.CollectAsync(request, http.Caller().Name, ct)).RequireRole(Role.Admin);
        blobs.MapGet("gc", async (CollectionService service, CancellationToken ct) => await service.LastAsync(ct) ?? throw None("garbage collection of the whole store", "gc"));
        blobs.MapPost("scrub", (ScrubRequest request, ScrubService service, CancellationToken ct) => service.StartAsync(request, ct)).RequireRole(Role.Admin);
        blobs.MapGet("scrub", async (ScrubService service, CancellationToken ct) => await service.LastAsync(ct) ?? throw None("scrub", "scrub"));
        blobs.MapGet("usage", (UsageService service, CancellationToken ct) => service.ReadAsync(ct));
        blobs.MapPut("quotas/{project}", async (string project, BlobQuota quota, HttpContext http, UsageService service, CancellationToken ct) =>
        {
            await service.SetQuotaAsync(project, quota.Bytes, http.Caller().Name, ct);
            return Results.Json(quota);
        }).RequireRole(Role.Admin);
    }

    private static PilothouseException None(string what, string verb) => new(ErrorCode.NotFound, $"There was no {what} yet. Run: pilothouse blobs {verb}");
}
