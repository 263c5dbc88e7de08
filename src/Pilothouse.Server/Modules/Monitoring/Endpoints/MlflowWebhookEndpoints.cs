using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Monitoring.Webhooks;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;

namespace Pilothouse.Server.Modules.Monitoring.Endpoints;

/// <summary>MLflow's <c>webhooks</c>. They make this server call addresses of the caller's, so they are an administrator's.</summary>
internal static class MlflowWebhookEndpoints
{
    private const string Path = "/mlflow/webhooks";

    private static readonly MlflowField Events = List("events", Enumeration("entity", MlflowWebhookEvent.Entities), Enumeration("action", MlflowWebhookEvent.Actions));
    private static readonly MlflowField Status = Enumeration("status", "ACTIVE", "DISABLED");
    private static readonly MlflowSchema Create = new(Text("name").Must, Text("description").May, Text("url").Must, Events.Must, Text("secret").May, Status);
    private static readonly MlflowSchema Update = new(Text("name").May, Text("description").May, Text("url").May, Events.May, Text("secret").May, Status);
    private static readonly MlflowSchema List_ = new(Integer("max_results").May, Text("page_token").May);
    private static readonly MlflowSchema Test = new(Message("event", Enumeration("entity", MlflowWebhookEvent.Entities), Enumeration("action", MlflowWebhookEvent.Actions)).May);
    private static readonly MlflowSchema Nothing = new();

    public static void MapMlflowWebhooks(this IEndpointRouteBuilder endpoints, WebhookService webhooks)
    {
        endpoints.MapMlflow("POST", Path, Create, async (m, http) => new MlflowWebhookResponse(await webhooks.CreateAsync(Change(m), http.Caller().Name, http.RequestAborted)), Role.Admin);
        endpoints.MapMlflow("GET", Path, List_, (m, http) => webhooks.ListAsync(m.Integer("max_results") ?? 0, m.TextOrNull("page_token"), http.RequestAborted), Role.Admin);
        endpoints.MapMlflow("GET", Path + "/{webhook_id}", Nothing, async (_, http) => new MlflowWebhookResponse(await webhooks.GetAsync(Id(http), http.RequestAborted)), Role.Admin);
        endpoints.MapMlflow("PATCH", Path + "/{webhook_id}", Update, async (m, http) => new MlflowWebhookResponse(await webhooks.UpdateAsync(Id(http), Change(m), http.Caller().Name, http.RequestAborted)), Role.Admin);
        endpoints.MapMlflow("DELETE", Path + "/{webhook_id}", Nothing, (_, http) => MlflowRoutes.Done(webhooks.DeleteAsync(Id(http), http.Caller().Name, http.RequestAborted)), Role.Admin);
        endpoints.MapMlflow("POST", Path + "/{webhook_id}/test", Test, async (m, http) =>
            new MlflowWebhookTestResponse(await webhooks.TestAsync(Id(http), m.Message("event") is { } e ? new MlflowWebhookEvent(e.Text("entity"), e.Text("action")) : null, http.RequestAborted)), Role.Admin);
    }

    private static WebhookChange Change(MlflowMessage m) => new(m.TextOrNull("name"), m.TextOrNull("description"), m.TextOrNull("url"),
        [.. m.List("events").Select(e => new MlflowWebhookEvent(e.Text("entity"), e.Text("action")))], m.TextOrNull("secret"), m.TextOrNull("status"));

    private static string Id(HttpContext http) => http.Request.RouteValues["webhook_id"] as string ?? "";
}
