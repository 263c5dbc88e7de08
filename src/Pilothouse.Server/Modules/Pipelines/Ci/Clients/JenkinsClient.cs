using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Clients;

/// <summary>
/// Jenkins' remote access API: <c>buildWithParameters</c> answers 201 with the queue item's address; the item tells the build's number; the build tells its result. An API token needs no crumb; a
/// password does (https://www.jenkins.io/doc/book/security/csrf-protection/), with the cookie of the same session.
/// </summary>
internal sealed class JenkinsClient(CiHttp http) : ICiClient
{
    private const string Item = "item:";
    public const string Build = "build:";

    public string System => "jenkins";

    public async Task<CiAnswer> StartAsync(CiTarget target, CancellationToken ct)
    {
        HttpRequestMessage Request() => Authorized(new HttpRequestMessage(HttpMethod.Post, $"{Job(target)}/buildWithParameters")
        {
            Content = new FormUrlEncodedContent(new Dictionary<string, string> { ["PILOTHOUSE_COMMIT"] = target.Commit ?? "", ["PILOTHOUSE_REF"] = target.Ref, ["PILOTHOUSE_BUILD"] = target.BuildId, [CiTarget.JobVariable] = target.Job ?? "" }),
        }, target);
        HttpResponseMessage response;
        try
        {
            (response, _) = await http.SendAsync(Request(), "Jenkins", ct);
        }
        catch (CiCallException e) when (e.Status == HttpStatusCode.Forbidden)
        {
            (response, _) = await WithCrumbAsync(Request(), target, ct);
        }
        using (response)
        {
            // The host in Location is Jenkins' own idea of its address: only the number is taken, so that credentials go nowhere else.
            var parts = (response.Headers.Location?.OriginalString ?? "").TrimEnd('/').Split('/');
            return parts is [.., "item", var number] && long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out _)
                ? new CiAnswer(BuildRow.Triggered, Item + number, null)
                : throw new CiCallException("Jenkins: it accepted the build and did not say where it waits (no Location). Is the job parameterized?", mayRetry: false);
        }
    }

    public Task<CiAnswer> FollowAsync(CiTarget target, string handle, CancellationToken ct) =>
        handle.StartsWith(Item, StringComparison.Ordinal) ? QueueAsync(target, handle, ct) : BuildAsync(target, handle, ct);

    private async Task<CiAnswer> QueueAsync(CiTarget target, string handle, CancellationToken ct)
    {
        var item = await GetAsync($"{target.Url}/queue/item/{handle[Item.Length..]}/api/json?tree=cancelled,why,executable[number,url]", target, ct);
        if (item.TryGetProperty("cancelled", out var cancelled) && cancelled.ValueKind == JsonValueKind.True) return new CiAnswer("cancelled", null, null, "It was cancelled in Jenkins' queue.");
        if (item.TryGetProperty("executable", out var executable) && CiHttp.Text(executable, "number") is { Length: > 0 } number) return new CiAnswer(BuildRow.Running, Build + number, CiHttp.Link(CiHttp.Text(executable, "url")));
        return new CiAnswer(BuildRow.Triggered, handle, null, CiHttp.Text(item, "why") is { Length: > 0 } why ? why : null);
    }

    private async Task<CiAnswer> BuildAsync(CiTarget target, string handle, CancellationToken ct)
    {
        var build = await GetAsync($"{Job(target)}/{handle[Build.Length..]}/api/json?tree=building,result,url", target, ct);
        var url = CiHttp.Link(CiHttp.Text(build, "url"));
        return StateOf(CiHttp.Text(build, "result")) with { Url = url };
    }

    public static CiAnswer StateOf(string result) => result switch
    {
        "" => new CiAnswer(BuildRow.Running, null, null),
        "SUCCESS" => new CiAnswer("success", null, null),
        "ABORTED" => new CiAnswer("cancelled", null, null, "It was aborted."),
        "NOT_BUILT" => new CiAnswer("error", null, null, "It was not built."),
        _ => new CiAnswer("failure", null, null, $"Its result is {(result.Length > 40 ? result[..40] : result)}."),
    };

    private async Task<(HttpResponseMessage, string)> WithCrumbAsync(HttpRequestMessage request, CiTarget target, CancellationToken ct)
    {
        var (issued, body) = await http.SendAsync(Authorized(new HttpRequestMessage(HttpMethod.Get, $"{target.Url}/crumbIssuer/api/json"), target), "Jenkins (crumb)", ct);
        using (issued)
        {
            var crumb = CiHttp.Json(body, "Jenkins (crumb)");
            if (!request.Headers.TryAddWithoutValidation(CiHttp.Text(crumb, "crumbRequestField"), CiHttp.Text(crumb, "crumb"))) throw new CiCallException("Jenkins (crumb): the answer names no header.", mayRetry: false);
            if (issued.Headers.TryGetValues("Set-Cookie", out var cookies)) request.Headers.TryAddWithoutValidation("Cookie", string.Join("; ", cookies.Select(c => c.Split(';')[0])));
        }
        return await http.SendAsync(request, "Jenkins", ct);
    }

    private async Task<JsonElement> GetAsync(string url, CiTarget target, CancellationToken ct)
    {
        var (response, body) = await http.SendAsync(Authorized(new HttpRequestMessage(HttpMethod.Get, url), target), "Jenkins", ct);
        response.Dispose();
        return CiHttp.Json(body, "Jenkins");
    }

    private static HttpRequestMessage Authorized(HttpRequestMessage request, CiTarget target)
    {
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{target.User}:{target.Secret}")));
        return request;
    }

    private static string Job(CiTarget target) => target.Url + string.Concat(target.Target.Split('/', StringSplitOptions.RemoveEmptyEntries).Select(part => "/job/" + Uri.EscapeDataString(part)));
}
