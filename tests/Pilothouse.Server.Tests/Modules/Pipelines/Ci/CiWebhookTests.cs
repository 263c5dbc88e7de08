using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Ci;
using Pilothouse.Server.Modules.Pipelines.Ci.Webhooks;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Pipelines.Ci;

/// <summary>Deliveries in the form and with the signature that each system documents.</summary>
public sealed class CiWebhookTests : CiTestBase
{
    private const string Secret = "a-webhook-secret-of-tests";
    private const string Token = "api-token";

    // https://circleci.com/docs/webhooks/#validate-webhooks
    [Theory]
    [InlineData("hello world", "secret", "734cc62f32841568f45715aeb9f4d7891324e6d948e4c6c60c0621cdac48623a")]
    [InlineData("lalala", "another-secret", "daa220016c8f29a8b214fbfc3671aeec2145cfb1e6790184ffb38b6d0425fa00")]
    [InlineData("an-important-request-payload", "hunter123", "9be2242094a9a8c00c64306f382a7f9d691de910b4a266f67bd314ef18ac49fa")]
    [InlineData("foo", "secret", "773ba44693c7553d6ee20f61ea5d2757a9a4f4a44d2841ae4e95b52e4cd62db4")]
    public void CircleCIs_published_vectors_fit(string body, string secret, string signature)
    {
        var signatures = new HookSignatures(Time);
        bool Fits(string header) => signatures.Fits("circleci", secret, Request(body, ("circleci-signature", header)));
        Assert.True(Fits("v1=" + signature));
        Assert.True(Fits($"v2=00,v1={signature}"));
        Assert.False(Fits("v1=" + signature[..^1] + (signature[^1] == '0' ? '1' : '0')));
        Assert.False(Fits(signature));
        Assert.False(Fits(""));
    }

