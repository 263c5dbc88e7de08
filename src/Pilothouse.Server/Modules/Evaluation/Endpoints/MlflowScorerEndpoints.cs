using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;

namespace Pilothouse.Server.Modules.Evaluation.Endpoints;

/// <summary>MLflow's scorers.</summary>
internal static class MlflowScorerEndpoints
{
    private const string V3 = "3.0";
    private static readonly MlflowSchema Register = new(Text("experiment_id").Must, Text("name").Must, Text("serialized_scorer").Must);
    private static readonly MlflowSchema List = new(Text("experiment_id").Must);
    private static readonly MlflowSchema Versions = new(Text("experiment_id").Must, Text("name").Must);
    private static readonly MlflowSchema One = new(Text("experiment_id").Must, Text("name").Must, Integer("version").May);

    public static void MapMlflowScorers(this IEndpointRouteBuilder endpoints, RegisteredScorers scorers)
    {
        endpoints.MapMlflow("POST", "/mlflow/scorers/register", Register, (m, http) => scorers.RegisterAsync(m.Text("experiment_id"), m.Text("name"), m.Text("serialized_scorer"), http.RequestAborted), version: V3);
        endpoints.MapMlflow("GET", "/mlflow/scorers/list", List, (m, http) => scorers.ListAsync(m.Text("experiment_id"), http.RequestAborted), version: V3);
        endpoints.MapMlflow("GET", "/mlflow/scorers/versions", Versions, (m, http) => scorers.VersionsAsync(m.Text("experiment_id"), m.Text("name"), http.RequestAborted), version: V3);
        endpoints.MapMlflow("GET", "/mlflow/scorers/get", One, async (m, http) => new MlflowScorerAnswer(await scorers.GetAsync(m.Text("experiment_id"), m.Text("name"), m.Integer("version"), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("DELETE", "/mlflow/scorers/delete", One, (m, http) => DeleteAsync(m, scorers, http), version: V3);
        // Clients ask which scorers the server runs by itself: none. The list is written although it is empty.
        endpoints.MapMlflowRaw("GET", "/mlflow/scorers/online-configs", http => http.WriteMlflowAsync(new Dictionary<string, string[]> { ["configs"] = [] }), version: V3);
        endpoints.MapMlflowRaw("PUT", "/mlflow/scorers/online-config", _ => throw new PilothouseException(ErrorCode.Unsupported,
            "This server does not run MLflow's scorers on incoming traces. Run them from the client (mlflow.genai.evaluate), or watch production with a monitor of pilothouse.yaml."), version: V3);
    }

    private static async Task<MlflowEmpty> DeleteAsync(MlflowMessage m, RegisteredScorers scorers, HttpContext http)
    {
        await scorers.DeleteAsync(m.Text("experiment_id"), m.Text("name"), m.Integer("version"), http.RequestAborted);
        return MlflowEmpty.Instance;
    }
}
