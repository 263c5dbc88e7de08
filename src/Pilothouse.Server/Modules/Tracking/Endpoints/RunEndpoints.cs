using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.Hosting;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>Our own read API of runs: <c>/api/v1/experiments</c>, <c>/api/v1/runs</c>.</summary>
internal static class RunEndpoints
{
    public static void MapRuns(this IEndpointRouteBuilder endpoints)
    {
        var api = endpoints.MapGroup("/api/v1").WithErrors(NativeErrors.Instance).WithTags("Tracking");
        api.MapGet("experiments", (IRuns runs, CancellationToken ct) => runs.ExperimentsAsync(ct));
        api.MapGet("runs", (string[]? experiment, string? filter, string[]? order_by, int? limit, string? page_token, IRuns runs, CancellationToken ct) =>
            runs.SearchAsync(experiment ?? [], filter, order_by ?? [], limit ?? 100, page_token, ct));
        api.MapGet("runs/{id}", (string id, IRuns runs, CancellationToken ct) => runs.GetAsync(id, ct));
        api.MapGet("runs/{id}/live", LiveAsync);
    }

    /// <summary>Server-sent events: <c>event: metrics</c> with the keys that have new points, <c>event: run</c> with the status; the page then fetches again.</summary>
    private static async Task LiveAsync(string id, HttpContext http, IRuns runs, LiveRuns live, IHostApplicationLifetime lifetime, CancellationToken ct)
    {
        await runs.GetAsync(id, ct);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct, lifetime.ApplicationStopping);
        http.Response.ContentType = "text/event-stream";
        http.Response.Headers.CacheControl = "no-cache";
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        try
        {
            await http.Response.WriteAsync(": connected\n\n", stop.Token);
            await foreach (var message in live.ListenAsync(id, stop.Token))
                await http.Response.Body.WriteAsync(Encoding.UTF8.GetBytes($"event: {message.Kind}\ndata: {WireJson.Write(message)}\n\n"), stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The page was closed, or the server stops: the stream ends.
        }
    }
}
