using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>Our own read API of runs: <c>/api/v1/experiments</c>, <c>/api/v1/runs</c>.</summary>
internal static class RunEndpoints
{
    private const int DefaultSeriesPoints = 1000;

    public static void MapRuns(this IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/v1").WithErrors(NativeErrors.Instance).WithTags("Tracking");
        api.MapGet("experiments", (IRuns runs, CancellationToken ct) => runs.ExperimentsAsync(ct));
        api.MapGet("runs", (string[]? experiment, string? filter, string[]? order_by, int? limit, string? page_token, IRuns runs, CancellationToken ct) =>
            runs.SearchAsync(experiment ?? [], filter, order_by ?? [], limit ?? 100, page_token, ct));
        api.MapGet("runs/{id}", (string id, IRuns runs, CancellationToken ct) => runs.GetAsync(id, ct));
        // Keys hold slashes (system/cpu): the whole rest of the path up to /series, which a catch-all cannot express in the middle.
        api.MapGet("runs/{id}/metrics/{**rest}", SeriesAsync);
        api.MapGet("runs/{id}/live", LiveAsync);
    }

    /// <summary>
    /// <c>GET /api/v1/runs/RUN/metrics/KEY/series?points=1000&amp;format=json|binary</c>. Binary: n steps, then n values, all float64 little endian;
    /// the header <c>X-Total-Points</c> has the number of points before the reduction.
    /// </summary>
    private static async Task<IResult> SeriesAsync(string id, string rest, int? points, string? format, HttpContext http, IRuns runs, CancellationToken ct)
    {
        if (!rest.EndsWith("/series", StringComparison.Ordinal))
            throw new PilothouseException(ErrorCode.NotFound, "There is no such address. A metric's points are at /api/v1/runs/RUN/metrics/KEY/series.");
        var series = await runs.HistoryAsync(id, Uri.UnescapeDataString(rest[..^"/series".Length]), points ?? DefaultSeriesPoints, ct);
        http.Response.Headers["X-Total-Points"] = series.TotalPoints.ToString(CultureInfo.InvariantCulture);
        return format == "binary" || format is null && http.Request.Headers.Accept.ToString().Contains("application/octet-stream", StringComparison.Ordinal)
            ? Results.Bytes(ToBinary(series), "application/octet-stream") : Results.Json(series);
    }

    internal static byte[] ToBinary(MetricSeries series)
    {
        var count = series.Steps.Count;
        var bytes = new byte[count * 16];
        for (var i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(i * 8), series.Steps[i]);
            BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan((count + i) * 8), series.Values[i]);
        }
        return bytes;
    }

    /// <summary>Server-sent events: <c>event: metrics</c> with the keys that have new points, <c>event: run</c> with the status; the page then fetches again.</summary>
    private static async Task LiveAsync(string id, HttpContext http, IRuns runs, LiveRuns live, IHostApplicationLifetime lifetime, CancellationToken ct)
    {
        await runs.GetAsync(id, ct);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct, lifetime.ApplicationStopping);
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-cache";
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        try
        {
            await http.Response.WriteAsync(": connected\n\n", stop.Token);
            await foreach (var message in live.ListenAsync(id, stop.Token))
                await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes($"event: {message.Kind}\ndata: {WireJson.Write(message)}\n\n"), stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The page was closed, or the server stops: the stream ends.
        }
    }
}
