using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Capture;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking.Capture;

/// <summary>The server's side of a captured run, over HTTP: everything may come twice, late, or never again.</summary>
public class CaptureTests
{
    private const string Id = "0123456789abcdef0123456789abcdef";
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    [Theory, DatabaseData]
    public async Task A_run_made_twice_with_one_id_is_one_run(string kind)
    {
        await using var server = await StartAsync(kind);
        var run = new NewRun("new experiment", null, "ann", 5, new Dictionary<string, string> { ["team"] = "nlp" });

        var first = await PutAsync(server, Id, run);
        var second = await PutAsync(server, Id, run);

        Assert.Equal(first, second);
        var found = Assert.Single((await server.Client.SearchRunsAsync([first.ExperimentId], null, [], 10, null, default)).Items);
        Assert.Equal((Id, "RUNNING", "nlp", first.Name), (found.Id, found.Status, found.Tags["team"], found.Name));
    }

    [Theory]
    [InlineData("bad id!", "x")]
    [InlineData("a%2Fb", "x")]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0", "x")]
    [InlineData(Id, "")]
    public async Task A_run_with_a_wrong_id_or_no_experiment_is_refused(string id, string experiment)
    {
        await using var server = await StartAsync("sqlite");

        using var answer = await server.Http.PutAsJsonAsync($"api/v1/runs/{id}", new NewRun(experiment, null, "ann", 5, null), PilothouseClient.Json);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
    }

    [Theory, DatabaseData]
    public async Task A_run_whose_heartbeat_stopped_is_killed_at_the_last_one_and_revived_by_the_next(string kind)
    {
        await using var server = await StartAsync(kind);
        await PutAsync(server, Id, new NewRun("e", null, "ann", 5, null));
        await BeatAsync(server, Id, 1000);
        var last = _time.GetUtcNow().ToUnixTimeMilliseconds();

        _time.Advance(TimeSpan.FromMilliseconds(4000));
        await RoundAsync(server);
        Assert.Equal("RUNNING", (await server.Client.GetRunAsync(Id, default)).Run.Status);

        _time.Advance(TimeSpan.FromMilliseconds(1));
        await RoundAsync(server);
        var killed = (await server.Client.GetRunAsync(Id, default)).Run;
        Assert.Equal(("KILLED", last), (killed.Status, killed.EndMs));
        Assert.StartsWith("heartbeat lost", killed.Tags["pilothouse.end_reason"], StringComparison.Ordinal);

        Assert.Equal("RUNNING", await BeatAsync(server, Id, 1000));
        var alive = (await server.Client.GetRunAsync(Id, default)).Run;
        Assert.Equal(("RUNNING", null, false), (alive.Status, alive.EndMs, alive.Tags.ContainsKey("pilothouse.end_reason")));
    }

    [Fact]
    public async Task A_run_without_heartbeats_is_never_killed()
    {
        await using var server = await StartAsync("sqlite");
        await PutAsync(server, Id, new NewRun("e", null, "ann", 5, null));

        _time.Advance(TimeSpan.FromDays(30));
        await RoundAsync(server);
        await RoundAsync(server);

        Assert.Equal("RUNNING", (await server.Client.GetRunAsync(Id, default)).Run.Status);
    }

    [Fact]
    public async Task After_a_sleep_of_the_machine_runs_get_their_time_again()
    {
        await using var server = await StartAsync("sqlite");
        await PutAsync(server, Id, new NewRun("e", null, "ann", 5, null));
        await BeatAsync(server, Id, 10_000);

        _time.Advance(TimeSpan.FromHours(1));
        await RoundAsync(server);

        Assert.Equal("RUNNING", (await server.Client.GetRunAsync(Id, default)).Run.Status);
    }

    [Fact]
    public async Task A_late_heartbeat_does_not_wake_a_run_that_has_ended()
    {
        await using var server = await StartAsync("sqlite");
        await PutAsync(server, Id, new NewRun("e", null, "ann", 5, null));
        await BeatAsync(server, Id, 1000);
        await EndAsync(server, Id, new RunEnd("FAILED", 99, "exit code 3"));

        Assert.Equal("FAILED", await BeatAsync(server, Id, 1000));
        _time.Advance(TimeSpan.FromSeconds(9));
        await RoundAsync(server);

        var run = (await server.Client.GetRunAsync(Id, default)).Run;
        Assert.Equal(("FAILED", 99L, "exit code 3"), (run.Status, run.EndMs, run.Tags["pilothouse.end_reason"]));
    }

    [Theory, DatabaseData]
    public async Task Log_pieces_that_overlap_repeat_or_leave_a_gap_give_the_log_once(string kind)
    {
        await using var server = await StartAsync(kind);
        await PutAsync(server, Id, new NewRun("e", null, "ann", 5, null));

        Assert.Equal(5, await AppendAsync(server, 0, "line "));
        Assert.Equal(5, await AppendAsync(server, 0, "line "));
        Assert.Equal(5, await AppendAsync(server, 9, "gap"));
        Assert.Equal(11, await AppendAsync(server, 3, "e one\né"));

        Assert.Equal(("line one\né", "11"), await ReadAsync(server, "stdout?offset=0"));
        Assert.Equal(("one\n", "11"), await ReadAsync(server, "stdout?offset=5&limit=4"));
        Assert.Equal(("é", "11"), await ReadAsync(server, "stdout?offset=-2"));
        Assert.Equal(("", "11"), await ReadAsync(server, "stdout?offset=99"));
        Assert.Equal(("", "0"), await ReadAsync(server, "stderr"));
    }

