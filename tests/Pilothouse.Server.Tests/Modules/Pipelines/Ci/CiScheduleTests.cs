using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Ci.Schedules;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Pipelines.Ci;

/// <summary>Rounds of schedules, on a clock that the tests move. A Jenkins elsewhere runs the jobs.</summary>
public sealed class CiScheduleTests : CiTestBase
{
    private const string Nightly = "apiVersion: pilothouse/v1\nproject: p\nci:\n  nightly: { runner: jenkins, on: { schedule: \"0 3 * * *\" } }\n";

    [Theory, DatabaseData]
    public async Task A_round_starts_the_job_once_however_many_servers_look_and_missed_rounds_are_one(string kind)
    {
        var server = await ServerAsync(kind);
        await server.Client.ConnectCiAsync("p", "jenkins", new NewCiConnection("jenkins", "faq", "token", Ci.Url, "ann", Builds: false), default);
        var commit = await StatusTests.PushFileAsync(server, "p", "pilothouse.yaml", Nightly);
        await KnownAsync(server, 1);
        var schedule = (await server.Client.ListCiSchedulesAsync("p", default))[0];
        Assert.Equal(("nightly", "0 3 * * *", "main", At("2026-11-26T03:00:00Z")), (schedule.Job, schedule.Cron, schedule.Branch, schedule.NextMs));
        Assert.Empty(await JobsAsync(server)); // the push itself starts nothing

        Time.Advance(TimeSpan.FromHours(17)); // 03:00
        var loop = server.Service<CiScheduleLoop>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => loop.PassAsync(default)));
        var job = Assert.Single(await JobsAsync(server));
        Assert.Equal(("nightly", "schedule", commit, "main"), (job.Name, job.Cause, job.Commit, job.Ref));
        Assert.Equal(At("2026-11-27T03:00:00Z"), (await server.Client.ListCiSchedulesAsync("p", default))[0].NextMs);
        await server.Client.CancelCiJobAsync("p", job.Id, default);

        Time.Advance(TimeSpan.FromDays(5)); // nobody looks, as when no server runs
        server = await server.RestartAsync(Customize);
        await using var next = server;
        await Eventually.TrueAsync(async () => (await JobsAsync(server)).Count == 2);
        await server.Service<CiScheduleLoop>().PassAsync(default);
        Assert.Equal(2, (await JobsAsync(server)).Count);
        Assert.Equal(At("2026-12-02T03:00:00Z"), (await server.Client.ListCiSchedulesAsync("p", default))[0].NextMs);
    }

    [Fact]
    public async Task Schedules_follow_the_default_branch_and_a_round_that_cannot_start_says_why()
    {
        await using var server = await ServerAsync("sqlite");
        var file = Nightly + "  other: { runner: jenkins, on: { schedule: [\"0 4 * * *\", { cron: \"0 5 * * *\", branch: gone }] } }\n";
        await StatusTests.PushFileAsync(server, "p", "pilothouse.yaml", file, "-o", "ci.skip");
        await KnownAsync(server, 3);
        Time.Advance(TimeSpan.FromHours(20));
        await server.Service<CiScheduleLoop>().PassAsync(default);

        var gone = (await server.Client.ListCiSchedulesAsync("p", default)).Single(s => s.Branch == "gone");
        Assert.Contains("gone", gone.Error);
        Assert.Equal(At("2026-11-27T05:00:00Z"), gone.NextMs);
        Assert.Equal(["nightly", "other"], (await JobsAsync(server)).Select(j => j.Name).Order()); // without a connection they end as errors

        await StatusTests.PushFileAsync(server, "p", "pilothouse.yaml", "apiVersion: pilothouse/v1\nproject: p\nci: { bad: 1 }\n");
        await StatusTests.PushFileAsync(server, "p", "pilothouse.yaml", Nightly);
        await KnownAsync(server, 1);
        await StatusTests.PushFileAsync(server, "p", "pilothouse.yaml", "apiVersion: pilothouse/v1\nproject: p\n");
        await KnownAsync(server, 0);
    }

    private static Task KnownAsync(TestServer server, int count) => Eventually.TrueAsync(async () => (await server.Client.ListCiSchedulesAsync("p", default)).Count == count);

    private static Task<IReadOnlyList<CiJob>> JobsAsync(TestServer server) => server.Client.ListCiJobsAsync("p", null, 100, default);

    private static long At(string time) => DateTimeOffset.Parse(time, System.Globalization.CultureInfo.InvariantCulture).ToUnixTimeMilliseconds();
}