    [Fact]
    public void GitLabs_signing_token_covers_id_andTime_and_is_never_taken_as_a_plain_token()
    {
        var signatures = new HookSignatures(Time);
        var key = RandomNumberGenerator.GetBytes(24);
        var (secret, at) = ("whsec_" + Convert.ToBase64String(key), Time.GetUtcNow().ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture));
        string Sign(string id, string time) => "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{id}.{time}.{{}}")));
        bool Fits(string id, string time, string signature) => signatures.Fits("gitlab", secret, Request("{}", ("webhook-id", id), ("webhook-timestamp", time), ("webhook-signature", signature)));
        Assert.True(Fits("1", at, "v1,AAAA " + Sign("1", at)));
        Assert.False(Fits("2", at, Sign("1", at)));
        Assert.False(Fits("", at, Sign("", at)));
        var old = Time.GetUtcNow().AddMinutes(-6).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        Assert.False(Fits("1", old, Sign("1", old)));
        Assert.False(signatures.Fits("gitlab", secret, Request("{}", ("X-Gitlab-Token", secret))));
        Assert.True(signatures.Fits("gitlab", "plain-token-of-a-hook", Request("{}", ("X-Gitlab-Token", "plain-token-of-a-hook"))));
    }

    [Theory, DatabaseData]
    public async Task GitHub_tells_the_end_of_a_run_that_the_dispatch_did_not_name(string kind)
    {
        await using var server = await ServerAsync(kind);
        await ConnectAsync(server, "github", "acme/faq");
        Ci.On("POST /repos/acme/faq/dispatches", 204);
        var commit = await StatusTests.PushAsync(server, "p");
        await Eventually.TrueAsync(async () => (await BuildsAsync(server)).Count == 1);
        await server.Service<CiDispatcher>().PassAsync(default);
        var build = Assert.Single(await BuildsAsync(server));
        string Run(string status, string conclusion, string cause = "repository_dispatch") => $$$"""{"action":"x","workflow_run":{"id":7,"event":"{{{cause}}}","head_sha":"{{{new string('a', 40)}}}","head_branch":"main","status":"{{{status}}}","conclusion":{{{conclusion}}},"html_url":"https://github.example/acme/faq/actions/runs/7","display_title":"Pilothouse build {{{build.Id}}}"}}""";

        Assert.Equal("ignored", (await GitHubAsync(server, Run("completed", "\"success\"", "push"), "d-0")).Result); // a commit whose message names the build
        Assert.Equal("applied", (await GitHubAsync(server, Run("in_progress", "null"), "d-1")).Result);
        Assert.Equal("running", Assert.Single(await BuildsAsync(server)).State);
        var end = Run("completed", "\"failure\"");
        Assert.Equal("applied", (await GitHubAsync(server, end, "d-2")).Result);
        Assert.Equal("duplicate", (await GitHubAsync(server, end, "d-3")).Result); // the same bytes under another name
        Assert.Equal("duplicate", (await GitHubAsync(server, Run("completed", "\"success\""), "d-2")).Result); // other bytes under a known name
        Assert.Equal("unchanged", (await GitHubAsync(server, Run("in_progress", "null") + " ", "d-4")).Result); // came late
        Assert.Equal("ignored", (await GitHubAsync(server, """{"zen":"Design for failure."}""", "d-5", "ping")).Result);

        var told = Assert.Single(await BuildsAsync(server));
        Assert.Equal(("failure", "https://github.example/acme/faq/actions/runs/7", commit), (told.State, told.Url, told.Commit));
        var status = Assert.Single(await server.Client.ListCommitStatusesAsync("p", commit, default));
        Assert.Equal(("pilothouse/c", "failure", told.Url), (status.Context, status.State, status.TargetUrl));
    }

    [Theory, DatabaseData]
    public async Task A_delivery_that_is_not_signed_changes_nothing_and_learns_nothing(string kind)
    {
        await using var server = await ServerAsync(kind);
        await ConnectAsync(server, "jenkins", "faq");
        var commit = await StatusTests.PushAsync(server, "p", "-o", "ci.skip");
        var body = Jenkins(4, commit, "COMPLETED", "SUCCESS");
        var answers = new List<string>();
        foreach (var (path, headers) in ((string, (string, string)[])[])
        [
            (Hook("c"), []), (Hook("c") + "?token=wrong", []), (Hook("c"), [("X-Hub-Signature-256", "sha256=" + new string('0', 64))]), (Hook("c"), [("Authorization", "Bearer " + Token)]),
            (Hook("no-such"), [("X-Pilothouse-Token", Secret)]), (Hook("c").Replace("/p/", "/q/", StringComparison.Ordinal), [("X-Pilothouse-Token", Secret)]),
        ])
        {
            using var response = await SendAsync(server, path, body, headers);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            answers.Add(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }
        Assert.Single(answers.Distinct());
        Assert.Contains("PILOTHOUSE_CI_WEBHOOK_SECRET", answers[0]);
        Assert.Empty(await BuildsAsync(server));
        Assert.Empty(await server.Client.ListCommitStatusesAsync("p", commit, default));

        using var accepted = await SendAsync(server, Hook("c"), body, ("X-Pilothouse-Token", Secret)); // what was refused was not noted as seen
        Assert.Contains("applied", await accepted.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_build_that_the_system_began_by_itself_stands_at_its_commit_when_that_is_here()
    {
        await using var server = await ServerAsync("sqlite");
        await ConnectAsync(server, "jenkins", "faq");
        var commit = await StatusTests.PushAsync(server, "p", "-o", "ci.skip");
        foreach (var (phase, status) in ((string, string)[])[("QUEUED", ""), ("STARTED", ""), ("COMPLETED", "UNSTABLE"), ("FINALIZED", "UNSTABLE")])
            (await SendAsync(server, Hook("c"), Jenkins(4, commit, phase, status), ("X-Pilothouse-Token", Secret))).EnsureSuccessStatusCode().Dispose();
        using var elsewhere = await SendAsync(server, Hook("c"), Jenkins(5, new string('b', 40), "STARTED", ""), ("X-Pilothouse-Token", Secret));
        Assert.Contains("not in this repository", await elsewhere.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));

        var build = Assert.Single(await BuildsAsync(server));
        Assert.Equal(("webhook", "failure", "https://jenkins.example/job/faq/4/"), (build.Cause, build.State, build.Url));
        Assert.Equal(("failure", "Its result is UNSTABLE."), Assert.Single((await server.Client.ListCommitStatusesAsync("p", commit, default)).Select(s => (s.State, s.Description!))));
    }

    [Fact]
    public async Task Travis_signs_with_a_key_that_its_API_tells_and_that_may_change()
    {
        await using var server = await ServerAsync("sqlite");
        await ConnectAsync(server, "travis", "acme/faq", hook: null);
        using var first = RSA.Create(2048);
        using var second = RSA.Create(2048);
        string Config(RSA key) => System.Text.Json.JsonSerializer.Serialize(new { config = new { notifications = new { webhook = new { public_key = key.ExportSubjectPublicKeyInfoPem() } } } });
        Ci.On("GET /config", 200, Config(first)).On("GET /config", 200, Config(second));
        var commit = await StatusTests.PushAsync(server, "p", "-o", "ci.skip");
        async Task<HttpStatusCode> SendAsync(RSA key, string state, int number, string owner = "Acme")
        {
            var payload = $$"""{"id":{{number}},"state":"{{state}}","build_url":"https://travis.example/builds/{{number}}","commit":"{{commit}}","branch":"main","message":"caf\u00e9 + more & = %","repository":{"id":7,"owner_name":"{{owner}}","name":"faq"} }""";
            var signature = Convert.ToBase64String(key.SignData(Encoding.UTF8.GetBytes(payload), HashAlgorithmName.SHA1, RSASignaturePadding.Pkcs1));
            using var response = await this.SendAsync(server, Hook("c"), "payload=" + Uri.EscapeDataString(payload), ("Signature", signature));
            return response.StatusCode;
        }

        Assert.Equal(HttpStatusCode.OK, await SendAsync(first, "started", 1));
        Assert.Equal(HttpStatusCode.OK, await SendAsync(first, "passed", 1));
        Assert.Equal(HttpStatusCode.Unauthorized, await SendAsync(first, "failed", 1, owner: "fork")); // Travis' signature, but another's repository
        Assert.Single(Ci.Asked, a => a.Path == "/config");
        Assert.Equal(HttpStatusCode.Unauthorized, await SendAsync(second, "failed", 1)); // a key that is fresh is not fetched for every forger
        Assert.Single(Ci.Asked, a => a.Path == "/config");
        Assert.Equal("success", Assert.Single(await BuildsAsync(server)).State);
        Time.Advance(TimeSpan.FromMinutes(6));
        Assert.Equal(HttpStatusCode.OK, await SendAsync(second, "failed", 1));
        Assert.Equal("failure", Assert.Single(await BuildsAsync(server)).State);
    }

    [Fact]
    public async Task CircleCI_tells_of_workflows_and_is_asked_whether_all_have_ended()
    {
        await using var server = await ServerAsync("sqlite");
        await ConnectAsync(server, "circleci", "gh/acme/faq");
        const string pipeline = "5034460f-c7c4-4c43-9457-de07e2029e7b";
        Ci.On("POST /api/v2/project/gh/acme/faq/pipeline", 201, $$"""{"id":"{{pipeline}}"}""")
            .On($"GET /api/v2/pipeline/{pipeline}/workflow", 200, """{"items":[{"status":"success"},{"status":"running"}]}""")
            .On($"GET /api/v2/pipeline/{pipeline}/workflow", 200, """{"items":[{"status":"success"},{"status":"success"}]}""");
        await StatusTests.PushAsync(server, "p");
        await Eventually.TrueAsync(async () => (await BuildsAsync(server)).Count == 1);
        await server.Service<CiDispatcher>().PassAsync(default);
        foreach (var expected in (string[])["running", "success"])
        {
            var body = $$"""{"id":"{{Guid.NewGuid()}}","type":"workflow-completed","workflow":{"id":"w","status":"success","url":"https://app.circleci.com/x"},"pipeline":{"id":"{{pipeline}}","vcs":{"revision":"{{new string('c', 40)}}","branch":"main"} } }""";
            (await SendAsync(server, Hook("c"), body, ("circleci-signature", "v1=" + Hmac(body)))).EnsureSuccessStatusCode().Dispose();
            await server.Service<CiDispatcher>().PassAsync(default); // no wait: it is due at once
            Assert.Equal(expected, Assert.Single(await BuildsAsync(server)).State);
        }
    }

    [Fact]
    public async Task Hostile_bodies_are_refused_and_the_server_stays_up()
    {
        await using var server = await ServerAsync("sqlite");
        await ConnectAsync(server, "github", "acme/faq");
        foreach (var (body, expected) in ((string, HttpStatusCode)[])
        [
            ("", HttpStatusCode.BadRequest), ("{", HttpStatusCode.BadRequest), ("[]", HttpStatusCode.BadRequest), (new string('[', 5000), HttpStatusCode.BadRequest), ("{\"workflow_run\":[1]}", HttpStatusCode.OK),
            ("{\"workflow_run\":{\"id\":{},\"head_sha\":\"../../x\",\"html_url\":\"javascript:alert(1)\",\"status\":\"completed\",\"conclusion\":7}}", HttpStatusCode.OK),
            (new string('x', HookRequest.MaxBody + 1), HttpStatusCode.RequestEntityTooLarge),
        ])
        {
            using var response = await SendAsync(server, Hook("c"), body, ("X-GitHub-Event", "workflow_run"), ("X-Hub-Signature-256", "sha256=" + Hmac(body)));
            Assert.Equal(expected, response.StatusCode);
        }
        Assert.Empty(await BuildsAsync(server));
    }

    private static string Hook(string name) => $"/api/v1/projects/p/ci/connections/{name}/webhook";

    private static string Jenkins(int number, string commit, string phase, string status) =>
        $$$"""{"name":"faq","url":"job/faq/","build":{"number":{{{number}}},"phase":"{{{phase}}}","status":"{{{status}}}","full_url":"https://jenkins.example/job/faq/{{{number}}}/","scm":{"commit":"{{{commit}}}","branch":"origin/main"} } }""";

    private static string Hmac(string body) => Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Secret), Encoding.UTF8.GetBytes(body)));

    private static HookRequest Request(string body, params (string Name, string Value)[] headers) =>
        new(headers.ToDictionary(h => h.Name, h => h.Value, StringComparer.OrdinalIgnoreCase), null, Encoding.UTF8.GetBytes(body));

    private async Task<HttpResponseMessage> SendAsync(TestServer server, string path, string body, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body) };
        foreach (var (name, value) in headers) request.Headers.TryAddWithoutValidation(name, value);
        return await server.Http.SendAsync(request, TestContext.Current.CancellationToken);
    }

    private async Task<CiHookAnswer> GitHubAsync(TestServer server, string body, string delivery, string kind = "workflow_run")
    {
        using var response = await SendAsync(server, Hook("c"), body, ("X-GitHub-Event", kind), ("X-GitHub-Delivery", delivery), ("X-Hub-Signature-256", "sha256=" + Hmac(body)));
        return System.Text.Json.JsonSerializer.Deserialize<CiHookAnswer>(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync(), PilothouseClient.Json)!;
    }

    private Task<CiConnection> ConnectAsync(TestServer server, string system, string target, string? hook = Secret) =>
        server.Client.ConnectCiAsync("p", "c", new NewCiConnection(system, target, Token, Ci.Url, system == "jenkins" ? "ann" : null, WebhookSecret: hook), default);
}
