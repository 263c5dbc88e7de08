using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Modules.Tracking.Preview;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>A run's files as people look at them: list, preview, bytes, logs.</summary>
internal static class RunFileEndpoints
{
    /// <summary>An artifact is foreign content: no script of it runs, nothing is loaded for it, it is nobody's frame and of no origin, however it is opened.</summary>
    private const string Sandbox = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src 'self'; frame-ancestors 'none'; sandbox";

    private static readonly string[] Shown = [ArtifactMedia.Image, ArtifactMedia.Audio, ArtifactMedia.Video, ArtifactMedia.Text, ArtifactMedia.Json, ArtifactMedia.Markdown, ArtifactMedia.Table];

    public static void MapRunFiles(this IEndpointRouteBuilder endpoints, ArtifactService artifacts)
    {
        var api = endpoints.MapGroup("/api/v1/runs/{id}").WithErrors(NativeErrors.Instance).WithTags("Tracking");
        api.MapGet("artifacts", (string id, string? path, IRuns runs, CancellationToken ct) => runs.ArtifactsAsync(id, path ?? "", ct));
        api.MapGet("artifacts/preview", (string id, string path, IRunFiles files, CancellationToken ct) => files.PreviewAsync(id, path, ct));
        api.MapGet("artifacts/content", (string id, string path, bool? download, HttpContext http, CancellationToken ct) => ContentAsync(id, path, download == true, http, artifacts, ct));
        api.MapGet("logs", (string id, IRunFiles files, CancellationToken ct) => files.LogsAsync(id, ct));
        api.MapGet("logs/part", (string id, string path, long? after, string? style, IRunFiles files, CancellationToken ct) => files.ReadLogAsync(id, path, after, style ?? "", ct));
        api.MapGet("logs/search", (string id, string path, string q, IRunFiles files, CancellationToken ct) => files.SearchLogAsync(id, path, q, ct));
    }

    /// <summary>The bytes, by ranges where asked. Pictures, sound and text are shown by a browser, the rest is stored.</summary>
    private static async Task<IResult> ContentAsync(string id, string path, bool download, HttpContext http, ArtifactService artifacts, CancellationToken ct)
    {
        var (content, digest) = await artifacts.OpenAsync(await artifacts.PathOfAsync(id, path, ct), ct);
        var head = new byte[Math.Min(ArtifactMedia.HeadLength, content.Length)];
        await content.ReadExactlyAsync(head, ct);
        content.Position = 0;
        var (kind, type) = ArtifactMedia.Of(Path.GetFileName(path), head, whole: head.Length == content.Length);
        var headers = http.Response.Headers;
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = Sandbox;
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        var disposition = new ContentDispositionHeaderValue(download || !Shown.Contains(kind) ? "attachment" : "inline");
        disposition.SetHttpFileName(Path.GetFileName(path));
        headers.ContentDisposition = disposition.ToString();
        return Results.Stream(content, type, entityTag: new($"\"{digest}\""), enableRangeProcessing: true);
    }
}
