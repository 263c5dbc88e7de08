using System.Net;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Clients;

/// <summary>GitLab: a trigger token starts a pipeline (https://docs.gitlab.com/ci/triggers/); an access token starts one and may ask how it goes (https://docs.gitlab.com/api/pipelines/).</summary>
internal sealed class GitLabClient(CiHttp http) : ICiClient
{
    public const string TriggerToken = "glptt-";

    public string System => "gitlab";

    public async Task<CiAnswer> StartAsync(CiTarget target, CancellationToken ct)
    {
        var mayAsk = !target.Secret.StartsWith(TriggerToken, StringComparison.Ordinal);
        var body = await TriggerAsync(target, mayAsk, target.Job, ct);
        var pipeline = CiHttp.Json(body, "GitLab");
        var id = CiHttp.Text(pipeline, "id");
        if (id.Length == 0 || !id.All(char.IsAsciiDigit)) throw new CiCallException("GitLab: the answer holds no pipeline id.", mayRetry: false);
        return new CiAnswer(BuildRow.Triggered, mayAsk ? id : null, CiHttp.Link(CiHttp.Text(pipeline, "web_url")));
    }

    /// <summary>A project may allow no variables to whoever starts a pipeline: it is started without.</summary>
    private async Task<string> TriggerAsync(CiTarget target, bool mayAsk, string? job, CancellationToken ct)
    {
        var request = mayAsk ? With(HttpMethod.Post, $"{Project(target)}/pipeline", target) : new HttpRequestMessage(HttpMethod.Post, $"{Project(target)}/trigger/pipeline");
        List<KeyValuePair<string, string>> form = mayAsk ? [new("ref", target.Ref)] : [new("token", target.Secret), new("ref", target.Ref), new("variables[PILOTHOUSE_BUILD]", target.BuildId)];
        if (job is not null) form.AddRange(mayAsk ? [new("variables[][key]", CiTarget.JobVariable), new("variables[][value]", job)] : [new($"variables[{CiTarget.JobVariable}]", job)]);
        request.Content = new FormUrlEncodedContent(form);
        try
        {
            var (response, body) = await http.SendAsync(request, "GitLab", ct);
            response.Dispose();
            return body;
        }
        catch (CiCallException e) when (job is not null && e.Status == HttpStatusCode.BadRequest)
        {
            return await TriggerAsync(target, mayAsk, null, ct);
        }
    }

    public async Task<CiAnswer> FollowAsync(CiTarget target, string handle, CancellationToken ct)
    {
        var (response, body) = await http.SendAsync(With(HttpMethod.Get, $"{Project(target)}/pipelines/{handle}", target), "GitLab", ct);
        response.Dispose();
        return StateOf(CiHttp.Text(CiHttp.Json(body, "GitLab"), "status"), handle);
    }

    public static CiAnswer StateOf(string word, string handle) => word switch
    {
        "success" => new CiAnswer("success", null, null),
        "failed" => new CiAnswer("failure", null, null, "The pipeline failed."),
        "canceled" or "canceling" => new CiAnswer("cancelled", null, null, "The pipeline was cancelled."),
        "skipped" => new CiAnswer("error", null, null, "The pipeline was skipped."),
        "running" => new CiAnswer(BuildRow.Running, handle, null),
        "manual" => new CiAnswer(BuildRow.Running, handle, null, "It waits for a manual job in GitLab."),
        _ => new CiAnswer(BuildRow.Triggered, handle, null),
    };

    private static string Project(CiTarget target) => $"{target.Url}/api/v4/projects/{Uri.EscapeDataString(target.Target)}";

    private static HttpRequestMessage With(HttpMethod method, string url, CiTarget target)
    {
        var request = new HttpRequestMessage(method, url);
        request.Headers.TryAddWithoutValidation("PRIVATE-TOKEN", target.Secret);
        return request;
    }
}
