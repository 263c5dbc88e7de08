using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;

namespace Pilothouse.Server.Modules.Registry.Endpoints;

/// <summary>MLflow's <c>registered-models/*</c>.</summary>
internal static class MlflowModelEndpoints
{
    private const string Path = "/mlflow/registered-models/";
    private const int DefaultLimit = 100;

    private static readonly MlflowSchema ByName = new(Text("name").Must);
    private static readonly MlflowSchema Create = new(Text("name").Must, Pairs("tags").May, Text("description").May);
    private static readonly MlflowSchema Update = new(Text("name").Must, Text("description").May);
    private static readonly MlflowSchema Rename = new(Text("name").Must, Text("new_name").Must);
    private static readonly MlflowSchema SetTag = new(Text("name").Must, Text("key").Must, Text("value").May);
    private static readonly MlflowSchema DeleteTag = new(Text("name").Must, Text("key").Must);
    private static readonly MlflowSchema SetAlias = new(Text("name").Must, Text("alias").Must, Text("version").Must);
    private static readonly MlflowSchema Alias = new(Text("name").Must, Text("alias").Must);
    private static readonly MlflowSchema Latest = new(Text("name").Must, TextList("stages").May);
    private static readonly MlflowSchema Search = new(Text("filter").May, Integer("max_results").May, TextList("order_by").May, Text("page_token").May);

    public static void MapMlflowModels(this IEndpointRouteBuilder endpoints, MlflowModelService models, RegistrySearch search)
    {
        endpoints.MapMlflow("POST", Path + "create", Create, async (m, http) =>
            Answer(await models.CreateAsync(m.Text("name"), m.Pairs("tags"), m.TextOrNull("description"), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("GET", Path + "get", ByName, async (m, http) => Answer(await models.GetAsync(m.Text("name"), http.RequestAborted)));
        endpoints.MapMlflow("PATCH", Path + "update", Update, async (m, http) => Answer(await models.DescribeAsync(m.Text("name"), m.TextOrNull("description"), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("POST", Path + "rename", Rename, async (m, http) => Answer(await models.RenameAsync(m.Text("name"), m.Text("new_name"), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("DELETE", Path + "delete", ByName, (m, http) => MlflowRoutes.Done(models.DeleteAsync(m.Text("name"), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("POST", Path + "set-tag", SetTag, (m, http) => MlflowRoutes.Done(models.SetTagAsync(m.Text("name"), new MlflowPair(m.Text("key"), m.Text("value")), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("DELETE", Path + "delete-tag", DeleteTag, (m, http) => MlflowRoutes.Done(models.DeleteTagAsync(m.Text("name"), m.Text("key"), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("POST", Path + "alias", SetAlias, (m, http) => MlflowRoutes.Done(models.SetAliasAsync(m.Text("name"), m.Text("alias"), m.Text("version"), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("DELETE", Path + "alias", Alias, (m, http) => MlflowRoutes.Done(models.DeleteAliasAsync(m.Text("name"), m.Text("alias"), http.Caller().Name, http.RequestAborted)));
        endpoints.MapMlflow("GET", Path + "alias", Alias, async (m, http) =>
            new MlflowModelVersionResponse((await models.GetByAliasAsync(m.Text("name"), m.Text("alias"), http.RequestAborted)).WithAliases()));
        foreach (var method in (string[])["GET", "POST"])
        {
            endpoints.MapMlflow(method, Path + "get-latest-versions", Latest, async (m, http) =>
                new MlflowModelVersions([.. (await models.LatestAsync(m.Text("name"), m.TextList("stages"), http.RequestAborted)).Select(v => v.ToMlflow())], null), Role.Reader);
        }
        endpoints.MapMlflow("GET", Path + "search", Search, (m, http) => SearchAsync(m, search, http.RequestAborted));
    }

    private static async Task<MlflowRegisteredModels> SearchAsync(MlflowMessage m, RegistrySearch search, CancellationToken ct)
    {
        var limit = m.Integer("max_results") ?? DefaultLimit;
        if (limit > RegistrySearch.MaxModels) throw MlflowRules.Invalid($"Invalid value {limit} for parameter 'max_results' supplied. It must be at most {RegistrySearch.MaxModels}.");
        var (rows, token) = await search.ModelsAsync(m.TextOrNull("filter"), m.TextList("order_by"), (int)Math.Max(limit, 0), m.TextOrNull("page_token"), ct);
        return new MlflowRegisteredModels(rows.ConvertAll(r => r.ToMlflow()), token);
    }

    private static MlflowRegisteredModelResponse Answer(ObjectRow row) => new(row.ToMlflow());
}
