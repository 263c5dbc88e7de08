using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Endpoints;

/// <summary><c>/api/v1/uploads</c>.</summary>
internal static class UploadEndpoints
{
    public static void MapUploads(this IEndpointRouteBuilder endpoints)
    {
        var uploads = endpoints.MapGroup("/api/v1/uploads").WithErrors(NativeErrors.Instance).WithTags("Blobs");
        uploads.MapPost("", (NewUpload upload, HttpContext http, IUploads service, CancellationToken ct) => service.CreateAsync(upload, http.Caller().Name, ct));
        uploads.MapGet("{id}", (string id, IUploads service, CancellationToken ct) => service.GetAsync(id, ct));
        uploads.MapPut("{id}/parts/{number:int}", PutPartAsync);
        uploads.MapPatch("{id}", AppendAsync);
        uploads.MapPost("{id}/complete", (string id, CompleteUpload? body, IUploads service, CancellationToken ct) => service.CompleteAsync(id, body?.Digest, ct));
        uploads.MapDelete("{id}", async (string id, IUploads service, CancellationToken ct) =>
        {
            await service.CancelAsync(id, ct);
            return Results.NoContent();
        });
    }

    private static Task<UploadedPart> PutPartAsync(string id, int number, HttpContext http, IUploads service, CancellationToken ct)
    {
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = null; // a part is refused as soon as it is too long
        return service.PutPartAsync(id, number, http.Request.Body, http.Request.Headers["Content-Digest"], ct);
    }

    private static Task<UploadState> AppendAsync(string id, long offset, HttpContext http, IUploads service, CancellationToken ct)
    {
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = null;
        return service.AppendAsync(id, offset, http.Request.Body, ct);
    }
}
