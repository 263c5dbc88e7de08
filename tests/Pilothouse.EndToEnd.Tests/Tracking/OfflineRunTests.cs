using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Pilothouse.Client.Runs;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Tracking;

/// <summary>Runs while the server is away, killed or cut off: real processes, real SIGKILL, every point compared afterwards.</summary>
public sealed class OfflineRunTests(ITestOutputHelper output) : IDisposable
{
    private const int Points = 3000;
    private readonly DirectoryInfo _work = Directory.CreateTempSubdirectory("pilothouse-offline-");
    private readonly string _url = $"http://127.0.0.1:{FreePort()}";

    private string Buffer => Path.Combine(_work.FullName, "buffer");

    private string Data => Path.Combine(_work.FullName, "data");

    public void Dispose() => _work.Delete(recursive: true);

    [Fact]
    public async Task A_server_killed_and_started_again_in_the_middle_has_every_point_once()
    {
        var problems = new List<string>();
        using var client = new Client.PilothouseClient(new Uri(_url), null);
        string id;
        var server = await ServerProcess.StartAtAsync(_url, Data);
        await using (var run = await client.StartRunAsync(Options(problems), default))
        {
            id = run.Id;
            Log(run, 0, Points);
            run.AppendLog("stdout", "before\n"u8);
            Assert.True(await run.FlushAsync(TimeSpan.FromMinutes(1), default));
            Log(run, Points, 100); // some of these are on their way when the server dies
            await server.KillAsync();
            await server.DisposeAsync();

            Log(run, Points + 100, Points - 100);
            run.LogParam("lr", "0.1");
            run.AppendLog("stdout", "while it was away\n"u8);
            await run.LogTextAsync("weights", "model/w.bin", default);
            Assert.False(await run.FlushAsync(TimeSpan.FromMilliseconds(300), default));

            server = await ServerProcess.StartAtAsync(_url, Data);
            Log(run, 2 * Points, Points);
            Assert.True(await run.FlushAsync(TimeSpan.FromMinutes(1), default));
        }
        await using (server) await CheckAsync(server, id, 3 * Points, "FINISHED", "before\nwhile it was away\n");
        Assert.Equal(2, problems.Count); // away, and back
        Assert.Empty(RunDirectories());
    }

    [Fact]
    public async Task Without_a_server_a_run_is_kept_and_sync_sends_it_once()
    {
        var problems = new List<string>();
        string id;
        using (var client = new Client.PilothouseClient(new Uri(_url), null))
        await using (var run = await client.StartRunAsync(Options(problems) with { FlushTimeout = TimeSpan.Zero }, default))
        {
            id = run.Id;
            Log(run, 0, Points);
            run.AppendLog("stdout", "hello\n"u8);
            run.LogParam("lr", "0.1");
            await run.LogTextAsync("weights", "model/w.bin", default);
        }
        Assert.Single(RunDirectories());
        Assert.Equal(4, (await SyncAsync()).ExitCode);

        await using var server = await ServerProcess.StartAtAsync(_url, Data);
        var (code, printed) = await SyncAsync();
        Assert.Equal(0, code);
        Assert.Contains($"{id}: sent", printed, StringComparison.Ordinal);
        await CheckAsync(server, id, Points, "FINISHED", "hello\n");
        Assert.Contains("0 sent, 0 kept", (await SyncAsync()).Output, StringComparison.Ordinal);
        Assert.Empty(RunDirectories());
    }

    [Fact]
    public async Task The_next_run_sends_what_an_earlier_one_had_to_keep()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The test's command is POSIX.");
        Assert.Equal(0, (await RunAsync("--wait", "0", "--", "sh", "-c", "echo kept")).ExitCode);
        var id = Path.GetFileName(Assert.Single(RunDirectories()));
        await using var server = await ServerProcess.StartAtAsync(_url, Data);

        await using var next = ServerProcess.Start(["run", "--", "sh", "-c", $"while [ -d '{Buffer}/runs/{id}' ]; do sleep 0.1; done"], Variables());
        Assert.Equal(0, await next.ExitAsync());

