using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;
using static Pilothouse.Server.Modules.Tracking.Endpoints.MlflowExperimentEndpoints;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>What a run read and made: <c>runs/log-inputs</c>, <c>runs/outputs</c>, <c>runs/log-model</c>, <c>experiments/search-datasets</c>.</summary>
internal static class MlflowRunInputEndpoints
{
    private static readonly MlflowSchema Inputs = new(Text("run_id").Must,
        List("datasets", Pairs("tags"), Message("dataset", Text("name"), Text("digest"), Text("source_type"), Text("source"), Text("schema"), Text("profile"))).May, List("models", Text("model_id").Must).May);

    private static readonly MlflowSchema Outputs = new(Text("run_id").Must, List("models", Text("model_id").Must, Integer("step").Must).Must);
    private static readonly MlflowSchema LogModel = new(Text("run_id").Must, Text("model_json").Must);
    private static readonly MlflowSchema Datasets = new(TextList("experiment_ids"));

    public static void MapMlflowRunInputs(this IEndpointRouteBuilder endpoints, RunInputService inputs)
    {
        endpoints.MapMlflow("POST", "/mlflow/runs/log-inputs", Inputs, (m, http) =>
            Done(inputs.LogInputsAsync(m.Text("run_id"), [.. m.List("datasets").Select(ToInput)], [.. m.List("models").Select(x => x.Text("model_id"))], http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/runs/outputs", Outputs, (m, http) =>
            Done(inputs.LogOutputsAsync(m.Text("run_id"), [.. m.List("models").Select(x => (x.Text("model_id"), x.Integer("step") ?? 0))], http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/runs/log-model", LogModel, (m, http) => Done(inputs.LogModelAsync(m.Text("run_id"), m.Text("model_json"), http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/experiments/search-datasets", Datasets, async (m, http) =>
            new MlflowDatasetSummaries(await inputs.SearchDatasetsAsync(m.TextList("experiment_ids"), http.RequestAborted)), Role.Reader);
    }

    private static DatasetInput ToInput(MlflowMessage input)
    {
        var dataset = input.Message("dataset");
        string Of(string name) => dataset?.Text(name) ?? "";
        return new DatasetInput(Of("name"), Of("digest"), Of("source_type"), Of("source"), dataset?.TextOrNull("schema"), dataset?.TextOrNull("profile"), input.Pairs("tags"));
    }
}
