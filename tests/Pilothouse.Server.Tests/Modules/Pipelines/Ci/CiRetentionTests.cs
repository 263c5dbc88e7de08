using Microsoft.Extensions.Options;
using Pilothouse.Data;
using Pilothouse.Server.Modules.Pipelines;
using Pilothouse.Server.Modules.Pipelines.Ci;
using Pilothouse.Server.Modules.Pipelines.Ci.Jobs;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Pipelines.Ci;

public sealed class CiRetentionTests : CiTestBase
{
    private static readonly string Released = new('a', 40);
    private static readonly string Evaluated = new('b', 40);
    private static readonly string Forgotten = new('c', 40);
    private static readonly string Busy = new('d', 40);

    private int _id;

    [Theory, DatabaseData]
    public async Task What_is_old_goes_and_of_what_a_head_a_release_or_an_evaluation_stands_on_the_newest_stays(string kind)
    {
        await using var server = await ServerAsync(kind);
        var past = await StatusTests.PushAsync(server, "p");
        var head = await StatusTests.PushAsync(server, "p");
        await server.Service<Db>().WriteAsync(async s =>
        {
            await s.ExecuteAsync("INSERT INTO pkg_release (digest, project, commit_id, commit_subject, size, components, created_by, created_ms) VALUES ('sha256:1', 'p', @Released, '', 1, '[]', 'ann', 1)", new { Released });
            await s.ExecuteAsync("INSERT INTO evl_evaluation (id, project, commit_id, baseline_commit, request, status, cases, done, created_by, created_ms) VALUES ('1', 'p', @past, @Evaluated, '{}', 'finished', 0, 0, 'ann', 1)", new { past = new string('e', 40), Evaluated });
            foreach (var commit in (string[])[past, head, Released, Evaluated, Forgotten, Busy])
                for (var round = 0; round < 2; round++)
                {
                    await JobAsync(s, commit, "lint", "success");
                    await BuildAsync(s, commit);
                }
            await JobAsync(s, Busy, "quality", CiJobRow.Running);
            await BuildAsync(s, null);
            await s.ExecuteAsync("INSERT INTO pip_delivery (project, connection, id, received_ms) VALUES ('p', 'c', 'd', @now)", new { now = Now });
            return true;
        }, default);

        Assert.Equal(0, (await server.Service<CiRetention>().PassAsync(default)).Total);
        Assert.Equal((13, 13, 13, 1), await CountAsync(server));
        Time.Advance(TimeSpan.FromDays(91)); // the server's own loop looks too
        await server.Service<Db>().WriteAsync(s => JobAsync(s, Forgotten, "young", "failure"), default);
        await server.Service<CiRetention>().PassAsync(default);

        await Eventually.TrueAsync(async () => await CountAsync(server) == (7, 7, 13, 0));
        Assert.Equal([.. new[] { $"{Busy} lint", $"{Busy} lint", $"{Busy} quality", $"{Evaluated} lint", $"{Forgotten} young", $"{Released} lint", $"{head} lint" }.Order(StringComparer.Ordinal)], await JobsAsync(server));
        Time.Advance(TimeSpan.FromDays(90));
        await server.Service<CiRetention>().PassAsync(default);
        await Eventually.TrueAsync(async () => await CountAsync(server) == (7, 7, 3, 0)); // one of the head, of the release and of the evaluation
    }

    [Theory]
    [InlineData("KeepJobs", "23:00:00")]
    [InlineData("KeepBuilds", "4000.00:00:00")]
    [InlineData("KeepDeliveries", "00:00:00")]
    public async Task Durations_out_of_bounds_keep_the_server_from_starting(string option, string value)
    {
        var error = await Assert.ThrowsAnyAsync<OptionsValidationException>(() => TestServer.StartAsync("sqlite", builder =>
            Microsoft.Extensions.Configuration.MemoryConfigurationBuilderExtensions.AddInMemoryCollection(builder.Configuration, new Dictionary<string, string?> { ["Pipelines:" + option] = value })));
        Assert.Contains($"Pipelines:{option} must be between", error.Message);
    }

    private long Now => Time.GetUtcNow().ToUnixTimeMilliseconds();

    private static Task<(long, long, long, long)> CountAsync(TestServer server) => server.Service<Db>().ReadAsync(async s => (
        await s.ScalarAsync<long>("SELECT COUNT(*) FROM pip_ci_job"), await s.ScalarAsync<long>("SELECT COUNT(*) FROM pip_job"),
        await s.ScalarAsync<long>("SELECT COUNT(*) FROM pip_build"), await s.ScalarAsync<long>("SELECT COUNT(*) FROM pip_delivery")), default);

    private static async Task<List<string>> JobsAsync(TestServer server) =>
        [.. (await server.Service<CiJobStore>().ListAsync("p", null, 100, default)).Select(j => $"{j.CommitId} {j.Name}").Order(StringComparer.Ordinal)];

    private async Task<bool> JobAsync(DbSession s, string commit, string name, string state)
    {
        var (id, command) = ($"{++_id:0000}", $"j{_id:0000}");
        var ended = state == CiJobRow.Running ? (long?)null : Now;
        await s.ExecuteAsync("""
            INSERT INTO pip_ci_job (id, project, commit_id, build_ref, name, cause, runner, state, required, needs, timeout_ms, job_id, artifacts, created_by, created_ms, finished_ms)
            VALUES (@id, 'p', @commit, 'main', @name, 'push', 'builtin', @state, 1, '[]', 1, @command, '[]', 'ann', @Now, @ended)
            """, new { id, commit, name, state, command, Now, ended });
        await s.ExecuteAsync("""
            INSERT INTO pip_job (id, name, project, command, variables, timeout_ms, on_crash, status, attempts, not_before_ms, cancel_requested, heartbeat_ms, created_by, created_ms, finished_ms)
            VALUES (@command, 'ci', 'p', '[]', '{}', 1, 'fail', @status, 1, 0, 0, 0, 'ann', @Now, @ended)
            """, new { command, Now, ended, status = ended is null ? "running" : "succeeded" });
        return true;
    }

    private Task<int> BuildAsync(DbSession s, string? commit) =>
        CiStore.InsertAsync(s, new BuildRow { Id = $"{++_id:0000}", Project = "p", Connection = "c", System = "jenkins", Cause = "push", CommitId = commit, BuildRef = "main", State = "success", CreatedMs = Now, UpdatedMs = Now });
}
