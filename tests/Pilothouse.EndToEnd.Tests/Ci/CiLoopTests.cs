using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Ci;

/// <summary>The whole loop with stock git and the real executable: push, build, evaluation, status, merge blocked or allowed.</summary>
public sealed class CiLoopTests
{
    private const string Jobs = """

        ci:
          check:
            steps: [{ run: "mkdir -p reports; echo '<testsuite><testcase/></testsuite>' > reports/own.xml; echo token is ${PILOTHOUSE_TOKEN:-none}; echo of $PILOTHOUSE_REF; cat data/questions.jsonl" }]
            junit: [reports/*.xml]
          quality: { needs: [check], required: true, steps: [{ suites: [quality] }] }

        """;

    private const string Token = "an-admin-token-for-tests-only";

    private static readonly Dictionary<string, string> Runner = new() { ["PILOTHOUSE_Pipelines__RunProjectJobs"] = "true" };
    private static readonly Dictionary<string, string> Login = new(Runner) { ["PILOTHOUSE_Identity__AdminToken"] = Token, ["PILOTHOUSE_TOKEN"] = Token };

    [Fact]
    public async Task On_the_built_in_runner_a_failed_evaluation_blocks_the_merge_and_a_fix_allows_it()
    {
        await using var world = await CiWorld.StartAsync(Runner, Jobs);
        var url = new Uri(world.Server.Url, "/git/faq.git").ToString();
        await world.GitAsync("push", "-q", "-o", "ci.skip", url, "HEAD:main");

        world.SetFloor("0.99"); // two answers cannot prove it
        var bad = await world.CommitAsync("a floor that is too high");
        await world.GitAsync("push", "-q", url, "HEAD:feature");
        var jobs = await EndedAsync(world, bad);

        Assert.Equal("success", jobs["check"].State);
        Assert.Equal("failure", jobs["quality"].State);
        Assert.Equal((1, 0), (jobs["check"].Tests, jobs["check"].Failures));
        Assert.Contains(jobs["quality"].Artifacts, a => a.Path == "artifacts/suites-1.md");
        var log = (await world.RunAsync(ServerProcess.Executable, "ci", "log", jobs["check"].Id)).Succeeded();
        Assert.Contains("token is none", log);
        Assert.Contains("of feature", log);
        Assert.Contains("capital of France", log);
        var blocked = await Shell.RunAsync(world.Repository, "git", "push", url, "HEAD:main");
        Assert.NotEqual(0, blocked.ExitCode);
        Assert.Contains("pilothouse/ci/quality: failure", blocked.Error);
        Assert.Equal(1, (await world.RunAsync(ServerProcess.Executable, "ci", "status", "--commit", bad)).ExitCode);

        world.SetFloor("0.1");
        var good = await world.CommitAsync("a floor that can be proven");
        await world.GitAsync("push", "-q", url, "HEAD:feature");
        Assert.All((await EndedAsync(world, good)).Values, j => Assert.Equal("success", j.State));
        await world.GitAsync("push", "-q", url, "HEAD:main");
        Assert.Contains("quality", (await world.RunAsync(ServerProcess.Executable, "ci", "jobs", "--commit", good)).Succeeded());
    }

    [Fact]
    public async Task The_same_jobs_run_here_in_a_clean_checkout_with_nothing_of_this_environment()
    {
        await using var world = await CiWorld.StartAsync(Login, Jobs);
        world.Write("data/questions.jsonl", "changed and not committed\n");

        var run = await world.RunAsync("SECRET_OF_MINE=abcdef-123456", "PILOTHOUSE_TOKEN=" + Token, ServerProcess.Executable, "ci", "run");

        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        Assert.Contains("capital of France", run.Output); // the commit, not the working tree
        Assert.Contains("token is none", run.Output);
        Assert.Contains("\"state\":\"success\"", (await File.ReadAllTextAsync(Path.Combine(world.Repository, ".pilothouse/ci/quality/result.json"))).Replace(" ", "", StringComparison.Ordinal));
        Assert.True(File.Exists(Path.Combine(world.Repository, ".pilothouse/ci/quality/junit/suites-1.xml")));
        Assert.Equal(" M data/questions.jsonl", (await Shell.RunAsync(world.Repository, "git", "status", "--porcelain")).Output.TrimEnd('\n'));
    }

