using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;

namespace Pilothouse.Server.Modules.Traces.Endpoints;

/// <summary>MLflow's assessments of traces and spans.</summary>
internal static class MlflowAssessmentEndpoints
{
    private const string V3 = "3.0";
    private const string One = "/mlflow/traces/{trace_id}/assessments/{assessment_id}";

    private static readonly MlflowSchema None = new();
    private static readonly MlflowSchema Create = new(Json("assessment").Must);
    private static readonly MlflowSchema Update = new(Json("assessment").Must, Text("update_mask").Must);

    public static void MapMlflowAssessments(this IEndpointRouteBuilder endpoints, AssessmentService service)
    {
        endpoints.MapMlflow("POST", "/mlflow/traces/{trace_id}/assessments", Create, async (m, http) => new MlflowAssessmentAnswer(
            await service.CreateAsync(MlflowTraceEndpoints.Id(http), MlflowAssessmentInput.Read(m.Json("assessment") ?? default), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("GET", One, None, async (_, http) => new MlflowAssessmentAnswer(await service.GetAsync(MlflowTraceEndpoints.Id(http), MlflowTraceEndpoints.Id(http, "assessment_id"), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("PATCH", One, Update, async (m, http) => new MlflowAssessmentAnswer(
            await service.UpdateAsync(MlflowTraceEndpoints.Id(http), MlflowTraceEndpoints.Id(http, "assessment_id"), MlflowAssessmentInput.Read(m.Json("assessment") ?? default), m.Text("update_mask"), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("DELETE", One, None, (_, http) => MlflowTraceEndpoints.Done(service.DeleteAsync(MlflowTraceEndpoints.Id(http), MlflowTraceEndpoints.Id(http, "assessment_id"), http.RequestAborted)), version: V3);
    }
}
