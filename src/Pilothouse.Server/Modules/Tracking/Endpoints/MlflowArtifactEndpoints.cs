using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;
using static Pilothouse.Server.Modules.Tracking.Endpoints.MlflowExperimentEndpoints;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>MLflow's artifact proxy (<c>mlflow-artifacts/*</c>) and <c>artifacts/list</c>.</summary>
internal static class MlflowArtifactEndpoints
{
    private const long MaxUpload = 10 * 1024 * 1024;
    private const string Proxy = "/mlflow-artifacts/artifacts";

    private static readonly MlflowSchema Path = new(Text("path").May);
    private static readonly MlflowSchema RunPath = new(Text("run_id").Must, Text("path").May, Text("page_token").May);

    public static void MapMlflowArtifacts(this IEndpointRouteBuilder endpoints, ArtifactService artifacts)
    {
        endpoints.MapMlflow("GET", Proxy, Path, (m, http) => artifacts.ListAsync(m.Text("path"), http.RequestAborted));
        endpoints.MapMlflowRaw("PUT", Proxy + "/{**path}", async http =>
        {
            http.Features.Get<IHttpMaxRequestBodySizeFeature>()?.MaxRequestBodySize = null; // streamed to disk: the disk is the bound
            await artifacts.PutAsync(PathOf(http), http.Request.Body, http.RequestAborted);
            await http.WriteMlflowAsync(MlflowEmpty.Instance);
        });
        endpoints.MapMlflowRaw("GET", Proxy + "/{**path}", http => http.SendArtifactAsync(artifacts, PathOf(http)));
        endpoints.MapMlflowRaw("DELETE", Proxy + "/{**path}", async http => await http.WriteMlflowAsync(await Done(artifacts.DeleteAsync(PathOf(http), http.RequestAborted))));
        endpoints.MapMlflow("GET", "/mlflow/artifacts/list", RunPath, (m, http) => artifacts.ListRunAsync(m.RunId, m.Text("path"), m.TextOrNull("page_token"), http.RequestAborted));
        endpoints.MapMlflow("POST", "/mlflow/artifacts/presigned-upload-url", RunPath, (_, _) => Task.FromException<MlflowEmpty>(
            new PilothouseException(ErrorCode.InvalidArgument, "Presigned upload is not supported for runs whose artifacts this server holds. PUT the file to mlflow-artifacts instead.")));
        endpoints.MapMlflowRaw("POST", "/mlflow/upload-artifact", http => UploadAsync(http, artifacts));
        endpoints.MapGetArtifact(artifacts);
    }

    /// <summary>How a browser stores a file; bounded, since it is for notes and pictures.</summary>
    private static async Task UploadAsync(HttpContext http, ArtifactService artifacts)
    {
        string Required(string name) => http.Request.Query[name].FirstOrDefault() is { Length: > 0 } value ? value : throw new PilothouseException(ErrorCode.InvalidArgument, $"Request must specify {name}.");
        var (run, path) = (Required("run_uuid"), Required("path"));
        if (http.Request.ContentLength is 0 or null) throw new PilothouseException(ErrorCode.InvalidArgument, "Request must specify data.");
        if (http.Request.ContentLength > MaxUpload) throw new PilothouseException(ErrorCode.TooLarge, $"A file uploaded here may have {MaxUpload} bytes. Larger ones: PUT to mlflow-artifacts.");
        await artifacts.PutAsync(await artifacts.PathOfAsync(run, path, http.RequestAborted), http.Request.Body, http.RequestAborted);
        await http.WriteMlflowAsync(MlflowEmpty.Instance);
    }

    private static void MapGetArtifact(this IEndpointRouteBuilder endpoints, ArtifactService artifacts) =>
        endpoints.MapMethods("/get-artifact", ["GET"], async http =>
        {
            var runId = http.Request.Query["run_id"].FirstOrDefault() ?? http.Request.Query["run_uuid"].FirstOrDefault() ?? "";
            await http.SendArtifactAsync(artifacts, await artifacts.PathOfAsync(runId, http.Request.Query["path"].FirstOrDefault() ?? "", http.RequestAborted));
        }).WithErrors(MlflowErrors.Instance);

    /// <summary>Sends a file's bytes, never as something that a browser would run.</summary>
    internal static async Task SendArtifactAsync(this HttpContext http, ArtifactService artifacts, string path)
    {
        var (content, digest) = await artifacts.OpenAsync(path, http.RequestAborted);
        var name = System.IO.Path.GetFileName(path);
        http.Response.Headers.XContentTypeOptions = "nosniff";
        var type = MlflowRoutes.SafeType(name);
        await Results.Stream(content, type, name, entityTag: new($"\"{digest}\""), enableRangeProcessing: true).ExecuteAsync(http);
    }

    private static string PathOf(HttpContext http) => http.RawPathBehind(Proxy);

    /// <summary>What stands behind a part of the path, as it was sent: the server has resolved <c>..</c> and most escapes already, and those are what must be refused.</summary>
    internal static string RawPathBehind(this HttpContext http, string route)
    {
        var target = http.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var start = target.IndexOf(route, StringComparison.Ordinal) + route.Length + 1;
        var end = target.IndexOf('?', StringComparison.Ordinal);
        if (end < 0) end = target.Length;
        return start <= route.Length || start > end ? http.Request.RouteValues["path"] as string ?? "" : Uri.UnescapeDataString(target[start..end]);
    }
}