    [Fact]
    public async Task A_step_that_does_not_end_is_killed_with_all_that_it_started_and_its_output_is_bounded_and_masked()
    {
        await using var world = await CiWorld.StartAsync(null, """

            ci:
              hangs:
                timeout: 3s
                steps: [{ run: "echo $MINE; echo $$ > /tmp/pilothouse-$TAG.pid; (setsid sh -c 'sleep 600 & echo $! >> /tmp/pilothouse-'$TAG'.pid; exec sleep 600' &) ; sleep 600" }]
              after: { needs: [hangs], steps: [{ run: echo never }] }
              fails: { steps: [{ run: "exit 7" }, { run: echo not reached }] }

            """);
        var tag = Guid.NewGuid().ToString("N");
        var pids = $"/tmp/pilothouse-{tag}.pid";

        var run = await world.RunAsync("MINE=abcdef-123456", "TAG=" + tag, ServerProcess.Executable, "ci", "run", "--env", "MINE", "--env", "TAG");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("***", run.Output);
        Assert.DoesNotContain("abcdef-123456", run.Output);
        Assert.Contains("took longer than 3s", run.Output);
        Assert.Contains("failed with exit code 7", run.Output);
        Assert.DoesNotContain("not reached", run.Output.Replace("echo not reached", "", StringComparison.Ordinal));
        Assert.Contains("skipped: it needs hangs", run.Output);
        var started = await File.ReadAllLinesAsync(pids);
        Assert.Equal(2, started.Length);
        Assert.All(started, id => Assert.False(Directory.Exists($"/proc/{id}") && !File.ReadAllText($"/proc/{id}/stat").Contains(") Z "), $"process {id} is still there"));
        File.Delete(pids);
    }

    [Fact]
    public async Task Wrong_calls_end_with_2_and_say_what_to_do()
    {
        await using var world = await CiWorld.StartAsync(null, "\nci:\n  ok: { steps: [{ run: echo fine }] }\n");
        async Task SaysAsync(string what, params string[] arguments)
        {
            var run = await world.RunAsync([ServerProcess.Executable, "ci", .. arguments]);
            Assert.Equal(2, run.ExitCode);
            Assert.Contains(what, run.Error);
        }
        await SaysAsync("'gitlab'", "init", "gitlabb");
        await SaysAsync("no job 'nope' under ci; it has ok", "run", "nope");
        await SaysAsync("is no Git repository", "run", "--repository", "/");
        await SaysAsync("/nowhere does not exist", "run", "--repository", "/nowhere");
        await SaysAsync("pilothouse ci list", "start", "nope");
        await SaysAsync("pilothouse ci jobs", "log", "nope");
        world.Write("pilothouse.yaml", "apiVersion: pilothouse/v1\nproject: faq\nci: { ok: { timeout: soon, steps: [{ run: x }] } }\n");
        var commit = await world.CommitAsync("a fault");
        await SaysAsync($"pilothouse.yaml of {commit[..10]}:3:", "run");
    }

