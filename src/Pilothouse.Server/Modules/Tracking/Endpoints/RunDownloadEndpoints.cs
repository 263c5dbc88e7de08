using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>Downloads of a run: <c>/api/v1/runs/RUN/export</c>, <c>/api/v1/runs/RUN/points?key=KEY&amp;format=csv|json</c>.</summary>
internal static class RunDownloadEndpoints
{
    public static void MapRunDownload(this IEndpointRouteBuilder endpoints, RunDownload export)
    {
        var api = endpoints.MapGroup("/api/v1/runs/{id}").WithErrors(NativeErrors.Instance).WithTags("Tracking");
        api.MapGet("export", (string id, HttpContext http, CancellationToken ct) =>
        {
            Name(http, $"run-{id}.json", "application/json");
            return export.RunAsync(id, http.Response.BodyWriter, ct);
        });
        api.MapGet("points", (string id, string key, string? format, HttpContext http, CancellationToken ct) =>
        {
            Name(http, $"{key.Replace('/', '-')}-{id}.{(format == "json" ? "json" : "csv")}", format == "json" ? "application/json" : "text/csv; charset=utf-8");
            return format == "json" ? export.MetricAsync(id, key, http.Response.BodyWriter, ct) : export.CsvAsync(id, key, http.Response.Body, ct);
        });
    }

    private static void Name(HttpContext http, string file, string type)
    {
        var disposition = new ContentDispositionHeaderValue("attachment");
        disposition.SetHttpFileName(file);
        http.Response.Headers.ContentDisposition = disposition.ToString();
        http.Response.ContentType = type;
    }
}