        var run = await server.Client.GetRunAsync(id, default);
        Assert.Equal("FINISHED", run.Run.Status);
        Assert.Equal("kept\n", await server.Client.ReadLogAsync(id, "stdout", 0, default));
    }

    [Fact]
    public async Task Kill_9_of_the_recorder_is_noticed_by_the_server_and_sync_brings_the_rest()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are POSIX.");
        var fifo = Path.Combine(_work.FullName, "go");
        (await Shell.RunAsync(_work.FullName, "mkfifo", fifo)).Succeeded();
        var server = await ServerProcess.StartAtAsync(_url, Data);
        await using var recorder = ServerProcess.Start(["run", "--heartbeat", "0.5", "--", "sh", "-c", $"echo first; read x < '{fifo}'; seq 1 20000; echo done; sleep 600"], Variables());
        var id = await Eventually.GetAsync(async () => (await server.Client.SearchRunsAsync([], null, [], 10, null, default)).Items is [var first, ..] ? first.Id : null);
        await Eventually.TrueAsync(async () => await server.Client.ReadLogAsync(id, "stdout", 0, default) == "first\n");

        // The server goes, the command writes on, then its recorder is killed: the rest is only on disk.
        await server.KillAsync();
        await server.DisposeAsync();
        await File.WriteAllTextAsync(fifo, "go\n");
        var log = Path.Combine(Buffer, "runs", id, "stdout.log");
        await Eventually.TrueAsync(() => Task.FromResult(File.ReadAllText(log).EndsWith("done\n", StringComparison.Ordinal)));
        await recorder.KillAsync();

        server = await ServerProcess.StartAtAsync(_url, Data);
        await using (server)
        {
            await Eventually.TrueAsync(async () => (await server.Client.GetRunAsync(id, default)).Run.Status == "KILLED");
            var killed = (await server.Client.GetRunAsync(id, default)).Run;
            Assert.StartsWith("heartbeat lost", killed.Tags["pilothouse.end_reason"], StringComparison.Ordinal);
            Assert.True(killed.EndMs >= killed.StartMs);
            Assert.Equal("first\n", await server.Client.ReadLogAsync(id, "stdout", 0, default));

            Assert.Equal(0, (await SyncAsync()).ExitCode);
            var whole = (await server.Client.GetRunAsync(id, default)).Run;
            Assert.Equal("KILLED", whole.Status);
            Assert.Contains("was killed", whole.Tags["pilothouse.end_reason"], StringComparison.Ordinal);
            Assert.Equal("first\n" + string.Concat(Enumerable.Range(1, 20_000).Select(i => i.ToString(CultureInfo.InvariantCulture) + "\n")) + "done\n",
                await server.Client.Http.GetStringAsync($"get-artifact?run_id={id}&path=logs/stdout.log"));
        }
        Assert.Empty(RunDirectories());
    }

    [Fact]
    public async Task A_full_buffer_is_said_by_name_and_the_command_goes_on()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The test's command is POSIX.");
        var (code, printed) = await RunAsync("--wait", "0", "--buffer-size", "0.0001", "--", "sh", "-c", "seq 1 50000");

        Assert.Equal(0, code);
        Assert.Contains("BUFFER_FULL", printed, StringComparison.Ordinal);
        Assert.Contains("\n50000\n", printed, StringComparison.Ordinal);
        Assert.True(Directory.EnumerateFiles(Buffer, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length) < 0.0002 * 1024 * 1024 * 1024);
    }

    [Fact]
    public async Task What_the_server_refuses_is_said_and_kept_and_the_rest_arrives()
    {
        var problems = new List<string>();
        await using var server = await ServerProcess.StartAtAsync(_url, Data);
        string id;
        await using (var run = await server.Client.StartRunAsync(Options(problems), default))
        {
            id = run.Id;
            run.LogParam("lr", "0.1");
            run.LogParam("lr", "0.2");
            run.LogMetric("bad\u0001key", 1, 0);
            Log(run, 0, 50);
            run.LogMetric("not finite", double.NaN, 0);
        }
        var detail = await server.Client.GetRunAsync(id, default);
        Assert.Equal("0.1", detail.Run.Params["lr"]);
        Assert.True(double.IsNaN(detail.Run.Metrics["not finite"]));
        Assert.Equal("2 entries", detail.Run.Tags["pilothouse.refused"]);
        Assert.Equal(50, (await server.Client.MetricSeriesAsync(id, "loss", 1000, default)).TotalPoints);
        Assert.Equal(3, problems.Count(p => p.Contains("refused", StringComparison.Ordinal) && !p.Contains("away", StringComparison.Ordinal))); // each by itself, and where they are
        var refused = await File.ReadAllTextAsync(Path.Combine(Buffer, "refused", id + ".jsonl"));
        Assert.Contains("Changing param values is not allowed", refused, StringComparison.Ordinal);
    }

    private RunOptions Options(List<string> problems) => new()
    {
        Experiment = "offline",
        BufferDirectory = Buffer,
        CaptureEnvironment = false,
        CaptureSource = false,
        SystemMetricsInterval = null,
        FlushTimeout = TimeSpan.FromMinutes(1),
        OnProblem = text =>
        {
            output.WriteLine(text);
            lock (problems) problems.Add(text);
        },
    };

    private static void Log(ActiveRun run, int first, int count)
    {
        for (var i = first; i < first + count; i++) run.LogMetric("loss", 1.0 / (i + 1), i, DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000 + i));
    }

    private static async Task CheckAsync(ServerProcess server, string id, int points, string status, string log)
    {
        var run = await server.Client.GetRunAsync(id, default);
        var series = await server.Client.MetricSeriesAsync(id, "loss", 20_000, default);
        Assert.Equal((points, points), (series.TotalPoints, series.Steps.Count));
        for (var i = 0; i < points; i++) Assert.Equal((i, 1_700_000_000_000 + i, 1.0 / (i + 1)), (series.Steps[i], series.TimesMs[i], series.Values[i]));
        Assert.Equal((status, "0.1"), (run.Run.Status, run.Run.Params["lr"]));
        Assert.Equal(log, await server.Client.Http.GetStringAsync($"get-artifact?run_id={id}&path=logs/stdout.log"));
        Assert.Equal("weights", await server.Client.Http.GetStringAsync($"get-artifact?run_id={id}&path=model/w.bin"));
    }

    private Dictionary<string, string> Variables() => new() { ["PILOTHOUSE_URL"] = _url, ["PILOTHOUSE_BUFFER"] = Buffer };

    private Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) => ServerProcess.RunAsync(["run", .. arguments], Variables());

    private Task<(int ExitCode, string Output)> SyncAsync() => ServerProcess.RunAsync(["run", "sync"], Variables());

    private string[] RunDirectories() => Directory.Exists(Path.Combine(Buffer, "runs")) ? Directory.GetDirectories(Path.Combine(Buffer, "runs")) : [];

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
