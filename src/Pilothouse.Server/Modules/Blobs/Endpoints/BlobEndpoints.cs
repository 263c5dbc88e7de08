using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Endpoints;

internal static class BlobEndpoints
{
    public static void MapBlobs(this IEndpointRouteBuilder endpoints)
    {
        var blobs = endpoints.MapGroup("/api/v1/blobs").WithErrors(NativeErrors.Instance).WithTags("Blobs");
        blobs.MapPost("", (HttpContext http, IBlobStore store, CancellationToken ct) => PutAsync(null, http, store, ct));
        blobs.MapPut("{digest}", PutAsync);
        blobs.MapMethods("{digest}", ["GET", "HEAD"], GetAsync);
    }

    private static async Task<IResult> PutAsync(string? digest, HttpContext http, IBlobStore store, CancellationToken ct)
    {
        if (digest is not null && await store.FindAsync(digest, ct) is { } held) return Results.Json(held);
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = null; // streamed to disk: the disk is the bound
        return Results.Json(await store.PutAsync(http.Request.Body, digest, ct), statusCode: StatusCodes.Status201Created);
    }

    /// <summary>Ranges and conditional requests included: a digest is the perfect ETag.</summary>
    private static async Task<IResult> GetAsync(string digest, IBlobStore store, CancellationToken ct) =>
        Results.Stream(await store.OpenReadAsync(digest, ct), "application/octet-stream", entityTag: new($"\"{digest}\""), enableRangeProcessing: true);
}
