using System.Diagnostics;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Tracking;

/// <summary><c>pilothouse run</c> as a user calls it: the executable, a shell command, a real server.</summary>
public class RunCommandTests
{
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
            Assert.Equal($"hello from {run.Id}\n", await ArtifactAsync(server, run.Id, "logs/stdout.txt"));
            Assert.Equal("oops\n", await ArtifactAsync(server, run.Id, "logs/stderr.txt"));
            Assert.Equal("weights\n", await ArtifactAsync(server, run.Id, "outputs/deep/w.bin"));
            Assert.Contains("+changed", await ArtifactAsync(server, run.Id, "git/diff.patch"), StringComparison.Ordinal);
            Assert.Equal("new.txt", await ArtifactAsync(server, run.Id, "git/untracked.txt"));
            Assert.DoesNotContain("SECRET_OF_THE_TEST", await ArtifactAsync(server, run.Id, "environment.json"), StringComparison.Ordinal);
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
        Assert.Equal("KILLED", Assert.Single((await server.Client.SearchRunsAsync([], "run_name = 'killed'", [], 10, null, default)).Items).Status);
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

    private static Task<(int Code, string Out, string Error)> RunAsync(TestServer server, string directory, string[] options, string script) =>
        StartAsync(server, directory, ["run", .. options, "--", "sh", "-c", script]);

    private static async Task<(int Code, string Out, string Error)> StartAsync(TestServer server, string directory, string[] arguments)
    {
        var start = new ProcessStartInfo(ServerProcess.Executable, arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["PILOTHOUSE_URL"] = server.Url.ToString();
        start.Environment["SECRET_OF_THE_TEST"] = "SECRET_OF_THE_TEST";
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
