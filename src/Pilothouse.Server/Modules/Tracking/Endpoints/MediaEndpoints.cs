using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Modules.Tracking.Media;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>Histograms, texts, images and so on of a run: <c>/api/v1/runs/RUN/media</c>.</summary>
internal static class MediaEndpoints
{
    private const int DefaultPoints = 50;

    public static void MapMedia(this IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/v1").WithErrors(NativeErrors.Instance).WithTags("Tracking");
        api.MapGet("runs/{id}/media", (string id, IRunMedia media, CancellationToken ct) => media.SeriesAsync(id, ct));
        api.MapGet("runs/{id}/media/points", (string id, string kind, string key, int? limit, long? after_step, long? step, bool? spread, string? page_token, IRunMedia media, CancellationToken ct) =>
            media.PointsAsync(id, kind, key, new MediaRange(limit ?? DefaultPoints, after_step, step, spread ?? false, page_token), ct));
        api.MapGet("media/{digest}", ShowAsync);
    }

    /// <summary>A blob as a picture or sound. Only these types: nothing a page could run in this origin.</summary>
    private static async Task<IResult> ShowAsync(string digest, string? type, HttpContext http, IBlobStore blobs, CancellationToken ct)
    {
        var mime = type is not null && MediaTypes.IsShown(type) ? type : MediaTypes.Bytes;
        var content = await blobs.OpenReadAsync(digest, ct);
        http.Response.Headers.XContentTypeOptions = "nosniff";
        http.Response.Headers.CacheControl = "private, max-age=31536000, immutable";
        return Results.Stream(content, mime, entityTag: new($"\"{digest}\""), enableRangeProcessing: true);
    }
}