    [Theory, DatabaseData]
    public async Task At_the_end_the_log_is_an_artifact_and_reads_as_before(string kind)
    {
        await using var server = await StartAsync(kind);
        await PutAsync(server, Id, new NewRun("e", null, "ann", 5, null));
        var all = new StringBuilder();
        for (var i = 0; i < 70; i++)
        {
            var line = $"step {i.ToString(CultureInfo.InvariantCulture)}\n";
            await AppendAsync(server, all.Length, line);
            all.Append(line);
        }

        await EndAsync(server, Id, new RunEnd("FINISHED", 99, null));
        await EndAsync(server, Id, new RunEnd("FINISHED", 99, null));

        Assert.Equal(all.ToString(), await server.Http.GetStringAsync($"get-artifact?run_id={Id}&path=logs/stdout.log"));
        Assert.Equal(all.ToString(), (await ReadAsync(server, "stdout")).Text);
        Assert.Equal("step 69\n", (await ReadAsync(server, "stdout?offset=-8")).Text);
    }

    [Fact]
    public async Task A_run_thought_dead_keeps_its_log_open_for_what_comes_later()
    {
        await using var server = await StartAsync("sqlite");
        await PutAsync(server, Id, new NewRun("e", null, "ann", 5, null));
        await BeatAsync(server, Id, 1000);
        await AppendAsync(server, 0, "first\n");
        _time.Advance(TimeSpan.FromSeconds(5));
        await RoundAsync(server);
        Assert.Equal("first\n", await server.Http.GetStringAsync($"get-artifact?run_id={Id}&path=logs/stdout.log"));

        await AppendAsync(server, 6, "second\n");
        await EndAsync(server, Id, new RunEnd("KILLED", 99, "signal 9"));

        Assert.Equal("first\nsecond\n", await server.Http.GetStringAsync($"get-artifact?run_id={Id}&path=logs/stdout.log"));
    }

    [Fact]
    public async Task Wrong_streams_pieces_and_intervals_are_refused()
    {
        await using var server = await StartAsync("sqlite");
        await PutAsync(server, Id, new NewRun("e", null, "ann", 5, null));

        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(server, "logs/other?offset=0", "x"));
        Assert.Equal(HttpStatusCode.BadRequest, await StatusAsync(server, "logs/stdout?offset=-1", "x"));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await StatusAsync(server, "logs/stdout?offset=0", new string('x', RunLogService.MaxPiece + 1)));
        Assert.Equal(HttpStatusCode.NotFound, (await server.Http.PostAsJsonAsync($"api/v1/runs/{new string('9', 32)}/heartbeat", new Heartbeat(1000), PilothouseClient.Json)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Http.PostAsJsonAsync($"api/v1/runs/{Id}/heartbeat", new Heartbeat(1), PilothouseClient.Json)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Http.PostAsJsonAsync($"api/v1/runs/{Id}/end", new RunEnd("RUNNING", 1, null), PilothouseClient.Json)).StatusCode);
    }

    private Task<TestServer> StartAsync(string kind) => TestServer.StartAsync(kind, builder => builder.Services.AddSingleton<TimeProvider>(_time));

    private static Task RoundAsync(TestServer server) => server.Services.GetServices<IHostedService>().OfType<HeartbeatWatch>().Single().RoundAsync(default);

    private static async Task<StartedRun> PutAsync(TestServer server, string id, NewRun run)
    {
        using var answer = await server.Http.PutAsJsonAsync($"api/v1/runs/{id}", run, PilothouseClient.Json);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync<StartedRun>(PilothouseClient.Json))!;
    }

    private static async Task<string> BeatAsync(TestServer server, string id, long interval)
    {
        using var answer = await server.Http.PostAsJsonAsync($"api/v1/runs/{id}/heartbeat", new Heartbeat(interval), PilothouseClient.Json);
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync<RunStatus>(PilothouseClient.Json))!.Status;
    }

    private static async Task EndAsync(TestServer server, string id, RunEnd end)
    {
        using var answer = await server.Http.PostAsJsonAsync($"api/v1/runs/{id}/end", end, PilothouseClient.Json);
        answer.EnsureSuccessStatusCode();
    }

    private static async Task<long> AppendAsync(TestServer server, long offset, string text)
    {
        using var answer = await server.Http.PostAsync($"api/v1/runs/{Id}/logs/stdout?offset={offset}", new ByteArrayContent(Encoding.UTF8.GetBytes(text)));
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadFromJsonAsync<LogLength>(PilothouseClient.Json))!.Length;
    }

    private static async Task<(string Text, string Length)> ReadAsync(TestServer server, string path)
    {
        using var answer = await server.Http.GetAsync($"api/v1/runs/{Id}/logs/{path}");
        answer.EnsureSuccessStatusCode();
        return (await answer.Content.ReadAsStringAsync(), answer.Headers.GetValues("X-Log-Length").Single());
    }

    private static async Task<HttpStatusCode> StatusAsync(TestServer server, string path, string body)
    {
        using var answer = await server.Http.PostAsync($"api/v1/runs/{Id}/{path}", new ByteArrayContent(Encoding.UTF8.GetBytes(body)));
        return answer.StatusCode;
    }
}
