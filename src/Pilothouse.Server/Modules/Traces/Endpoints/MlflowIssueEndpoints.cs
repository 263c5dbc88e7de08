using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;

namespace Pilothouse.Server.Modules.Traces.Endpoints;

/// <summary>MLflow's issues.</summary>
internal static class MlflowIssueEndpoints
{
    private const string V3 = "3.0";
    private const string One = "/mlflow/issues/{issue_id}";

    private static readonly MlflowSchema None = new();

    private static readonly MlflowSchema Create = new(Text("name").Must, Text("description").Must, Text("experiment_id").Must, Text("status").May, Text("severity").May, TextList("root_causes").May,
        Text("source_run_id").May, Text("created_by").May, TextList("categories").May);

    // MLflow wants the id in the body, too.
    private static readonly MlflowSchema Update = new(Text("issue_id").Must, Text("name").May, Text("description").May, Text("status").May, Text("severity").May);

    private static readonly MlflowSchema Search = new(Text("experiment_id").May, Text("filter_string").May, Integer("max_results").May, Text("page_token").May, Boolean("include_trace_count").May);

    public static void MapMlflowIssues(this IEndpointRouteBuilder endpoints, IssueService service)
    {
        endpoints.MapMlflow("POST", "/mlflow/issues", Create, async (m, http) => new MlflowIssueAnswer(await service.CreateAsync(m.Text("experiment_id"), Row(m), m.TextList("root_causes"), m.TextList("categories"), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("GET", One, None, async (_, http) => new MlflowIssueAnswer(await service.GetAsync(MlflowTraceEndpoints.Id(http, "issue_id"), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("PATCH", One, Update, async (m, http) => new MlflowIssueAnswer(
            await service.UpdateAsync(MlflowTraceEndpoints.Id(http, "issue_id"), Given(m, "name"), Given(m, "description"), Given(m, "status"), Given(m, "severity"), http.RequestAborted)), version: V3);
        endpoints.MapMlflow("POST", "/mlflow/issues/search", Search, (m, http) => service.SearchAsync(Given(m, "experiment_id"), m.TextOrNull("filter_string"), m.Integer("max_results") ?? IssueService.MaxLimit,
            m.TextOrNull("page_token"), m.Boolean("include_trace_count"), http.RequestAborted), Role.Reader, V3);
    }

    private static IssueRow Row(MlflowMessage m) => new()
    {
        Name = m.Text("name"),
        Description = m.Text("description"),
        Status = Given(m, "status") ?? "pending",
        Severity = Given(m, "severity"),
        SourceRunId = Given(m, "source_run_id"),
        CreatedBy = Given(m, "created_by"),
    };

    private static string? Given(MlflowMessage m, string name) => m.Text(name) is { Length: > 0 } text ? text : null;
}
