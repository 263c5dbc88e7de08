using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Modules.Tracking.Table;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>What the table of runs is made of: names and values for completion, groups, export, saved views, and news of an experiment.</summary>
internal static class RunTableEndpoints
{
    public static void MapRunTable(this IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/v1").WithErrors(NativeErrors.Instance).WithTags("Tracking");
        api.MapGet("experiments/{id}", (string id, IRunTable table, CancellationToken ct) => table.ExperimentAsync(id, ct));
        api.MapGet("experiments/{id}/columns", (string id, IRunTable table, CancellationToken ct) => table.ColumnsAsync(id, ct));
        api.MapGet("experiments/{id}/values", (string id, string column, string? prefix, IRunTable table, CancellationToken ct) => table.ValuesAsync(id, column, prefix ?? "", ct));
        api.MapGet("experiments/{id}/groups", (string id, string by, string[]? metric, string? filter, IRunTable table, CancellationToken ct) =>
            table.GroupAsync(new RunQuery(id, filter, [], RunStage.Active, false), by, metric ?? [], ct));
        api.MapGet("experiments/{id}/export", Export);
        api.MapGet("experiments/{id}/live", LiveAsync);
        api.MapGet("experiments/{id}/views", (string id, IRunViews views, CancellationToken ct) => views.ListAsync(id, ct));
        api.MapPost("experiments/{id}/views", (string id, NewSavedView view, HttpContext http, IRunViews views, CancellationToken ct) => views.SaveAsync(id, view, http.Caller().Name, ct));
        api.MapDelete("experiments/{id}/views/{name}", (string id, string name, HttpContext http, IRunViews views, CancellationToken ct) => views.DeleteAsync(id, name, http.Caller().Name, ct));
    }

    /// <summary><c>GET /api/v1/experiments/7/export?format=csv|json&amp;filter=...&amp;col=metrics.loss&amp;stage=active|deleted|all</c>: every run of the filter, streamed.</summary>
    private static IResult Export(string id, string? format, string? filter, string[]? col, string? stage, IRunTable table, CancellationToken ct)
    {
        var kind = format ?? "csv";
        var query = new RunQuery(id, filter, [], Enum.TryParse<RunStage>(stage ?? "active", ignoreCase: true, out var parsed) ? parsed : RunStage.Active, false);
        return Results.Stream(output => table.ExportAsync(query, col ?? [], kind, output, ct), kind == "json" ? "application/json" : "text/csv; charset=utf-8", $"runs-{id}.{kind}");
    }

    /// <summary>Server-sent events: <c>event: changed</c> when runs of the experiment were made, changed or logged to; at most one a second.</summary>
    private static async Task LiveAsync(string id, HttpContext http, IRunTable table, LiveExperiments live, IHostApplicationLifetime lifetime, CancellationToken ct)
    {
        await table.ExperimentAsync(id, ct);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct, lifetime.ApplicationStopping);
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-cache";
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        try
        {
            await http.Response.WriteAsync(": connected\n\n", stop.Token);
            await foreach (var _ in live.ListenAsync(ExperimentService.ParseId(id), stop.Token)) await http.Response.WriteAsync("event: changed\ndata: {}\n\n", stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The page was closed, or the server stops: the stream ends.
        }
    }
}
