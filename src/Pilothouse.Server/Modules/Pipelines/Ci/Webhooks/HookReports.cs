using System.Text.Json;
using System.Text.RegularExpressions;
using Pilothouse.Server.Modules.Pipelines.Ci.Clients;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Webhooks;

/// <summary>Reads what the systems tell. An event that is about no build is null.</summary>
internal static partial class HookReports
{
    /// <exception cref="JsonException">The body is no JSON object.</exception>
    public static HookReport? Read(string system, HookRequest request, byte[] json)
    {
        using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 64 });
        if (document.RootElement.ValueKind != JsonValueKind.Object) throw new JsonException("Not an object.");
        var root = document.RootElement;
        return system switch
        {
            "github" or "gitea" => GitHub(root, request.Header("X-GitHub-Event")),
            "gitlab" => GitLab(root),
            "circleci" => CircleCi(root),
            "travis" => Travis(root),
            _ => Jenkins(root),
        };
    }

    // {"action": "completed", "workflow_run": {"id": 7, "head_sha": "...", "head_branch": "main", "status": "completed", "conclusion": "success", "html_url": "...", "event": "repository_dispatch", "display_title": "..."}}
    private static HookReport? GitHub(JsonElement root, string kind)
    {
        if (kind != "workflow_run" || Inner(root, "workflow_run") is not { } run) return null;
        var conclusion = CiHttp.Text(run, "conclusion");
        var (state, error) = CiHttp.Text(run, "status") == "completed" ? GitHubClient.StateOf(conclusion) : (CiHttp.Text(run, "status") == "in_progress" ? BuildRow.Running : BuildRow.Triggered, null);
        return new HookReport(state, Commit(run, "head_sha"), Text(run, "head_branch"), CiHttp.Link(CiHttp.Text(run, "html_url")), Handle(GitHubClient.Run, run, "id"), Dispatched(CiHttp.Text(run, "event"), "repository_dispatch", CiHttp.Text(run, "display_title")), error);
    }

    // {"object_kind": "pipeline", "object_attributes": {"id": 61, "ref": "main", "sha": "...", "status": "success", "url": "...", "variables": [{"key": "PILOTHOUSE_BUILD", "value": "..."}]}}
    private static HookReport? GitLab(JsonElement root)
    {
        if (CiHttp.Text(root, "object_kind") != "pipeline" || Inner(root, "object_attributes") is not { } pipeline) return null;
        var answer = GitLabClient.StateOf(CiHttp.Text(pipeline, "status"), CiHttp.Text(pipeline, "id"));
        var build = pipeline.TryGetProperty("variables", out var variables) && variables.ValueKind == JsonValueKind.Array
            ? variables.EnumerateArray().Where(v => CiHttp.Text(v, "key") == "PILOTHOUSE_BUILD").Select(v => BuildIn(CiHttp.Text(v, "value"))).FirstOrDefault() : null;
        var url = CiHttp.Text(pipeline, "url") is { Length: > 0 } own ? own : Inner(root, "project") is { } project ? $"{CiHttp.Text(project, "web_url")}/-/pipelines/{CiHttp.Text(pipeline, "id")}" : "";
        return new HookReport(answer.State, Commit(pipeline, "sha"), Text(pipeline, "ref"), CiHttp.Link(url), Handle("", pipeline, "id"), build, answer.Error);
    }

    // {"type": "workflow-completed", "id": "...", "workflow": {"id": "...", "status": "success", "url": "..."}, "pipeline": {"id": "...", "vcs": {"revision": "...", "branch": "main"}}}
    private static HookReport? CircleCi(JsonElement root)
    {
        if (CiHttp.Text(root, "type") != "workflow-completed" || Inner(root, "workflow") is not { } workflow || Inner(root, "pipeline") is not { } pipeline) return null;
        var vcs = Inner(pipeline, "vcs") ?? default;
        var handle = Guid.TryParse(CiHttp.Text(pipeline, "id"), out var id) ? id.ToString() : null;
        var (state, error, again) = CiHttp.Text(workflow, "status") switch
        {
            "success" => (BuildRow.Running, (string?)null, true), // there may be other workflows
            "failed" => ("failure", "A workflow failed.", false),
            "canceled" => ("cancelled", "A workflow was cancelled.", false),
            var other => ("error", $"A workflow ended as {Short(other)}.", false),
        };
        return new HookReport(state, Commit(vcs, "revision"), Text(vcs, "branch"), CiHttp.Link(CiHttp.Text(workflow, "url")), handle, null, error, again);
    }

    /// <summary>Travis signs for everybody with one key: that a delivery is Travis' own does not say whose builds it tells of. A fork has the same commits.</summary>
    /// <param name="target">The connection's repository: <c>OWNER/NAME</c>, or its number.</param>
    public static bool IsOfRepository(byte[] json, string target)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 64 });
            if (Inner(document.RootElement, "repository") is not { } repository) return false;
            return string.Equals($"{CiHttp.Text(repository, "owner_name")}/{CiHttp.Text(repository, "name")}", target, StringComparison.OrdinalIgnoreCase) || CiHttp.Text(repository, "id") == target;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    // {"id": 42, "state": "passed", "build_url": "...", "commit": "...", "branch": "main", "type": "api", "message": "Pilothouse build 019a...", "repository": {"id": 7, "owner_name": "acme", "name": "faq"}}
    private static HookReport? Travis(JsonElement root)
    {
        if (CiHttp.Text(root, "state") is not { Length: > 0 } word) return null;
        var (state, error) = TravisClient.StateOf(word);
        return new HookReport(state, Commit(root, "commit"), Text(root, "branch"), CiHttp.Link(CiHttp.Text(root, "build_url")), Handle(TravisClient.Build, root, "id"), Dispatched(CiHttp.Text(root, "type"), "api", CiHttp.Text(root, "message")), error);
    }

    // Notification plugin: {"name": "faq", "build": {"number": 12, "phase": "COMPLETED", "status": "SUCCESS", "full_url": "...", "parameters": {"PILOTHOUSE_BUILD": "..."}, "scm": {"commit": "...", "branch": "..."}}}
    private static HookReport? Jenkins(JsonElement root)
    {
        if (Inner(root, "build") is not { } build || CiHttp.Text(build, "phase") is not { Length: > 0 } phase) return null;
        var (parameters, scm) = (Inner(build, "parameters") ?? default, Inner(build, "scm") ?? default);
        var answer = phase is "COMPLETED" or "FINALIZED" ? JenkinsClient.StateOf(CiHttp.Text(build, "status")) : new CiAnswer(phase == "QUEUED" ? BuildRow.Triggered : BuildRow.Running, null, null);
        return new HookReport(answer.State, Commit(parameters, "PILOTHOUSE_COMMIT") ?? Commit(scm, "commit"), Text(parameters, "PILOTHOUSE_REF") ?? Branch(Text(scm, "branch")), CiHttp.Link(CiHttp.Text(build, "full_url")),
            phase == "QUEUED" ? null : Handle(JenkinsClient.Build, build, "number"), BuildIn(CiHttp.Text(parameters, "PILOTHOUSE_BUILD")), answer.Error);
    }

    private static JsonElement? Inner(JsonElement element, string name) => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object ? value : null;

    private static string? Text(JsonElement element, string name) => CiHttp.Text(element, name) is { Length: > 0 } text ? Short(text) : null;

    /// <summary>Jenkins names the branch of its remote.</summary>
    private static string? Branch(string? name) => name?.StartsWith("origin/", StringComparison.Ordinal) == true ? name["origin/".Length..] : name;

    private static string? Commit(JsonElement element, string name) => CiHttp.Text(element, name) is { Length: 40 } id && id.All(char.IsAsciiHexDigitLower) ? id : null;

    private static string? Handle(string prefix, JsonElement element, string name) => CiHttp.Text(element, name) is { Length: > 0 and <= 20 } id && id.All(char.IsAsciiDigit) ? prefix + id : null;

    /// <summary>Our id in a text, when we began the build: in others that text is a commit's message, and whoever commits could carry a verdict over to another build.</summary>
    private static string? Dispatched(string cause, string ours, string text) => cause == ours ? BuildIn(text) : null;

    private static string? BuildIn(string text) => text.Length <= 4096 && BuildId().Match(text) is { Success: true } match ? match.Value : null;

    private static string Short(string text) => text.Length <= 200 ? text : text[..200];

    [GeneratedRegex(@"\b[0-9a-f]{32}\b", RegexOptions.NonBacktracking)]
    private static partial Regex BuildId();
}
