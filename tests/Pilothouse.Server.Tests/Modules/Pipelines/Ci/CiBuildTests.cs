using System.Text;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Ci;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Pipelines.Ci;

/// <summary>Builds on local servers that answer as the systems' documentation says (named at each client).</summary>
public sealed class CiBuildTests : CiTestBase
{
    private const string Job = "/job/team/job/faq";
    private const string Secret = "s3cret-token-of-ci";

    [Theory, DatabaseData]
    public async Task A_push_builds_on_Jenkins_and_its_result_stands_at_the_commit(string kind)
    {
        await using var server = await ServerAsync(kind);
        Ci.On($"POST {Job}/buildWithParameters", 201, "", ("Location", "http://a-name-that-jenkins-believes-in/queue/item/7/"))
            .On("GET /queue/item/7/api/json", 200, """{"cancelled":false,"why":"In the quiet period. Expires in 4 sec"}""")
            .On("GET /queue/item/7/api/json", 200, """{"cancelled":false,"executable":{"number":12,"url":"http://jenkins.example/job/team/job/faq/12/"}}""")
            .On($"GET {Job}/12/api/json", 200, """{"building":true,"result":null,"url":"http://jenkins.example/job/team/job/faq/12/"}""")
            .On($"GET {Job}/12/api/json", 200, """{"building":false,"result":"UNSTABLE","url":"http://jenkins.example/job/team/job/faq/12/"}""");
        await JenkinsAsync(server);

        var commit = await PushAsync(server);
        var build = await EndAsync(server);

        Assert.Equal(("failure", "push", commit, "main"), (build.State, build.Cause, build.Commit, build.Ref));
        Assert.Equal("http://jenkins.example/job/team/job/faq/12/", build.Url);
        var status = Assert.Single(await server.Client.ListCommitStatusesAsync("p", commit, default));
        Assert.Equal(("pilothouse/nightly", "failure", build.Url), (status.Context, status.State, status.TargetUrl));
        var start = Ci.Asked[0];
        Assert.Equal("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("ann:" + Secret)), start.Headers["Authorization"]);
        Assert.Contains("PILOTHOUSE_COMMIT=" + commit, start.Body);
    }

    [Fact]
    public async Task A_password_needs_a_crumb_with_its_session()
    {
        await using var server = await ServerAsync("sqlite");
        Ci.On("GET /crumbIssuer/api/json", 200, """{"_class":"x","crumb":"c-1","crumbRequestField":"Jenkins-Crumb"}""", ("Set-Cookie", "JSESSIONID.1=abc; Path=/; HttpOnly"))
            .On($"POST {Job}/buildWithParameters", async http =>
            {
                var ok = http.Request.Headers["Jenkins-Crumb"] == "c-1" && http.Request.Headers.Cookie == "JSESSIONID.1=abc";
                http.Response.StatusCode = ok ? 201 : 403;
                if (ok) http.Response.Headers.Location = Ci.Url + "/queue/item/8/";
                else await Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(http.Response, "No valid crumb was included in the request");
            })
            .On("GET /queue/item/8/api/json", 200, """{"cancelled":true}""");
        await JenkinsAsync(server);
        await PushAsync(server);

        var build = await EndAsync(server);

        Assert.Equal("cancelled", build.State);
        Assert.Contains("queue", build.Error);
        Assert.Equal(2, Ci.Asked.Count(a => a.Method == "POST"));
    }

    [Fact]
    public async Task A_wrong_crumb_or_credential_ends_the_build_and_is_not_tried_again()
    {
        await using var server = await ServerAsync("sqlite");
        Ci.On("GET /crumbIssuer/api/json", 200, """{"crumb":"old","crumbRequestField":"Jenkins-Crumb"}""").On($"POST {Job}/buildWithParameters", 403, "No valid crumb");
        await JenkinsAsync(server);
        await PushAsync(server);

        var build = await EndAsync(server);

        Assert.Equal("error", build.State);
        Assert.Contains("403", build.Error!);
        Assert.Contains("credentials", build.Error);
        Assert.DoesNotContain(Secret, build.Error);
        Assert.Equal(2, Ci.Asked.Count(a => a.Method == "POST"));
    }

    [Fact]
    public async Task Cut_connections_and_overload_are_tried_again_when_it_asks_to()
    {
        await using var server = await ServerAsync("sqlite");
        Ci.Cut($"POST {Job}/buildWithParameters")
            .On($"POST {Job}/buildWithParameters", 429, "", ("Retry-After", "120"))
            .On($"POST {Job}/buildWithParameters", 503)
            .On($"POST {Job}/buildWithParameters", 201, "", ("Location", "/queue/item/9/"))
            .On("GET /queue/item/9/api/json", 200, """{"executable":{"number":1}}""")
            .On($"GET {Job}/1/api/json", 200, """{"building":false,"result":"SUCCESS"}""");
        await JenkinsAsync(server);
        await PushAsync(server);

        Assert.Equal("success", (await EndAsync(server)).State);
        Assert.Equal(4, Ci.Asked.Count(a => a.Method == "POST"));
    }

    [Fact]
    public async Task The_other_systems_are_started_and_followed_as_their_APIs_say()
    {
        await using var server = await ServerAsync("sqlite");
        const string pipeline = "5034460f-c7c4-4c43-9457-de07e2029e7b";
        Ci.On("POST /api/v2/project/gh/acme/faq/pipeline", 201, $$"""{"id":"{{pipeline}}","state":"pending","number":25}""")
            .On($"GET /api/v2/pipeline/{pipeline}/workflow", 200, """{"items":[]}""")
            .On($"GET /api/v2/pipeline/{pipeline}/workflow", 200, """{"items":[{"status":"success"},{"status":"failed"}]}""")
            .On("POST /repo/acme%2Ffaq/requests", 202, """{"@type":"pending","remaining_requests":9,"request":{"id":44}}""")
            .On("GET /repo/acme%2Ffaq/request/44", 200, """{"id":44,"result":"approved","builds":[{"state":"started"}]}""")
            .On("GET /repo/acme%2Ffaq/request/44", 200, """{"id":44,"result":"approved","builds":[{"state":"passed"}]}""")
            .On("POST /repos/acme/faq/dispatches", 204)
            .On("POST /api/v4/projects/acme%2Ffaq/pipeline", 201, """{"id":61,"status":"created","web_url":"https://gitlab.example/acme/faq/-/pipelines/61"}""")
            .On("GET /api/v4/projects/acme%2Ffaq/pipelines/61", 200, """{"id":61,"status":"success"}""")
            .On("POST /api/v4/projects/9/trigger/pipeline", 201, """{"id":62,"status":"created","web_url":"https://gitlab.example/x/-/pipelines/62"}""");
        foreach (var (name, system, target, secret) in ((string, string, string, string)[])[("a", "circleci", "gh/acme/faq", Secret), ("b", "travis", "acme/faq", Secret), ("c", "github", "acme/faq", Secret), ("d", "gitlab", "acme/faq", Secret), ("e", "gitlab", "9", "glptt-1")])
            await server.Client.ConnectCiAsync("p", name, new NewCiConnection(system, target, secret, Ci.Url), default);
        await PushAsync(server);

        var builds = await FollowAsync(server, 5);

        Assert.Equal([("a", "failure"), ("b", "success"), ("c", "triggered"), ("d", "success"), ("e", "triggered")], builds.Select(b => (b.Connection, b.State)).Order());
        Assert.All(Ci.Asked.Where(a => a.Path.StartsWith("/api/v2", StringComparison.Ordinal)), a => Assert.Equal(Secret, a.Headers["Circle-Token"]));
        Assert.All(Ci.Asked.Where(a => a.Path.StartsWith("/repo/", StringComparison.Ordinal)), a => Assert.Equal(("token " + Secret, "3"), (a.Headers["Authorization"], a.Headers["Travis-API-Version"])));
        Assert.Contains("\"event_type\":\"pilothouse\"", Ci.Asked.Single(a => a.Path == "/repos/acme/faq/dispatches").Body);
        Assert.Contains("token=glptt-1&ref=main", Ci.Asked.Single(a => a.Path == "/api/v4/projects/9/trigger/pipeline").Body);
    }

    [Fact]
    public async Task The_name_of_a_job_goes_with_its_build_and_a_pipeline_that_takes_none_is_started_without()
    {
        await using var server = await ServerAsync("sqlite");
        Ci.On($"POST {Job}/buildWithParameters", 201, "", ("Location", "/queue/item/9/"))
            .On("POST /api/v2/project/gh/acme/faq/pipeline", 400, """{"message":"Unexpected argument(s): pilothouse_job"}""")
            .On("POST /api/v2/project/gh/acme/faq/pipeline", 201, """{"id":"5034460f-c7c4-4c43-9457-de07e2029e7b"}""")
            .On("POST /repo/acme%2Ffaq/requests", 202, """{"request":{"id":44}}""")
            .On("POST /repos/acme/faq/dispatches", 204)
            .On("POST /api/v4/projects/acme%2Ffaq/pipeline", 400, """{"message":{"base":["Insufficient permissions to set pipeline variables"]}}""")
            .On("POST /api/v4/projects/acme%2Ffaq/pipeline", 201, """{"id":61}""")
            .On("POST /api/v4/projects/9/trigger/pipeline", 201, """{"id":62}""");
        await JenkinsAsync(server);
        foreach (var (name, system, target, secret) in ((string, string, string, string)[])[("a", "circleci", "gh/acme/faq", Secret), ("b", "travis", "acme/faq", Secret), ("c", "github", "acme/faq", Secret), ("d", "gitlab", "acme/faq", Secret), ("e", "gitlab", "9", "glptt-1")])
            await server.Client.ConnectCiAsync("p", name, new NewCiConnection(system, target, secret, Ci.Url), default);
        var commit = await PushAsync(server, "-o", "ci.skip");
        foreach (var name in (string[])["nightly", "a", "b", "c", "d", "e"]) await server.Service<CiService>().StartJobAsync("p", name, "quality", commit, "main", "ann", default);

        await server.Service<CiDispatcher>().PassAsync(default);

        Assert.All(await BuildsAsync(server), b => Assert.Equal(("triggered", "quality", null), (b.State, b.Job, b.Error)));
        List<string> Bodies(string path) => [.. Ci.Asked.Where(a => a.Path == path).Select(a => Uri.UnescapeDataString(a.Body))];
        Assert.Contains("PILOTHOUSE_CI_JOB=quality", Bodies($"{Job}/buildWithParameters").Single());
        Assert.Equal(["""{"branch":"main","parameters":{"pilothouse_job":"quality"}}""", """{"branch":"main"}"""], Bodies("/api/v2/project/gh/acme/faq/pipeline"));
        Assert.Contains(""""merge_mode":"deep_merge_append","config":{"env":{"global":["PILOTHOUSE_CI_JOB=quality"]}}"""", Ci.Asked.Single(a => a.Path.EndsWith("/requests", StringComparison.Ordinal)).Body);
        Assert.Contains("\"job\":\"quality\"", Bodies("/repos/acme/faq/dispatches").Single());
        Assert.Equal(["ref=main&variables[][key]=PILOTHOUSE_CI_JOB&variables[][value]=quality", "ref=main"], Ci.Asked.Where(a => a.Path.StartsWith("/api/v4/projects/acme", StringComparison.Ordinal)).Select(a => Uri.UnescapeDataString(a.Body)));
        Assert.Contains("variables[PILOTHOUSE_CI_JOB]=quality", Bodies("/api/v4/projects/9/trigger/pipeline").Single());
    }

    [Fact]
    public async Task A_push_with_ci_skip_or_to_another_branch_starts_nothing()
    {
        await using var server = await ServerAsync("sqlite");
        await JenkinsAsync(server, "release/*");
        await PushAsync(server);
        await JenkinsAsync(server, "*");
        await PushAsync(server, "-o", "ci.skip");
        var commit = await PushAsync(server);
        await Eventually.TrueAsync(async () => (await server.Client.ListCiBuildsAsync("p", 10, default)).Any(b => b.Commit == commit)); // events come in order
        Assert.Single(await server.Client.ListCiBuildsAsync("p", 10, default));
    }

    [Theory, DatabaseData]
    public async Task Credentials_are_sealed_at_rest_and_never_shown(string kind)
    {
        await using var server = await ServerAsync(kind);
        await JenkinsAsync(server);
        var shown = await server.Http.GetStringAsync(new Uri("api/v1/projects/p/ci/connections", UriKind.Relative));
        Assert.DoesNotContain(Secret, shown);
        Assert.Contains("\"name\":\"nightly\"", shown);
        foreach (var file in Directory.EnumerateFiles(server.DataPath, "*", SearchOption.AllDirectories).Where(f => Path.GetFileName(f).StartsWith("pilothouse.db", StringComparison.Ordinal)))
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var memory = new MemoryStream();
            await stream.CopyToAsync(memory);
            Assert.Equal(-1, memory.ToArray().AsSpan().IndexOf(Encoding.UTF8.GetBytes(Secret)));
        }
        await server.Client.DisconnectCiAsync("p", "nightly", default);
        Assert.Empty(await server.Client.ListCiConnectionsAsync("p", default));
        await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.DisconnectCiAsync("p", "nightly", default));
    }

