using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Tracking.Uploads;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;
using static Pilothouse.Server.Modules.Tracking.Endpoints.MlflowExperimentEndpoints;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>Multipart upload (<c>mlflow-artifacts/mpu/*</c>) and links to files (<c>mlflow-artifacts/presigned</c>).</summary>
internal static class MlflowUploadEndpoints
{
    private const string Root = "/api/2.0/mlflow-artifacts/";

    private static readonly MlflowSchema Create = new(Text("path").Must, Integer("num_parts").May);
    private static readonly MlflowSchema Complete = new(Text("path").Must, Text("upload_id").Must, List("parts", Integer("part_number").Must, Text("etag").Must, Text("url")).May);
    private static readonly MlflowSchema Abort = new(Text("path").Must, Text("upload_id").Must);

    public static void MapMlflowUploads(this IEndpointRouteBuilder endpoints, UploadService uploads, SignedLinks links, ArtifactService artifacts)
    {
        endpoints.MapMlflow("POST", "/mlflow-artifacts/mpu/create/{**path}", Create, async (m, http) =>
        {
            var (id, parts) = await uploads.CreateAsync(http.RawPathBehind("/mpu/create"), m.Text("path"), m.Integer("num_parts") ?? 0, http.RequestAborted);
            return new MlflowMultipartUpload(id, [.. parts.Select((part, i) => new MlflowUploadCredential(Absolute(http, part), i + 1))]);
        });
        endpoints.MapMlflow("POST", "/mlflow-artifacts/mpu/complete/{**path}", Complete, (m, http) => Done(uploads.CompleteAsync(http.RawPathBehind("/mpu/complete"), m.Text("path"), m.Text("upload_id"),
            [.. m.List("parts").Select(p => new SentPart(p.Integer("part_number") ?? 0, p.Text("etag")))], http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow-artifacts/mpu/abort/{**path}", Abort, (m, http) => Done(uploads.AbortAsync(http.RawPathBehind("/mpu/abort"), m.Text("path"), m.Text("upload_id"), http.RequestAborted)));
        // The link's signature is the permission.
        endpoints.MapMethods(Root + "mpu/part/{id}/{number}/{signature}", ["PUT"], (HttpContext http, string id, int number, string signature) => PutPartAsync(http, uploads, id, number, signature))
            .AllowAnyone().WithErrors(MlflowErrors.Instance).ExcludeFromDescription();
        endpoints.MapMlflowRaw("GET", "/mlflow-artifacts/presigned/{**path}", async http =>
        {
            var path = http.RawPathBehind("/presigned");
            var size = await artifacts.SizeAsync(path, http.RequestAborted) ?? throw new PilothouseException(ErrorCode.NotFound, $"There is no artifact '{path}' on this server.");
            await http.WriteMlflowAsync(new MlflowPresignedFile(Absolute(http, await links.FileAsync(path, http.RequestAborted)), size));
        });
        endpoints.MapMethods(Root + "signed/{until}/{signature}/{**path}", ["GET", "HEAD"], async (HttpContext http, string until, string signature) =>
        {
            var path = http.RawPathBehind($"/{signature}");
            await links.CheckFileAsync(path, until, signature, http.RequestAborted);
            await http.SendArtifactAsync(artifacts, path);
        }).AllowAnyone().WithErrors(MlflowErrors.Instance).ExcludeFromDescription();
    }

    private static async Task PutPartAsync(HttpContext http, UploadService uploads, string id, int number, string signature)
    {
        http.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize = UploadService.MaxPart; // streamed to disk
        var digest = await uploads.PutPartAsync(id, number, signature, http.Request.Body, http.RequestAborted);
        http.Response.Headers.ETag = $"\"{digest}\"";
    }

    /// <summary>The address as the client reached us, a proxy's TLS included.</summary>
    private static string Absolute(HttpContext http, string link)
    {
        var scheme = http.Request.Headers["X-Forwarded-Proto"].ToString() == "https" ? "https" : http.Request.Scheme;
        return string.Create(CultureInfo.InvariantCulture, $"{scheme}://{http.Request.Host}{Root}{link}");
    }
}