    [Fact]
    public async Task A_job_that_is_cancelled_dies_and_one_that_a_crash_cut_off_runs_again()
    {
        await using var world = await CiWorld.StartAsync(Login, """

            ci:
              slow: { steps: [{ run: "test -f /tmp/pilothouse-$PILOTHOUSE_COMMIT.once || { touch /tmp/pilothouse-$PILOTHOUSE_COMMIT.once; sleep 600; }; echo second time" }] }

            """);
        var commit = await world.GitAsync("rev-parse", "HEAD");
        var once = $"/tmp/pilothouse-{commit}.once";
        await world.GitAsync("push", "-q", new UriBuilder(new Uri(world.Server.Url, "/git/faq.git")) { UserName = "x", Password = Token }.Uri.AbsoluteUri, "HEAD:main");
        await Eventually.TrueAsync(() => Task.FromResult(File.Exists(once)));
        await world.RestartAsync();
        Assert.Equal("success", (await EndedAsync(world, commit))["slow"].State);

        File.Delete(once);
        await world.Server.Client.StartCiJobsAsync("faq", new NewCiJobs(commit, ["slow"]), default);
        await Eventually.TrueAsync(() => Task.FromResult(File.Exists(once)));
        var job = (await world.Server.Client.ListCiJobsAsync("faq", commit, 10, default))[0];
        (await world.RunAsync("PILOTHOUSE_TOKEN=" + Token, ServerProcess.Executable, "ci", "cancel", job.Id)).Succeeded();
        Assert.Equal("cancelled", (await EndedAsync(world, commit))["slow"].State);
        using var http = new HttpClient { BaseAddress = world.Server.Url, DefaultRequestHeaders = { Authorization = new("Bearer", Token) } };
        Assert.DoesNotContain("ci-job-", await http.GetStringAsync(new Uri("api/v1/tokens", UriKind.Relative))); // revoked when their jobs ended
        File.Delete(once);
    }

    [Fact]
    public async Task A_push_whose_server_is_killed_at_once_starts_its_jobs_all_the_same()
    {
        await using var world = await CiWorld.StartAsync(Runner, "\nci:\n  quick: { steps: [{ run: echo done }] }\n");
        for (var round = 0; round < 3; round++)
        {
            world.Write("round.txt", $"{round}");
            var commit = await world.CommitAsync("a round");
            await world.GitAsync("push", "-q", new Uri(world.Server.Url, "/git/faq.git").ToString(), "HEAD:main");
            await world.RestartAsync();
            Assert.Equal("success", (await EndedAsync(world, commit))["quick"].State);
        }
    }

    [Fact]
    public async Task A_job_that_uses_more_than_its_limits_is_killed_and_says_which()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Shell.Has("python3"), "needs Linux and python3.");
        await using var world = await CiWorld.StartAsync(null, """

            ci:
              eats: { memory: 128MiB, cpu: 10m, steps: [{ run: "python3 -c 'import time; x = bytes(range(256)) * 1600000; print(len(x)); time.sleep(600)'" }] }
              spins: { cpu: 2s, timeout: 10m, steps: [{ run: "(while :; do :; done) & while :; do :; done" }] }
              fits: { memory: 512MiB, cpu: 5m, steps: [{ run: "python3 -c 'len(bytes(range(256)) * 100000)'" }] }

            """);

        var run = await world.RunAsync(ServerProcess.Executable, "ci", "run");

        Assert.Equal(1, run.ExitCode);
        Assert.Contains("more than its limit memory: 128MiB", run.Output);
        Assert.Contains("more than its limit cpu: 2s", run.Output);
        Assert.Contains("s of processor time", run.Output);
        string Result(string job) => File.ReadAllText(Path.Combine(world.Repository, ".pilothouse/ci", job, "result.json"));
        Assert.Contains("limit memory", Result("eats"));
        Assert.Contains("limit cpu", Result("spins"));
        Assert.Contains("\"success\"", Result("fits"));
    }

    private static async Task<Dictionary<string, CiJob>> EndedAsync(CiWorld world, string commit)
    {
        IReadOnlyList<CiJob> jobs = [];
        await Eventually.TrueAsync(async () => (jobs = await world.Server.Client.ListCiJobsAsync("faq", commit, 100, default)).Count > 0 && jobs.All(j => j.FinishedMs is not null));
        return jobs.GroupBy(j => j.Name).ToDictionary(g => g.Key, g => g.First());
    }
}