    [Fact]
    public async Task Hostile_connections_are_refused_by_name()
    {
        await using var server = await ServerAsync("sqlite");
        foreach (var (connection, says) in ((NewCiConnection, string)[])
        [
            (new("bamboo", "x", Secret), "one of jenkins"),
            (new("jenkins", "x", Secret), "Say where jenkins is"),
            (new("jenkins", "x", Secret, "http://h"), "needs the user"),
            (new("jenkins", "../x", Secret, "http://h", "ann"), "The target is"),
            (new("github", "a b/c", Secret), "The target is"),
            (new("github", "a/b", "line\r\nX-Evil: 1"), "printable ASCII"),
            (new("github", "a/b", Secret, "file:///etc/passwd"), "http or https"),
            (new("github", "a/b", Secret, "https://u:p@h"), "without user"),
        ])
            Assert.Contains(says, (await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.ConnectCiAsync("p", "n", connection, default))).Message);
        await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.ConnectCiAsync("p", "no/name", new("github", "a/b", Secret), default));
        Assert.Empty(await server.Client.ListCiConnectionsAsync("p", default));
    }

    private Task<CiConnection> JenkinsAsync(TestServer server, string branches = "*") =>
        server.Client.ConnectCiAsync("p", "nightly", new NewCiConnection("jenkins", "team/faq", Secret, Ci.Url, "ann", null, [branches]), default);

    private static Task<string> PushAsync(TestServer server, params string[] options) => StatusTests.PushAsync(server, "p", options);

    /// <summary>The only build, followed to its end.</summary>
    private async Task<CiBuild> EndAsync(TestServer server) => Assert.Single(await FollowAsync(server, 1));

    /// <summary>Waits for the builds of a push, then looks at them often enough for any of these tests.</summary>
    private async Task<IReadOnlyList<CiBuild>> FollowAsync(TestServer server, int count)
    {
        await Eventually.TrueAsync(async () => (await server.Client.ListCiBuildsAsync("p", 10, default)).Count == count);
        for (var pass = 0; pass < 12; pass++)
        {
            await server.Service<CiDispatcher>().PassAsync(default);
            Time.Advance(TimeSpan.FromMinutes(2));
        }
        return await server.Client.ListCiBuildsAsync("p", 10, default);
    }
}
