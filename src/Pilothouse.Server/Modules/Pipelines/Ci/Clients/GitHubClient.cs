using System.Net.Http.Headers;
using System.Net.Http.Json;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Clients;

/// <summary>
/// GitHub's repository_dispatch (https://docs.github.com/en/rest/repos/repos#create-a-repository-dispatch-event): answers 204 and names no run, so the build's own report is what tells its end.
/// </summary>
internal sealed class GitHubClient(CiHttp http) : ICiClient
{
    public string System => "github";

    public async Task<CiAnswer> StartAsync(CiTarget target, CancellationToken ct)
    {
        var repository = string.Join('/', target.Target.Split('/').Select(Uri.EscapeDataString));
        var request = new HttpRequestMessage(HttpMethod.Post, $"{target.Url}/repos/{repository}/dispatches")
        {
            Content = JsonContent.Create(new { event_type = "pilothouse", client_payload = new { commit = target.Commit, branch = target.Ref, build = target.BuildId } }),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", target.Secret);
        request.Headers.TryAddWithoutValidation("Accept", "application/vnd.github+json");
        request.Headers.TryAddWithoutValidation("X-GitHub-Api-Version", "2022-11-28");
        var (response, _) = await http.SendAsync(request, "GitHub", ct);
        response.Dispose();
        return new CiAnswer(BuildRow.Triggered, null, null);
    }

    public Task<CiAnswer> FollowAsync(CiTarget target, string handle, CancellationToken ct) => Task.FromResult(new CiAnswer(BuildRow.Triggered, null, null));
}
