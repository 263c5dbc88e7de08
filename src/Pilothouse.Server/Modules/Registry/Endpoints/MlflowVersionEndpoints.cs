using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;

namespace Pilothouse.Server.Modules.Registry.Endpoints;

/// <summary>MLflow's <c>model-versions/*</c>.</summary>
internal static class MlflowVersionEndpoints
{
    private const string Path = "/mlflow/model-versions/";

    private static readonly MlflowSchema ByVersion = new(Text("name").Must, Text("version").Must);
    private static readonly MlflowSchema Create = new(Text("name").Must, Text("source").Must, Text("run_id").May, Pairs("tags").May, Text("run_link").May, Text("description").May, Text("model_id").May);
    private static readonly MlflowSchema Update = new(Text("name").Must, Text("version").Must, Text("description").May);
    private static readonly MlflowSchema SetStage = new(Text("name").Must, Text("version").Must, Text("stage").Must, Boolean("archive_existing_versions").May);
    private static readonly MlflowSchema SetTag = new(Text("name").Must, Text("version").Must, Text("key").Must, Text("value").May);
    private static readonly MlflowSchema DeleteTag = new(Text("name").Must, Text("version").Must, Text("key").Must);
    private static readonly MlflowSchema Search = new(Text("filter").May, Integer("max_results").May, TextList("order_by").May, Text("page_token").May);

    public static void MapMlflowVersions(this IEndpointRouteBuilder endpoints, MlflowVersionService versions, RegistrySearch search)
    {
        endpoints.MapMlflow("POST", Path + "create", Create, async (m, http) => Answer(await versions.CreateAsync(new NewMlflowVersion(
            m.Text("name"), m.Text("source"), m.TextOrNull("run_id"), m.Pairs("tags"), m.TextOrNull("run_link"), m.TextOrNull("description"), m.TextOrNull("model_id")), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("GET", Path + "get", ByVersion, async (m, http) =>
            new MlflowModelVersionResponse((await versions.GetAsync(m.Text("name"), m.Text("version"), http.RequestAborted)).WithAliases()));
        endpoints.MapMlflow("PATCH", Path + "update", Update, async (m, http) =>
            Answer(await versions.DescribeAsync(m.Text("name"), m.Text("version"), m.TextOrNull("description"), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("POST", Path + "transition-stage", SetStage, async (m, http) =>
            Answer(await versions.SetStageAsync(m.Text("name"), m.Text("version"), m.Text("stage"), m.Boolean("archive_existing_versions"), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("DELETE", Path + "delete", ByVersion, (m, http) => MlflowRoutes.Done(versions.DeleteAsync(m.Text("name"), m.Text("version"), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("POST", Path + "set-tag", SetTag, (m, http) =>
            MlflowRoutes.Done(versions.SetTagAsync(m.Text("name"), m.Text("version"), new MlflowPair(m.Text("key"), m.Text("value")), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("DELETE", Path + "delete-tag", DeleteTag, (m, http) => MlflowRoutes.Done(versions.DeleteTagAsync(m.Text("name"), m.Text("version"), m.Text("key"), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("GET", Path + "get-download-uri", ByVersion, async (m, http) =>
            new MlflowDownloadUri((await versions.GetAsync(m.Text("name"), m.Text("version"), http.RequestAborted)).DownloadUri()));
        endpoints.MapMlflow("GET", Path + "search", Search, (m, http) => SearchAsync(m, search, http.RequestAborted));
        endpoints.MapMethods("/model-versions/get-artifact", ["GET"], http => SendAsync(http, versions)).WithErrors(MlflowErrors.Instance);
    }

    private static async Task<MlflowModelVersions> SearchAsync(MlflowMessage m, RegistrySearch search, CancellationToken ct)
    {
        var limit = m.Integer("max_results") ?? RegistrySearch.MaxVersions;
        if (limit is < 1 or > RegistrySearch.MaxVersions) throw MlflowRules.Invalid($"Invalid value for max_results. It must be a positive integer of at most {RegistrySearch.MaxVersions}, but got {limit}");
        var (rows, token) = await search.VersionsAsync(m.TextOrNull("filter"), m.TextList("order_by"), (int)limit, m.TextOrNull("page_token"), ct);
        return new MlflowModelVersions(rows.ConvertAll(r => r.ToMlflow()), token);
    }

    /// <summary>Read by people in a browser, so never as HTML or script of this origin.</summary>
    private static async Task SendAsync(HttpContext http, MlflowVersionService versions)
    {
        string Required(string name) => http.Request.Query[name].FirstOrDefault() is { Length: > 0 } value ? value : throw MlflowRules.Invalid($"Request must specify {name}.");
        var path = Required("path");
        var (content, digest) = await versions.OpenAsync(Required("name"), Required("version"), path, http.RequestAborted);
        http.Response.Headers.XContentTypeOptions = "nosniff";
        var name = System.IO.Path.GetFileName(path);
        await Results.Stream(content, MlflowRoutes.SafeType(name), name, entityTag: new($"\"{digest}\""), enableRangeProcessing: true).ExecuteAsync(http);
    }

    private static MlflowModelVersionResponse Answer(VersionRow row) => new(row.ToMlflow());
}
