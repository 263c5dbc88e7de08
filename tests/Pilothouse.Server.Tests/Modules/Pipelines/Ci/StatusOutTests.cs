using System.Text.Json;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Ci.Forges;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Pipelines.Ci;

/// <summary>Statuses told to servers that answer as GitHub's, GitLab's and Gitea's documentation says.</summary>
public sealed class StatusOutTests : CiTestBase
{
    [Theory, DatabaseData]
    public async Task Each_server_hears_a_status_in_its_own_words(string kind)
    {
        await using var server = await ServerAsync(kind);
        foreach (var (name, system, target) in ((string, string, string)[])[("a", "github", "acme/faq"), ("b", "gitlab", "group/faq"), ("c", "gitea", "acme/faq")])
            await server.Client.ConnectCiAsync("p", name, new NewCiConnection(system, target, "s3cret", Ci.Url, Builds: false, Statuses: true), default);
        var commit = await StatusTests.PushAsync(server, "p");
        Ci.On($"POST /repos/acme/faq/statuses/{commit}", 201).On($"POST /api/v4/projects/group%2Ffaq/statuses/{commit}", 201).On($"POST /api/v1/repos/acme/faq/statuses/{commit}", 201);
        await server.Client.SetCommitStatusAsync("p", commit, new NewCommitStatus("failure", "ci/lint", "2 files", "https://ci.example/5"), default);

        await PassAsync(server);
        await PassAsync(server);

        Assert.Equal(3, Ci.Asked.Count); // told once
        var (github, gitlab, gitea) = (Body("/repos/"), Body("/api/v4/"), Body("/api/v1/"));
        Assert.Equal(("failure", "ci/lint", "2 files", "https://ci.example/5"), (Text(github, "state"), Text(github, "context"), Text(github, "description"), Text(github, "target_url")));
        Assert.Equal(("failed", "ci/lint"), (Text(gitlab, "state"), Text(gitlab, "name")));
        Assert.Equal(("failure", "ci/lint"), (Text(gitea, "state"), Text(gitea, "context")));
        Assert.Equal(["Bearer s3cret", "token s3cret"], Ci.Asked.Where(a => a.Headers.ContainsKey("Authorization")).Select(a => a.Headers["Authorization"]).Order());
        Assert.Equal("s3cret", Ci.Asked.Single(a => a.Headers.ContainsKey("PRIVATE-TOKEN")).Headers["PRIVATE-TOKEN"]);
    }

    [Theory, DatabaseData]
    public async Task A_commit_that_the_mirror_has_not_sent_yet_is_told_later_and_the_last_word_counts(string kind)
    {
        await using var server = await ServerAsync(kind);
        await server.Client.ConnectCiAsync("p", "a", new NewCiConnection("github", "acme/faq", "s", Ci.Url, Builds: false, Statuses: true), default);
        var commit = await StatusTests.PushAsync(server, "p");
        Ci.On($"POST /repos/acme/faq/statuses/{commit}", 422, """{"message":"No commit found for SHA"}""").On($"POST /repos/acme/faq/statuses/{commit}", 503).On($"POST /repos/acme/faq/statuses/{commit}", 201);
        await server.Client.SetCommitStatusAsync("p", commit, new NewCommitStatus("pending", "ci/lint"), default);
        await PassAsync(server);
        Assert.Contains("does not have commit", Assert.Single(await server.Client.ListCiConnectionsAsync("p", default)).StatusError);
        await PassAsync(server, TimeSpan.FromSeconds(1)); // not due yet
        Assert.Single(Ci.Asked);

        await PassAsync(server, TimeSpan.FromMinutes(1));
        await server.Client.SetCommitStatusAsync("p", commit, new NewCommitStatus("success", "ci/lint"), default);
        await PassAsync(server);
        await PassAsync(server, TimeSpan.FromHours(1));

        Assert.Equal(["pending", "pending", "success"], Ci.Asked.Select(a => Text(JsonDocument.Parse(a.Body).RootElement, "state")));
        Assert.Null(Assert.Single(await server.Client.ListCiConnectionsAsync("p", default)).StatusError);
    }

    [Fact]
    public async Task A_token_that_may_not_is_not_tried_again_and_a_state_that_GitLab_has_already_is_told()
    {
        await using var server = await ServerAsync("sqlite");
        await server.Client.ConnectCiAsync("p", "a", new NewCiConnection("github", "acme/faq", "s", Ci.Url, Builds: false, Statuses: true), default);
        await server.Client.ConnectCiAsync("p", "b", new NewCiConnection("gitlab", "9", "s", Ci.Url, Builds: false, Statuses: true), default);
        var commit = await StatusTests.PushAsync(server, "p");
        Ci.On($"POST /repos/acme/faq/statuses/{commit}", 401).On($"POST /api/v4/projects/9/statuses/{commit}", 400, """{"message":"Cannot transition status via :enqueue from :pending"}""");
        await server.Client.SetCommitStatusAsync("p", commit, new NewCommitStatus("pending", "ci/lint"), default);
        for (var i = 0; i < 3; i++) await PassAsync(server, TimeSpan.FromHours(1));
        Assert.Equal(2, Ci.Asked.Count);
        var connections = await server.Client.ListCiConnectionsAsync("p", default);
        Assert.Contains("401", connections[0].StatusError);
        Assert.Null(connections[1].StatusError);
    }

    private JsonElement Body(string path) => JsonDocument.Parse(Ci.Asked.Single(a => a.Path.StartsWith(path, StringComparison.Ordinal)).Body).RootElement;

    private static string? Text(JsonElement element, string name) => element.GetProperty(name).GetString();

    private async Task PassAsync(TestServer server, TimeSpan later = default)
    {
        Time.Advance(later);
        await server.Service<StatusSender>().PassAsync(default);
    }
}
