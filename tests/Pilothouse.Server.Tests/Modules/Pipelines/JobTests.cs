using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit;
using Pilothouse.Server.Modules.Blobs;
using Pilothouse.Server.Modules.Pipelines;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Tests.Modules.Monitoring;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Pipelines;

public sealed class JobTests
{
    [Theory, DatabaseData]
    public async Task A_command_runs_with_its_output_and_exit_code_kept(string kind)
    {
        await using var p = await Fixture.CreateAsync(kind);

        var ok = await p.RunAsync(new NewJob(["sh", "-c", "echo out; echo err >&2; echo $GREETING"], Environment: new Dictionary<string, string> { ["GREETING"] = "hello" }));
        var bad = await p.RunAsync(new NewJob(["sh", "-c", "exit 3"]));

        Assert.Equal(("succeeded", 0), (ok.Status, ok.ExitCode));
        Assert.Equal(["err", "hello", "out"], (await p.LogAsync(ok.Id)).Split('\n', StringSplitOptions.RemoveEmptyEntries).Order());
        Assert.Equal(("failed", 3), (bad.Status, bad.ExitCode));
        Assert.Equal([ok.Id, bad.Id], (await p.Audit.ListAsync("jobs/", null, 10, default)).Reverse().Select(e => e.Subject[5..]));
    }

