using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;

namespace Pilothouse.Server.Modules.Evaluation.Endpoints;

/// <summary>MLflow's evaluation data sets.</summary>
internal static class MlflowDatasetEndpoints
{
    private const string V3 = "3.0";
    private const string One = "/mlflow/datasets/{dataset_id}";
    private const int DefaultLimit = 1000;

    private static readonly MlflowSchema None = new();
    private static readonly MlflowSchema Create = new(Text("name").Must, TextList("experiment_ids").May, Text("tags").May);
    private static readonly MlflowSchema Search = new(TextList("experiment_ids").May, Text("filter_string").May, Integer("max_results").May, TextList("order_by").May, Text("page_token").May);
    private static readonly MlflowSchema Tags = new(Text("tags").Must);
    private static readonly MlflowSchema Experiments = new(TextList("experiment_ids").May);
    private static readonly MlflowSchema Upsert = new(Text("records").Must, Text("updated_by").May);
    private static readonly MlflowSchema Records = new(Integer("max_results").May, Text("page_token").May);
    private static readonly MlflowSchema DeleteRecords = new(TextList("dataset_record_ids").May);

    public static void MapMlflowDatasets(this IEndpointRouteBuilder endpoints, EvaluationDatasets datasets)
    {
        endpoints.MapMlflow("POST", "/mlflow/datasets/create", Create, (m, http) => Answer(datasets.CreateAsync(m.Text("name"), m.TextList("experiment_ids"), m.TextOrNull("tags"), http.RequestAborted)), version: V3);
        foreach (var method in (string[])["GET", "POST"])
            endpoints.MapMlflow(method, "/mlflow/datasets/search", Search, (m, http) => datasets.SearchAsync(m.TextList("experiment_ids"), m.TextOrNull("filter_string"), m.Integer("max_results") ?? DefaultLimit,
                m.TextList("order_by"), m.TextOrNull("page_token"), http.RequestAborted), Role.Reader, V3);
        endpoints.MapMlflow("GET", One, None, (_, http) => Answer(datasets.GetAsync(Id(http), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("DELETE", One, None, (_, http) => Done(datasets.DeleteAsync(Id(http), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("PATCH", One + "/tags", Tags, (m, http) => Done(datasets.SetTagsAsync(Id(http), m.Text("tags"), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("DELETE", One + "/tags/{key}", None, (_, http) => Done(datasets.DeleteTagAsync(Id(http), Uri.UnescapeDataString(http.Request.RouteValues["key"] as string ?? ""), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("GET", One + "/experiment-ids", None, (_, http) => datasets.ExperimentsAsync(Id(http), http.RequestAborted), version: V3);
        endpoints.MapMlflow("POST", One + "/add-experiments", Experiments, (m, http) => Answer(datasets.AddExperimentsAsync(Id(http), m.TextList("experiment_ids"), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("POST", One + "/remove-experiments", Experiments, (m, http) => Answer(datasets.RemoveExperimentsAsync(Id(http), m.TextList("experiment_ids"), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("POST", One + "/records", Upsert, (m, http) => datasets.UpsertAsync(Id(http), m.Text("records"), http.RequestAborted), version: V3);
        endpoints.MapMlflow("GET", One + "/records", Records, (m, http) => datasets.RecordsAsync(Id(http), m.Integer("max_results") ?? DefaultLimit, m.TextOrNull("page_token"), http.RequestAborted), version: V3);
        endpoints.MapMlflow("DELETE", One + "/records", DeleteRecords, async (m, http) => new MlflowDeletedRecords(await datasets.DeleteRecordsAsync(Id(http), m.TextList("dataset_record_ids"), http.RequestAborted)), version: V3);
    }

    private static string Id(HttpContext http) => http.Request.RouteValues["dataset_id"] as string ?? "";

    private static async Task<MlflowEvaluationDatasetAnswer> Answer(Task<MlflowEvaluationDataset> dataset) => new(await dataset);

    private static async Task<MlflowEmpty> Done(Task work)
    {
        await work;
        return MlflowEmpty.Instance;
    }
}
