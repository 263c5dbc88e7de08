using System.Buffers.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.EventFiles;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>TensorBoard event files in and out: <c>/api/v1/runs/RUN/tfevents</c>.</summary>
internal static class EventFileEndpoints
{
    public static void MapEventFiles(this IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/v1").WithErrors(NativeErrors.Instance).WithTags("Tracking");
        api.MapPost("tfevents/runs", (NewEventRun run, EventFileService files, CancellationToken ct) => files.EnsureRunAsync(run, ct));
        api.MapGet("runs/{id}/tfevents", (string id, EventFileService files, CancellationToken ct) => files.FilesAsync(id, ct));
        api.MapPost("runs/{id}/tfevents", ReceiveAsync);
        api.MapGet("runs/{id}/tfevents/export", ExportAsync);
    }

    /// <summary>
    /// <c>POST /api/v1/runs/RUN/tfevents?name=FILE&amp;offset=N&amp;size=N&amp;head=BASE64URL</c>, the body being the file from byte <c>offset</c> on, as much as there is.
    /// Send the rest from the answer's <c>position</c>.
    /// </summary>
    private static async Task<EventFileState> ReceiveAsync(string id, string name, long? offset, long? size, string? head, HttpContext http, EventFileService files, CancellationToken ct)
    {
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = null; // read as a stream, record by record
        if (head is not null && (!Base64Url.IsValid(head, out var length) || length > EventFileService.HeadBytes))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"head must be the first bytes of the file, up to {EventFileService.HeadBytes}, in base64url.");
        return await files.ReceiveAsync(id, new EventFileHead(name, "", head is null ? [] : Base64Url.DecodeFromChars(head), size ?? 0), offset ?? 0, http.Request.Body, ct);
    }

    private static async Task ExportAsync(string id, string? precision, HttpContext http, EventExport export, CancellationToken ct)
    {
        if (precision is not (null or "float32" or "float64")) throw new PilothouseException(ErrorCode.InvalidArgument, "precision is float32 or float64.");
        await export.WriteAsync(id, precision == "float64", name =>
        {
            http.Response.ContentType = "application/octet-stream";
            http.Response.Headers.ContentDisposition = $"attachment; filename=\"{name}\"";
            return http.Response.Body;
        }, ct);
    }
}
