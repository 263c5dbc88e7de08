using System.Buffers.Binary;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>Metric series for charts, reduced on the server.</summary>
internal static class SeriesEndpoints
{
    private const int DefaultPoints = 1000;

    public static void MapSeries(this IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/v1").WithErrors(NativeErrors.Instance).WithTags("Tracking");
        // Keys hold slashes (system/cpu): the whole rest of the path up to /series, which a catch-all cannot express in the middle.
        api.MapGet("runs/{id}/metrics/{**rest}", OneAsync);
        api.MapGet("series", ManyAsync);
    }

    /// <summary>
    /// <c>GET /api/v1/series?run=ID&amp;run=ID&amp;key=loss&amp;points=2000&amp;from=0&amp;to=500</c>: <see cref="SeriesFrame"/>. At most 100 runs; <c>from</c> and <c>to</c> are steps, inclusive.
    /// </summary>
    private static async Task<IResult> ManyAsync(string[]? run, string? key, int? points, long? from, long? to, IRuns runs, CancellationToken ct)
    {
        if (key is null) throw new PilothouseException(ErrorCode.InvalidArgument, "The parameter 'key' is missing: the metric to read, as in /api/v1/series?run=ID&key=loss.");
        return Results.Bytes(SeriesFrame.Write(await runs.SeriesAsync(run ?? [], key, points ?? DefaultPoints, from, to, ct)), "application/octet-stream");
    }

    /// <summary>
    /// <c>GET /api/v1/runs/RUN/metrics/KEY/series?points=1000&amp;format=json|binary</c>. Binary: n steps, then n values, all float64 little endian;
    /// the header <c>X-Total-Points</c> has the number of points before the reduction.
    /// </summary>
    private static async Task<IResult> OneAsync(string id, string rest, int? points, string? format, HttpContext http, IRuns runs, CancellationToken ct)
    {
        if (!rest.EndsWith("/series", StringComparison.Ordinal))
            throw new PilothouseException(ErrorCode.NotFound, "There is no such address. A metric's points are at /api/v1/runs/RUN/metrics/KEY/series.");
        var series = await runs.HistoryAsync(id, Uri.UnescapeDataString(rest[..^"/series".Length]), points ?? DefaultPoints, ct);
        http.Response.Headers["X-Total-Points"] = series.TotalPoints.ToString(CultureInfo.InvariantCulture);
        return format == "binary" || format is null && http.Request.Headers.Accept.ToString().Contains("application/octet-stream", StringComparison.Ordinal)
            ? Results.Bytes(ToBinary(series), "application/octet-stream") : Results.Json(series);
    }

    private static byte[] ToBinary(MetricSeries series)
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
}
