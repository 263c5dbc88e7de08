using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>What MLflow's clients ask to learn whom they talk to.</summary>
internal static class MlflowServerEndpoints
{
    /// <summary>
    /// Clients parse it as MLflow's version and switch features by it: 3.4 and later send traces by OTLP. It is the newest version whose protocol is
    /// covered here (docs/protocols/mlflow.md), not Pilothouse's own.
    /// </summary>
    public const string ProtocolVersion = "3.11.1";

    public static void MapMlflowServer(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/version", () => Results.Text(ProtocolVersion)).AllowAnyone().ExcludeFromDescription();
        endpoints.MapMlflow("GET", "/mlflow/server-info", new(), (_, _) => Task.FromResult(new { store_type = "SqlStore", workspaces_enabled = false }), version: "3.0");
    }
}
