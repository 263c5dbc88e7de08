using System.Net.Http.Headers;
using System.Net.Http.Json;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Clients;

/// <summary>
/// GitHub's repository_dispatch (https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event): answers 204 and names no run: the webhook tells which it is, and from then on it can be asked too.
/// </summary>
internal sealed class GitHubClient(CiHttp http) : ICiClient
{
    public const string Run = "run:";

    public string System => "github";

    public async Task<CiAnswer> StartAsync(CiTarget target, CancellationToken ct)
    {
        var request = With(HttpMethod.Post, $"{Repository(target)}/dispatches", target);
        request.Content = JsonContent.Create(new { event_type = "pilothouse", client_payload = new { commit = target.Commit, branch = target.Ref, build = target.BuildId, job = target.Job } });
        var (response, _) = await http.SendAsync(request, "GitHub", ct);
        response.Dispose();
        return new CiAnswer(BuildRow.Triggered, null, null);
    }

    public async Task<CiAnswer> FollowAsync(CiTarget target, string handle, CancellationToken ct)
    {
        var (response, body) = await http.SendAsync(With(HttpMethod.Get, $"{Repository(target)}/actions/runs/{handle[Run.Length..]}", target), "GitHub", ct);
        response.Dispose();
        var run = CiHttp.Json(body, "GitHub");
        var (state, error) = CiHttp.Text(run, "status") == "completed" ? StateOf(CiHttp.Text(run, "conclusion")) : (BuildRow.Running, null);
        return new CiAnswer(state, handle, CiHttp.Link(CiHttp.Text(run, "html_url")), error);
    }

    /// <summary>State of a run that has ended, and why when it did not go well.</summary>
    public static (string State, string? Error) StateOf(string conclusion) => conclusion switch
    {
        "success" or "neutral" => ("success", null),
        "failure" or "timed_out" => ("failure", $"The run ended as {conclusion}."),
        "cancelled" => ("cancelled", "The run was cancelled."),
        _ => ("error", $"The run ended as {(conclusion.Length > 40 ? conclusion[..40] : conclusion)}."),
    };

    private static string Repository(CiTarget target) => $"{target.Url}/repos/{string.Join('/', target.Target.Split('/').Select(Uri.EscapeDataString))}";

    private static HttpRequestMessage With(HttpMethod method, string url, CiTarget target)
    {
        var request = new HttpRequestMessage(method, url);
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", target.Secret);
        request.Headers.TryAddWithoutValidation("Accept", "application/vnd.github+json");
        request.Headers.TryAddWithoutValidation("X-GitHub-Api-Version", "2022-11-28");
        return request;
    }
}
