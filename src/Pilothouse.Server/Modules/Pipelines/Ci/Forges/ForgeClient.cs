using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Ci.Clients;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Forges;

/// <summary>
/// Tells a status of a commit to the server that has the repository too: GitHub (https://docs.github.com/en/rest/commits/statuses), GitLab (https://docs.gitlab.com/api/commits/#set-the-pipeline-status-of-a-commit),
/// Gitea and Forgejo (repoCreateStatus). Saying the same twice changes nothing that anyone sees.
/// </summary>
internal sealed class ForgeClient(CiHttp http)
{
    /// <summary>Systems that keep statuses.</summary>
    public static IReadOnlyList<string> Systems { get; } = ["github", "gitlab", "gitea"];

    /// <exception cref="CiCallException">It was not told. A commit that is not there yet may come with the next run of the mirror, so that is worth another try.</exception>
    public async Task TellAsync(ConnectionRow connection, string secret, CommitStatus status, CancellationToken ct)
    {
        var request = connection.System switch
        {
            "gitlab" => GitLab(connection, secret, status),
            "gitea" => Gitea(connection, secret, status),
            _ => GitHub(connection, secret, status),
        };
        try
        {
            var (response, _) = await http.SendAsync(request, connection.System, ct);
            response.Dispose();
        }
        catch (CiCallException e) when (e.Status is HttpStatusCode.NotFound or HttpStatusCode.UnprocessableEntity)
        {
            throw new CiCallException($"{connection.System} answered {(int)e.Status}: it does not have commit {status.Commit[..10]} yet, or the token may not write statuses of {connection.Target}.", mayRetry: true);
        }
        catch (CiCallException e) when (connection.System == "gitlab" && e.Status == HttpStatusCode.BadRequest)
        {
            // "Cannot transition status via :enqueue from :pending": it has this state already.
        }
    }

    private static HttpRequestMessage GitHub(ConnectionRow connection, string secret, CommitStatus status)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"{connection.Url}/repos/{Path(connection.Target)}/statuses/{status.Commit}")
        {
            Content = JsonContent.Create(new { state = status.State, target_url = status.TargetUrl, description = status.Description, context = status.Context }),
        };
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", secret);
        request.Headers.TryAddWithoutValidation("Accept", "application/vnd.github+json");
        request.Headers.TryAddWithoutValidation("X-GitHub-Api-Version", "2022-11-28");
        return request;
    }

    private static HttpRequestMessage GitLab(ConnectionRow connection, string secret, CommitStatus status)
    {
        var state = status.State switch { "success" => "success", "pending" => "pending", "error" => "canceled", _ => "failed" };
        var request = new HttpRequestMessage(HttpMethod.Post, $"{connection.Url}/api/v4/projects/{Uri.EscapeDataString(connection.Target)}/statuses/{status.Commit}")
        {
            Content = JsonContent.Create(new { state, name = status.Context, target_url = status.TargetUrl, description = status.Description }),
        };
        request.Headers.TryAddWithoutValidation("PRIVATE-TOKEN", secret);
        return request;
    }

    private static HttpRequestMessage Gitea(ConnectionRow connection, string secret, CommitStatus status)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, $"{connection.Url}/api/v1/repos/{Path(connection.Target)}/statuses/{status.Commit}")
        {
            Content = JsonContent.Create(new { state = status.State, target_url = status.TargetUrl, description = status.Description, context = status.Context }),
        };
        request.Headers.TryAddWithoutValidation("Authorization", "token " + secret);
        return request;
    }

    private static string Path(string target) => string.Join('/', target.Split('/').Select(Uri.EscapeDataString));
}