    [Fact]
    public async Task The_servers_own_secrets_are_not_passed_on()
    {
        await using var p = await Fixture.CreateAsync("sqlite");
        System.Environment.SetEnvironmentVariable("PILOTHOUSE_TEST_SECRET", "s3cret");

        var job = await p.RunAsync(new NewJob(["env"]));

        Assert.DoesNotContain("s3cret", await p.LogAsync(job.Id), StringComparison.Ordinal);
        Assert.Contains("PATH=", await p.LogAsync(job.Id), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_does_not_exist_fails_without_another_try()
    {
        await using var p = await Fixture.CreateAsync("sqlite");
        var job = await p.RunAsync(new NewJob(["/no/such/program"]));
        Assert.Equal(("failed", 1), (job.Status, job.Attempts));
        Assert.Contains("cannot be started", job.Error, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task Cancelling_kills_the_whole_process_tree(string kind)
    {
        await using var p = await Fixture.CreateAsync(kind);
        var job = await p.Jobs.EnqueueAsync(new NewJob(["sh", "-c", "sleep 600 & echo $!; wait"]), "ann", default);
        var running = p.Runner.RunNextAsync(default);
        var child = await p.FirstLineAsync(job.Id);

        await p.Jobs.CancelAsync(job.Id, "bob", default);
        await running;

        Assert.Equal("cancelled", (await p.Jobs.GetAsync(job.Id, default)).Status);
        Assert.False(IsAlive(child));
    }

    [Fact]
    public async Task A_waiting_job_that_is_cancelled_never_starts()
    {
        await using var p = await Fixture.CreateAsync("sqlite");
        var job = await p.Jobs.EnqueueAsync(new NewJob(["true"]), "ann", default);
        Assert.Equal("cancelled", (await p.Jobs.CancelAsync(job.Id, "bob", default)).Status);
        Assert.False(await p.Runner.RunNextAsync(default));
    }

    [Fact]
    public async Task A_job_that_takes_too_long_is_killed()
    {
        await using var p = await Fixture.CreateAsync("sqlite");
        var job = await p.Jobs.EnqueueAsync(new NewJob(["sh", "-c", "echo $$; exec sleep 600"], TimeoutSeconds: 60), "ann", default);
        var running = p.Runner.RunNextAsync(default);
        var process = await p.FirstLineAsync(job.Id);

        p.Database.Time.Advance(TimeSpan.FromSeconds(60));
        await running;

        Assert.Equal("timed_out", (await p.Jobs.GetAsync(job.Id, default)).Status);
        Assert.False(IsAlive(process));
    }

    [Theory]
    [InlineData("sqlite", "fail", "failed", 1), InlineData("sqlite", "requeue", "succeeded", 2)]
    public async Task A_job_that_a_crash_cut_off_follows_its_policy(string kind, string policy, string status, int attempts)
    {
        await using var p = await Fixture.CreateAsync(kind);
        var id = (await p.Jobs.EnqueueAsync(new NewJob(["sh", "-c", "echo run"], OnCrash: policy), "ann", default)).Id;
        // The server claims it, starts a process, and is killed.
        Assert.NotNull(await p.Store.ClaimAsync($"{System.Environment.MachineName}:{p.Options.Data}", p.Database.Time.NowMs(), default));
        using var leftover = Process.Start("sleep", "600");
        await p.Store.StartedAsync(id, leftover.Id, new DateTimeOffset(leftover.StartTime).ToUnixTimeMilliseconds(), default);

        await p.Runner.RecoverAsync(default);
        await leftover.WaitForExitAsync();
        await p.Runner.RunNextAsync(default);

        var job = await p.Jobs.GetAsync(id, default);
        Assert.Equal((status, attempts), (job.Status, job.Attempts));
    }

    [Fact]
    public async Task A_failure_of_the_infrastructure_is_tried_again_later_and_not_for_ever()
    {
        await using var p = await Fixture.CreateAsync("sqlite");
        var id = (await p.Jobs.EnqueueAsync(new NewJob(["true"]), "ann", default)).Id;
        Directory.Delete(p.Options.TemporaryPath, recursive: true);
        await File.WriteAllTextAsync(p.Options.TemporaryPath, "a file where a folder should be");

        for (var attempt = 1; attempt <= 3; attempt++)
        {
            Assert.True(await p.Runner.RunNextAsync(default));
            Assert.False(await p.Runner.RunNextAsync(default)); // not before its time
            p.Database.Time.Advance(TimeSpan.FromMinutes(1));
        }

        var job = await p.Jobs.GetAsync(id, default);
        Assert.Equal(("failed", 3), (job.Status, job.Attempts));
        Assert.Contains("Given up after 3 attempts", job.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Output_beyond_the_bound_is_cut_and_says_so()
    {
        await using var p = await Fixture.CreateAsync("sqlite", new PipelinesOptions { MaxLogBytes = 2048 });
        var job = await p.RunAsync(new NewJob(["sh", "-c", "head -c 100000 /dev/zero | tr '\\0' x"]));
        var log = await p.LogAsync(job.Id);
        Assert.Equal("succeeded", job.Status);
        Assert.Contains("cut after 2048 bytes", log, StringComparison.Ordinal);
        Assert.InRange(log.Length, 2048, 2200);
    }

    [Theory, DatabaseData]
    public async Task No_two_workers_get_the_same_job(string kind)
    {
        await using var p = await Fixture.CreateAsync(kind);
        for (var i = 0; i < 20; i++) await p.Jobs.EnqueueAsync(new NewJob(["true"]), "ann", default);

        var claimed = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => p.Store.ClaimAsync($"w{i}", p.Database.Time.NowMs(), default)));
        while (await p.Store.ClaimAsync("last", p.Database.Time.NowMs(), default) is { } more) claimed = [.. claimed, more];

        Assert.Equal(20, claimed.OfType<JobRow>().Select(j => j.Id).Distinct().Count());
        Assert.Equal(20, claimed.OfType<JobRow>().Count());
    }

    [Fact]
    public async Task The_queue_is_bounded_and_wrong_jobs_are_refused()
    {
        await using var p = await Fixture.CreateAsync("sqlite", new PipelinesOptions { MaxQueued = 1 });
        foreach (var wrong in (NewJob[])[new([]), new([""]), new(["a\0b"]), new(["x"], WorkingDirectory: "relative"), new(["x"], TimeoutSeconds: 0), new(["x"], OnCrash: "retry")])
            Assert.Equal(ErrorCode.InvalidArgument, (await Assert.ThrowsAsync<PilothouseException>(() => p.Jobs.EnqueueAsync(wrong, "ann", default))).Code);
        await p.Jobs.EnqueueAsync(new NewJob(["true"]), "ann", default);
        Assert.Equal(ErrorCode.RateLimited, (await Assert.ThrowsAsync<PilothouseException>(() => p.Jobs.EnqueueAsync(new NewJob(["true"]), "ann", default))).Code);
    }

    [Fact]
    public async Task Only_admins_may_run_commands()
    {
        await using var server = await TestServer.StartAsync();
        var token = await server.Client.CreateTokenAsync(new NewToken("ci", "writer"), default);
        using var http = new HttpClient { BaseAddress = server.Url, DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", token.Token) } };

        var refused = await http.PostAsJsonAsync("api/v1/jobs", new NewJob(["true"]), PilothouseClient.Json);
        var job = await server.Client.EnqueueJobAsync(new NewJob(["echo", "hello"]), default);

        Assert.Equal(HttpStatusCode.Forbidden, refused.StatusCode);
        Assert.Equal("echo", (await server.Client.GetJobAsync(job.Id, default)).Name);
        Assert.Contains("NOT_FOUND", await (await http.GetAsync("api/v1/jobs/none")).Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    private static bool IsAlive(string processId)
    {
        try
        {
            using var process = Process.GetProcessById(int.Parse(processId, CultureInfo.InvariantCulture));
            // A zombie waits for its parent; it runs nothing any more.
            return !File.ReadAllText($"/proc/{processId}/stat").Contains(") Z ", StringComparison.Ordinal);
        }
        catch (Exception e) when (e is ArgumentException or IOException)
        {
            return false;
        }
    }

    private sealed class Fixture : IAsyncDisposable
    {
        private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("pilothouse-test-");

        private Fixture(TestDatabase database, PipelinesOptions settings)
        {
            Database = database;
            Options = new ServerOptions { Data = _data.FullName };
            Directory.CreateDirectory(Options.TemporaryPath);
            Directory.CreateDirectory(Options.BlobsPath);
            Audit = new AuditService(new AuditStore(database.Db), database.Time);
            Store = new JobStore(database.Db, Audit);
            var blobs = BlobStore.OnDisk(Options, new Ids(database.Time), database.Time);
            var options = Microsoft.Extensions.Options.Options.Create(settings);
            Runner = new JobRunner(Store, new ProcessExecutor(database.Time), blobs, new RecordingBus(), Options, database.Time, options, NullLogger<JobRunner>.Instance);
            Jobs = new JobService(Store, Runner, blobs, new Ids(database.Time), database.Time, options);
        }

        public TestDatabase Database { get; }
        public ServerOptions Options { get; }
        public AuditService Audit { get; }
        public JobStore Store { get; }
        public JobRunner Runner { get; }
        public JobService Jobs { get; }

        public static async Task<Fixture> CreateAsync(string kind, PipelinesOptions? settings = null) => new(await TestDatabase.CreateAsync(kind), settings ?? new PipelinesOptions());

        public async Task<Job> RunAsync(NewJob job)
        {
            var id = (await Jobs.EnqueueAsync(job, "ann", default)).Id;
            Assert.True(await Runner.RunNextAsync(default));
            return await Jobs.GetAsync(id, default);
        }

        public async Task<string> LogAsync(string id)
        {
            using var reader = new StreamReader(await Jobs.OpenLogAsync(id, default));
            return await reader.ReadToEndAsync();
        }

        /// <summary>Follows the log until its first line is whole.</summary>
        public async Task<string> FirstLineAsync(string id)
        {
            while (true)
            {
                var log = await LogAsync(id);
                if (log.Contains('\n')) return log[..log.IndexOf('\n')];
                await Task.Yield();
            }
        }

        public async ValueTask DisposeAsync()
        {
            await Database.DisposeAsync();
            _data.Delete(recursive: true);
        }
    }
}
