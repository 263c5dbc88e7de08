using System.Net.Http.Json;
using System.Text.Json;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Clients;

/// <summary>Travis API v3 (https://developer.travis-ci.com/): a request is made, which becomes builds.</summary>
internal sealed class TravisClient(CiHttp http) : ICiClient
{
    public const string Build = "build:";

    public string System => "travis";

    public async Task<CiAnswer> StartAsync(CiTarget target, CancellationToken ct)
    {
        var request = With(HttpMethod.Post, $"{target.Url}/repo/{Uri.EscapeDataString(target.Target)}/requests", target);
        var message = $"Pilothouse build {target.BuildId}";
        request.Content = target.Job is not { } job
            ? JsonContent.Create(new { request = new { branch = target.Ref, message } })
            : JsonContent.Create(new { request = new { branch = target.Ref, message, merge_mode = "deep_merge_append", config = new { env = new { global = new[] { $"{CiTarget.JobVariable}={job}" } } } } });
        var (response, body) = await http.SendAsync(request, "Travis", ct);
        response.Dispose();
        var id = CiHttp.Json(body, "Travis").TryGetProperty("request", out var made) ? CiHttp.Text(made, "id") : "";
        return id.Length > 0 && id.All(char.IsAsciiDigit) ? new CiAnswer(BuildRow.Triggered, id, null) : throw new CiCallException("Travis: the answer holds no request id.", mayRetry: false);
    }

    public async Task<CiAnswer> FollowAsync(CiTarget target, string handle, CancellationToken ct)
    {
        if (handle.StartsWith(Build, StringComparison.Ordinal)) return await BuildAsync(target, handle, ct);
        var (response, body) = await http.SendAsync(With(HttpMethod.Get, $"{target.Url}/repo/{Uri.EscapeDataString(target.Target)}/request/{handle}", target), "Travis", ct);
        response.Dispose();
        var request = CiHttp.Json(body, "Travis");
        if (CiHttp.Text(request, "result") == "rejected") return new CiAnswer("error", null, null, $"Travis rejected the request: {CiHttp.Text(request, "message")}");
        var states = request.TryGetProperty("builds", out var builds) && builds.ValueKind == JsonValueKind.Array ? builds.EnumerateArray().Select(b => CiHttp.Text(b, "state")).ToList() : [];
        if (states.Count == 0) return new CiAnswer(BuildRow.Triggered, handle, null);
        if (states.Exists(s => s is "created" or "queued" or "received" or "started")) return new CiAnswer(states.TrueForAll(s => s == "created") ? BuildRow.Triggered : BuildRow.Running, handle, null);
        if (states.Contains("failed")) return new CiAnswer("failure", null, null, "A build failed.");
        if (states.Contains("errored")) return new CiAnswer("error", null, null, "A build ended in error.");
        return states.Contains("canceled") ? new CiAnswer("cancelled", null, null, "A build was cancelled.") : new CiAnswer("success", null, null);
    }

    /// <summary>State of one build, and why when it did not go well.</summary>
    public static (string State, string? Error) StateOf(string word) => word switch
    {
        "passed" => ("success", null),
        "failed" => ("failure", "A build failed."),
        "errored" => ("error", "A build ended in error."),
        "canceled" => ("cancelled", "A build was cancelled."),
        "created" or "queued" => (BuildRow.Triggered, null),
        _ => (BuildRow.Running, null),
    };

    /// <summary>One that Travis began by itself: known by its own number, from a webhook.</summary>
    private async Task<CiAnswer> BuildAsync(CiTarget target, string handle, CancellationToken ct)
    {
        var (response, body) = await http.SendAsync(With(HttpMethod.Get, $"{target.Url}/build/{handle[Build.Length..]}", target), "Travis", ct);
        response.Dispose();
        var (state, error) = StateOf(CiHttp.Text(CiHttp.Json(body, "Travis"), "state"));
        return new CiAnswer(state, handle, null, error);
    }

    private static HttpRequestMessage With(HttpMethod method, string url, CiTarget target)
    {
        var request = new HttpRequestMessage(method, url);
        request.Headers.TryAddWithoutValidation("Travis-API-Version", "3");
        request.Headers.TryAddWithoutValidation("Authorization", "token " + target.Secret);
        return request;
    }
}
