using System.Globalization;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>MLflow's <c>experiments/*</c>.</summary>
internal static class MlflowExperimentEndpoints
{
    private static readonly MlflowSchema ById = new(Text("experiment_id").Must);
    private static readonly MlflowSchema ByName = new(Text("experiment_name").Must);
    private static readonly MlflowSchema Create = new(Text("name").Must, Text("artifact_location").May, Pairs("tags"));
    private static readonly MlflowSchema Update = new(Text("experiment_id").Must, Text("new_name").Must);
    private static readonly MlflowSchema SetTag = new(Text("experiment_id").Must, Text("key").Must, Text("value").May);
    private static readonly MlflowSchema DeleteTag = new(Text("experiment_id").Must, Text("key").Must);

    public static void MapMlflowExperiments(this IEndpointRouteBuilder endpoints, ExperimentService experiments)
    {
        endpoints.MapMlflow("POST", "/mlflow/experiments/create", Create, async (m, http) =>
            new MlflowExperimentId((await experiments.CreateAsync(m.Text("name"), m.Text("artifact_location"), m.Pairs("tags"), http.RequestAborted)).ToString(CultureInfo.InvariantCulture)));
        endpoints.MapMlflow("GET", "/mlflow/experiments/get", ById, async (m, http) => new MlflowExperimentResponse((await experiments.GetAsync(m.Text("experiment_id"), http.RequestAborted)).ToMlflow()));
        endpoints.MapMlflow("GET", "/mlflow/experiments/get-by-name", ByName, async (m, http) => new MlflowExperimentResponse((await experiments.GetByNameAsync(m.Text("experiment_name"), http.RequestAborted)).ToMlflow()));
        endpoints.MapMlflow("POST", "/mlflow/experiments/update", Update, (m, http) => Done(experiments.RenameAsync(m.Text("experiment_id"), m.Text("new_name"), http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/experiments/delete", ById, (m, http) => Done(experiments.DeleteAsync(m.Text("experiment_id"), http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/experiments/restore", ById, (m, http) => Done(experiments.RestoreAsync(m.Text("experiment_id"), http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/experiments/set-experiment-tag", SetTag, (m, http) =>
            Done(experiments.SetTagAsync(m.Text("experiment_id"), new MlflowPair(m.Text("key"), m.Text("value")), http.RequestAborted)));
        endpoints.MapMlflow("POST", "/mlflow/experiments/delete-experiment-tag", DeleteTag, (m, http) => Done(experiments.DeleteTagAsync(m.Text("experiment_id"), m.Text("key"), http.RequestAborted)));
    }

    /// <summary>An empty message when the work is done.</summary>
    internal static async Task<MlflowEmpty> Done(Task work)
    {
        await work;
        return MlflowEmpty.Instance;
    }
}
