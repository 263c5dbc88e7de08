using System.Diagnostics;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Tracking;

/// <summary><c>pilothouse run</c> as a user calls it: the executable, a shell command, a real server.</summary>
public sealed class RunCommandTests : IDisposable
{
    private readonly DirectoryInfo _buffer = Directory.CreateTempSubdirectory("pilothouse-buffer-");

    private string Buffer => _buffer.FullName;

    public void Dispose() => _buffer.Delete(recursive: true);

    [Fact]
    public async Task A_command_is_recorded_with_commit_diff_output_and_exit_code()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The test's command is for a POSIX shell.");
        await using var server = await TestServer.StartAsync();
        var work = Directory.CreateTempSubdirectory("pilothouse-run-test-");
        try
        {
            await GitRepositoryAsync(work.FullName);

            var (code, stdout, stderr) = await RunAsync(server, work.FullName, ["--experiment", "cli", "--name", "first", "--tag", "team=nlp", "--output", "out"],
                "echo hello from $PILOTHOUSE_RUN_ID; echo oops >&2; mkdir -p out/deep; echo weights > out/deep/w.bin; exit 3");

            var run = Assert.Single((await server.Client.SearchRunsAsync([], "run_name = 'first'", [], 10, null, default)).Items);
            Assert.Equal(3, code);
            Assert.Equal($"hello from {run.Id}\n", stdout);
            Assert.Contains("oops", stderr, StringComparison.Ordinal);
            Assert.Equal(("FAILED", "nlp", "true", "3"), (run.Status, run.Tags["team"], run.Tags["pilothouse.git.dirty"], run.Tags["pilothouse.exitCode"]));
            Assert.Equal(40, run.Tags["mlflow.source.git.commit"].Length);
            Assert.Equal($"hello from {run.Id}\n", await ArtifactAsync(server, run.Id, "logs/stdout.log"));
            Assert.Equal("oops\n", await ArtifactAsync(server, run.Id, "logs/stderr.log"));
            Assert.Equal("weights\n", await ArtifactAsync(server, run.Id, "outputs/deep/w.bin"));
            Assert.Contains("+changed", await ArtifactAsync(server, run.Id, "source/diff.patch"), StringComparison.Ordinal);
            Assert.Equal("new.txt", await ArtifactAsync(server, run.Id, "source/untracked.txt"));
            var environment = await ArtifactAsync(server, run.Id, "source/environment.json");
            Assert.Contains("HF_TOKEN", environment, StringComparison.Ordinal);
            Assert.DoesNotContain("hidden-value", environment, StringComparison.Ordinal);
            Assert.DoesNotContain("hidden-value", string.Join('\n', run.Tags.Values), StringComparison.Ordinal);
            Assert.Contains("system/system_memory_usage_megabytes", run.Metrics.Keys);
            Assert.Contains("system/cpu_utilization_percentage", run.Metrics.Keys);
            Assert.Equal("exit code 3", run.Tags["pilothouse.end_reason"]);
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task A_signal_goes_on_to_the_command_and_the_run_is_killed()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are POSIX.");
        await using var server = await TestServer.StartAsync();

        // The command reports its parent, which is pilothouse itself, ends that by SIGTERM, and waits to be told.
        var (code, stdout, _) = await RunAsync(server, Path.GetTempPath(), ["--name", "killed"], "trap 'echo told; kill $!; exit 143' TERM; kill -TERM $PPID; sleep 60 & wait");

        Assert.Equal(143, code);
        Assert.Equal("told\n", stdout);
        var run = Assert.Single((await server.Client.SearchRunsAsync([], "run_name = 'killed'", [], 10, null, default)).Items);
        Assert.Equal("KILLED", run.Status);
        Assert.StartsWith("signal 15 (SIGTERM)", run.Tags["pilothouse.end_reason"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_inside_a_run_is_below_it_and_knows_the_trace()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The test's command is for a POSIX shell.");
        await using var server = await TestServer.StartAsync();

        var (code, stdout, _) = await RunAsync(server, Path.GetTempPath(), ["--name", "outer", "--experiment", "nest"], $"echo $TRACEPARENT; echo $MLFLOW_EXPERIMENT_ID; '{ServerProcess.Executable}' run --name inner --experiment nest -- true");

        var runs = (await server.Client.SearchRunsAsync([], null, [], 10, null, default)).Items.ToDictionary(r => r.Name);
        Assert.Equal(0, code);
        Assert.Equal(runs["outer"].Id, runs["inner"].Tags["mlflow.parentRunId"]);
        Assert.DoesNotContain("mlflow.parentRunId", runs["outer"].Tags.Keys);
        Assert.Equal([$"00-{runs["outer"].Id}-{runs["outer"].Id[16..]}-01", runs["outer"].ExperimentId], stdout.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(["FINISHED", "FINISHED"], runs.Values.Select(r => r.Status));
    }

    [Fact]
    public async Task Output_is_on_the_server_while_the_command_runs()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The test's command is for a POSIX shell.");
        await using var server = await TestServer.StartAsync();
        var fifo = Path.Combine(Buffer, "go");

        // The command waits in the middle until the test has seen its first line on the server.
        var run = RunAsync(server, Path.GetTempPath(), ["--name", "live"], $"mkfifo '{fifo}'; echo first line; read x < '{fifo}'; echo second $x");
        var id = await Eventually.GetAsync(async () => (await server.Client.SearchRunsAsync([], "run_name = 'live'", [], 10, null, default)).Items is [var first, ..] ? first.Id : null);
        Assert.Equal("first line\n", await Eventually.GetAsync(async () => await server.Client.ReadLogAsync(id, "stdout", 0, default) is { Length: > 0 } text ? text : null));
        Assert.Equal("RUNNING", (await server.Client.GetRunAsync(id, default)).Run.Status);
        await File.WriteAllTextAsync(fifo, "go\n");

        Assert.Equal((0, "first line\nsecond go\n"), ((await run).Code, (await run).Out));
        Assert.Contains("system/process_count", (await server.Client.GetRunAsync(id, default)).Run.Metrics.Keys);
        Assert.Equal("second go\n", await server.Client.ReadLogAsync(id, "stdout", -10, default));
        Assert.Equal("first line\nsecond go\n", await ArtifactAsync(server, id, "logs/stdout.log"));
    }

    [Fact]
    public async Task A_command_that_does_not_exist_is_said_so_and_fails_the_run()
    {
        await using var server = await TestServer.StartAsync();

        var (code, _, stderr) = await StartAsync(server, Path.GetTempPath(), ["run", "--name", "missing", "--", "no-such-command-anywhere"]);

        Assert.Equal(127, code);
        Assert.Contains("no-such-command-anywhere", stderr, StringComparison.Ordinal);
        Assert.Equal("FAILED", Assert.Single((await server.Client.SearchRunsAsync([], "run_name = 'missing'", [], 10, null, default)).Items).Status);
    }

    private Task<(int Code, string Out, string Error)> RunAsync(TestServer server, string directory, string[] options, string script) =>
        StartAsync(server, directory, ["run", .. options, "--", "sh", "-c", script]);

    private async Task<(int Code, string Out, string Error)> StartAsync(TestServer server, string directory, string[] arguments)
    {
        var start = new ProcessStartInfo(ServerProcess.Executable, arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["PILOTHOUSE_URL"] = server.Url.ToString();
        start.Environment["HF_TOKEN"] = "hidden-value";
        start.Environment["PILOTHOUSE_BUFFER"] = Buffer;
        start.Environment.Remove("PILOTHOUSE_RUN_ID");
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    private static Task<string> ArtifactAsync(TestServer server, string run, string path) => server.Http.GetStringAsync($"get-artifact?run_id={run}&path={path}");

    private static async Task GitRepositoryAsync(string directory)
    {
        await File.WriteAllTextAsync(Path.Combine(directory, "code.txt"), "first\n");
        foreach (var arguments in new string[][] { ["init", "-q"], ["add", "."], ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "-m", "first"] })
        {
            using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = directory })!;
            await git.WaitForExitAsync();
            Assert.Equal(0, git.ExitCode);
        }
        await File.WriteAllTextAsync(Path.Combine(directory, "code.txt"), "first\nchanged\n");
        await File.WriteAllTextAsync(Path.Combine(directory, "new.txt"), "new\n");
    }
}
