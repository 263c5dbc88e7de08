using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;
using static Pilothouse.Server.Modules.Tracking.Endpoints.MlflowExperimentEndpoints;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>MLflow's <c>logged-models/*</c>.</summary>
internal static class MlflowLoggedModelEndpoints
{
    private const string One = "/mlflow/logged-models/{model_id}";

    private static readonly MlflowSchema Nothing = new();
    private static readonly MlflowSchema Create = new(Text("experiment_id").Must, Text("name").May, Text("model_type").May, Text("source_run_id").May, Pairs("params").May, Pairs("tags").May);
    // The id is asked for in the body too, as MLflow's server does.
    private static readonly MlflowSchema Finalize = new(Text("model_id").Must, Enumeration("status", MlflowNames.ModelStatus).Must);
    private static readonly MlflowSchema Params = new(Text("model_id").Must, Pairs("params").May);
    private static readonly MlflowSchema Tags = new(Pairs("tags").May);
    private static readonly MlflowSchema Directory = new(Text("artifact_directory_path").May, Text("page_token").May);

    private static readonly MlflowSchema Search = new(TextList("experiment_ids").Must, Text("filter").May, List("datasets", Text("dataset_name"), Text("dataset_digest")).May, Integer("max_results").May,
        List("order_by", Text("field_name"), Boolean("ascending"), Text("dataset_name"), Text("dataset_digest")).May, Text("page_token").May);

    public static void MapMlflowLoggedModels(this IEndpointRouteBuilder endpoints, LoggedModelService models, LoggedModelSearch search, ArtifactService artifacts)
    {
        endpoints.MapMlflow("POST", "/mlflow/logged-models", Create, async (m, http) => Answer(await models.CreateAsync(m.Text("experiment_id"), m.Text("name"), m.Text("model_type"), m.Text("source_run_id"),
            m.Pairs("params"), m.Pairs("tags"), http.RequestAborted)));
        endpoints.MapMlflow("GET", One, Nothing, async (_, http) => Answer(await models.GetAsync(Id(http), http.RequestAborted)));
        endpoints.MapMlflow("PATCH", One, Finalize, async (m, http) => Answer(await models.FinalizeAsync(Id(http), m.Text("status"), http.RequestAborted)));
        endpoints.MapMlflow("DELETE", One, Nothing, (_, http) => Done(models.DeleteAsync(Id(http), http.RequestAborted)));
        endpoints.MapMlflow("POST", One + "/params", Params, (m, http) => Done(models.AddParamsAsync(Id(http), m.Pairs("params"), http.RequestAborted)));
        endpoints.MapMlflow("PATCH", One + "/tags", Tags, (m, http) => Done(models.SetTagsAsync(Id(http), m.Pairs("tags"), http.RequestAborted)));
        endpoints.MapMlflow("DELETE", One + "/tags/{**tag_key}", Nothing, (_, http) => Done(models.DeleteTagAsync(Id(http), TagKey(http), http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/logged-models/search", Search, (m, http) => SearchAsync(m, search, http.RequestAborted), Role.Reader);
        endpoints.MapMlflow("GET", One + "/artifacts/directories", Directory, (m, http) => artifacts.ListModelAsync(Id(http), m.Text("artifact_directory_path"), m.TextOrNull("page_token"), http.RequestAborted));
        endpoints.MapMlflowRaw("GET", One + "/artifacts/files", async http =>
            await http.SendArtifactAsync(artifacts, await artifacts.PathOfModelAsync(Id(http), http.Request.Query["artifact_file_path"].FirstOrDefault() ?? "", http.RequestAborted)));
    }

    private static async Task<MlflowLoggedModels> SearchAsync(MlflowMessage m, LoggedModelSearch search, CancellationToken ct)
    {
        var datasets = m.List("datasets").Select(d => new ModelDataset(d.Text("dataset_name"), d.Text("dataset_digest"))).ToList();
        if (datasets.Any(d => d.Name.Length == 0)) throw new PilothouseException(ErrorCode.InvalidArgument, "`dataset_name` in the `datasets` clause must be specified.");
        var orders = m.List("order_by").Select(o => new ModelOrder(o.Text("field_name"), !o.Has("ascending") || o.Boolean("ascending"), o.Text("dataset_name"), o.Text("dataset_digest"))).ToList();
        if (orders.Any(o => o.Field.Length == 0)) throw new PilothouseException(ErrorCode.InvalidArgument, "`field_name` in the `order_by` clause must be specified.");
        var experiments = m.TextList("experiment_ids").Select(ExperimentService.ParseId).Distinct().ToList();
        var (rows, token) = await search.SearchAsync(experiments, m.TextOrNull("filter"), datasets, orders, m.Integer("max_results") ?? 0, m.TextOrNull("page_token"), ct);
        return new MlflowLoggedModels(rows.ConvertAll(r => r.ToMlflow()), token);
    }

    private static MlflowLoggedModelResponse Answer(LoggedModelStore.ModelRow model) => new(model.ToMlflow());

    private static string Id(HttpContext http) => http.Request.RouteValues["model_id"] as string ?? "";

    /// <summary>Clients put the key into the path as it is, with slashes; those who escape them send %2F, which routing leaves alone.</summary>
    private static string TagKey(HttpContext http) => (http.Request.RouteValues["tag_key"] as string ?? "").Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
}
