using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Modules.Tracking.Capture;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>How a captured run is made, kept alive, written to and ended. Every call may be sent again.</summary>
internal static class CaptureEndpoints
{
    private const int DefaultRead = 256 * 1024;

    public static void MapCapture(this IEndpointRouteBuilder endpoints)
    {
        var runs = endpoints.MapGroup("/api/v1/runs/{id}").WithErrors(NativeErrors.Instance).WithTags("Tracking");
        runs.MapPut("", (string id, NewRun run, CaptureService service, CancellationToken ct) => service.CreateAsync(id, run, ct));
        runs.MapPost("heartbeat", (string id, Heartbeat beat, CaptureService service, CancellationToken ct) => service.BeatAsync(id, beat, ct));
        runs.MapPost("end", (string id, RunEnd end, CaptureService service, CancellationToken ct) => service.EndAsync(id, end, ct));
        runs.MapPost("logs/{stream}", AppendAsync);
        runs.MapGet("logs/{stream}", ReadAsync);
    }

    /// <summary><c>POST .../logs/stdout?offset=N</c> with the bytes as body; the answer says where the next piece must start.</summary>
    private static async Task<LogLength> AppendAsync(string id, string stream, long offset, HttpContext http, RunLogService logs, CancellationToken ct)
    {
        if (http.Request.ContentLength is not ({ } length and <= RunLogService.MaxPiece))
            throw new PilothouseException(ErrorCode.TooLarge, $"A piece of a log has a Content-Length of {RunLogService.MaxPiece} bytes at most.");
        var bytes = new byte[length];
        await http.Request.Body.ReadExactlyAsync(bytes, ct);
        return await logs.AppendAsync(id, stream, offset, bytes, ct);
    }

    /// <summary><c>GET .../logs/stdout?offset=-10000&amp;limit=...</c>; a negative offset counts from the end. <c>X-Log-Offset</c>, <c>X-Log-Length</c> say where.</summary>
    private static async Task<IResult> ReadAsync(string id, string stream, long? offset, int? limit, HttpContext http, IRunLogs logs, CancellationToken ct)
    {
        var slice = await logs.ReadAsync(id, stream, offset ?? 0, limit ?? DefaultRead, ct);
        http.Response.Headers["X-Log-Offset"] = slice.Offset.ToString(CultureInfo.InvariantCulture);
        http.Response.Headers["X-Log-Length"] = slice.Length.ToString(CultureInfo.InvariantCulture);
        http.Response.Headers.XContentTypeOptions = "nosniff";
        return Results.Bytes(slice.Bytes, "text/plain; charset=utf-8");
    }
}
