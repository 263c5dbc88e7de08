using System.Data.Common;
using System.Text;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Ci;
using Pilothouse.Server.Modules.Pipelines.Ci.Jobs;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Pipelines.Ci;

/// <summary>
/// The end of a job or build and the status of its commit are one write: a server that dies in between would leave the check pending for ever, and a branch that asks for it closed. Here the table of statuses
/// is away while the end is to be written.
/// </summary>
public sealed class CiStatusCrashTests : CiTestBase
{
    private const string Secret = "a-webhook-secret-of-tests";

    [Theory, DatabaseData]
    public async Task A_job_ends_only_together_with_its_status(string kind)
    {
        await using var server = await ServerAsync(kind);
        await server.Client.ConnectCiAsync("p", "c", new NewCiConnection("jenkins", "faq", "token", Ci.Url, "ann", Builds: false), default);
        var commit = await StatusTests.PushFileAsync(server, "p", "pilothouse.yaml", "apiVersion: pilothouse/v1\nproject: p\nci: { lint: { runner: c } }\n");
        await Eventually.TrueAsync(async () => (await server.Client.ListCiJobsAsync("p", commit, 10, default)).Any(j => j.State == "queued") && (await BuildsAsync(server)).Count == 1);
        await ExecuteAsync(server, "UPDATE pip_build SET state = 'success'");

        await WithoutStatusesAsync(server, () => Assert.ThrowsAnyAsync<DbException>(() => server.Service<CiJobLoop>().PassAsync(default)));
        await server.Service<CiJobLoop>().PassAsync(default);

        Assert.Equal("success", Assert.Single(await server.Client.ListCiJobsAsync("p", commit, 10, default)).State);
        Assert.Equal(("pilothouse/ci/lint", "success"), await StatusAsync(server, commit));
    }

    [Theory, DatabaseData]
    public async Task A_build_ends_only_together_with_its_status(string kind)
    {
        await using var server = await ServerAsync(kind);
        await server.Client.ConnectCiAsync("p", "c", new NewCiConnection("jenkins", "faq", "token", Ci.Url, "ann"), default);
        Ci.On("POST /job/faq/buildWithParameters", 201, "", ("Location", Ci.Url + "/queue/item/7/")).On("GET /queue/item/7/api/json", 200, """{"cancelled":true}""");
        var commit = await StatusTests.PushAsync(server, "p");
        await Eventually.TrueAsync(async () => (await BuildsAsync(server)).Count == 1);
        var dispatcher = server.Service<CiDispatcher>();
        await dispatcher.PassAsync(default);
        Assert.Equal(("pilothouse/c", "pending"), await StatusAsync(server, commit));

        Time.Advance(TimeSpan.FromMinutes(1));
        await WithoutStatusesAsync(server, () => Assert.ThrowsAnyAsync<DbException>(() => dispatcher.PassAsync(default)));
        Time.Advance(TimeSpan.FromMinutes(5)); // the lease of the pass that failed ends
        await dispatcher.PassAsync(default);

        Assert.Equal("cancelled", Assert.Single(await BuildsAsync(server)).State);
        Assert.Equal(("pilothouse/c", "error"), await StatusAsync(server, commit));
    }

    [Theory, DatabaseData]
    public async Task A_delivery_whose_status_could_not_be_written_counts_when_it_comes_again(string kind)
    {
        await using var server = await ServerAsync(kind);
        await server.Client.ConnectCiAsync("p", "c", new NewCiConnection("jenkins", "faq", "token", Ci.Url, "ann", WebhookSecret: Secret), default);
        var commit = await StatusTests.PushAsync(server, "p");
        await Eventually.TrueAsync(async () => (await BuildsAsync(server)).Count == 1);
        var build = (await BuildsAsync(server))[0].Id;

        await WithoutStatusesAsync(server, async () => Assert.DoesNotContain("applied", await DeliverAsync(server, build)));
        Assert.Contains("applied", await DeliverAsync(server, build));

        Assert.Equal("success", Assert.Single(await BuildsAsync(server)).State);
        Assert.Equal(("pilothouse/c", "success"), await StatusAsync(server, commit));
    }

    private static async Task<string> DeliverAsync(TestServer server, string build)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/v1/projects/p/ci/connections/c/webhook")
        {
            Content = new StringContent($$$"""{"name":"faq","build":{"number":12,"phase":"COMPLETED","status":"SUCCESS","parameters":{"PILOTHOUSE_BUILD":"{{{build}}}"} } }""", Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("X-Pilothouse-Token", Secret);
        using var response = await server.Http.SendAsync(request);
        return await response.Content.ReadAsStringAsync();
    }

    private static async Task<(string Context, string State)> StatusAsync(TestServer server, string commit)
    {
        var status = Assert.Single(await server.Client.ListCommitStatusesAsync("p", commit, default));
        return (status.Context, status.State);
    }

    private static async Task WithoutStatusesAsync(TestServer server, Func<Task> work)
    {
        await ExecuteAsync(server, "ALTER TABLE pip_status RENAME TO pip_status_away");
        await work();
        await ExecuteAsync(server, "ALTER TABLE pip_status_away RENAME TO pip_status");
    }

    private static Task<int> ExecuteAsync(TestServer server, string sql) => server.Service<Db>().WriteAsync(s => s.ExecuteAsync(sql), default);
}
