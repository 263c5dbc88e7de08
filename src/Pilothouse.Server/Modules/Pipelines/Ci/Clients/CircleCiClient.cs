using System.Net;
using System.Net.Http.Json;
using System.Text.Json;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Clients;

/// <summary>CircleCI API v2 (https://circleci.com/docs/api/v2/): a pipeline is triggered, its workflows say how it goes.</summary>
internal sealed class CircleCiClient(CiHttp http) : ICiClient
{
    public string System => "circleci";

    public async Task<CiAnswer> StartAsync(CiTarget target, CancellationToken ct)
    {
        var body = await TriggerAsync(target, target.Job, ct);
        var id = CiHttp.Text(CiHttp.Json(body, "CircleCI"), "id");
        return Guid.TryParse(id, out _) ? new CiAnswer(BuildRow.Triggered, id, CiHttp.Link($"https://app.circleci.com/pipelines/{Slug(target)}")) : throw new CiCallException("CircleCI: the answer holds no pipeline id.", mayRetry: false);
    }

    /// <summary>A pipeline that does not declare the parameter refuses it: it is started without.</summary>
    private async Task<string> TriggerAsync(CiTarget target, string? job, CancellationToken ct)
    {
        var request = With(HttpMethod.Post, $"{target.Url}/api/v2/project/{Slug(target)}/pipeline", target);
        request.Content = job is null ? JsonContent.Create(new { branch = target.Ref }) : JsonContent.Create(new { branch = target.Ref, parameters = new { pilothouse_job = job } });
        try
        {
            var (response, body) = await http.SendAsync(request, "CircleCI", ct);
            response.Dispose();
            return body;
        }
        catch (CiCallException e) when (job is not null && e.Status == HttpStatusCode.BadRequest)
        {
            return await TriggerAsync(target, null, ct);
        }
    }

    public async Task<CiAnswer> FollowAsync(CiTarget target, string handle, CancellationToken ct)
    {
        var (response, body) = await http.SendAsync(With(HttpMethod.Get, $"{target.Url}/api/v2/pipeline/{handle}/workflow", target), "CircleCI", ct);
        response.Dispose();
        var states = CiHttp.Json(body, "CircleCI").TryGetProperty("items", out var items) && items.ValueKind == JsonValueKind.Array ? items.EnumerateArray().Select(w => CiHttp.Text(w, "status")).ToList() : [];
        if (states.Count == 0) return new CiAnswer(BuildRow.Triggered, handle, null);
        if (states.Exists(s => s is "running" or "on_hold" or "failing")) return new CiAnswer(BuildRow.Running, handle, null, states.Contains("on_hold") ? "It waits for an approval in CircleCI." : null);
        if (states.Exists(s => s is "failed")) return new CiAnswer("failure", null, null, "A workflow failed.");
        if (states.Find(s => s is "error" or "unauthorized") is { } error) return new CiAnswer("error", null, null, $"A workflow ended as {error}.");
        return states.Exists(s => s == "canceled") ? new CiAnswer("cancelled", null, null, "A workflow was cancelled.") : new CiAnswer("success", null, null);
    }

    private static string Slug(CiTarget target) => string.Join('/', target.Target.Split('/').Select(Uri.EscapeDataString));

    private static HttpRequestMessage With(HttpMethod method, string url, CiTarget target)
    {
        var request = new HttpRequestMessage(method, url);
        request.Headers.TryAddWithoutValidation("Circle-Token", target.Secret);
        return request;
    }
}
