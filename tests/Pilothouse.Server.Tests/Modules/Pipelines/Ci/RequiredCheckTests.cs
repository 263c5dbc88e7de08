using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Pipelines.Api;
using Pilothouse.Server.Modules.Pipelines.Ci.Jobs;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Pipelines.Ci;

/// <summary>Jobs of pilothouse.yaml and the gate they are, with stock git against the real server; a Jenkins elsewhere runs them.</summary>
public sealed class RequiredCheckTests : IAsyncLifetime
{
    private const string Secret = "a-webhook-secret-of-tests";

    private const string Project = """
        apiVersion: pilothouse/v1
        project: p
        ci:
          lint: { runner: jenkins }
          quality: { runner: jenkins, needs: [lint], required: true, on: { push: ["*"], paths: ["src/*"] } }
          nightly: { runner: jenkins, on: { registry: true } }

        """;

    private static int _number;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("pilothouse-ci-");
    private ScriptedCi _ci = null!;
    private string _url = "";

    public async ValueTask InitializeAsync() => _ci = await ScriptedCi.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _ci.DisposeAsync();
        _folder.Delete(recursive: true);
    }

    [Theory, DatabaseData]
    public async Task A_protected_branch_takes_a_commit_when_its_required_jobs_are_green(string kind)
    {
        await using var server = await ServerAsync(kind);
        await PushAsync("main", Project);
        var commit = await CommitAsync("src/a.txt", "two");

        var unknown = await GitAsync("push", _url, "HEAD:main");
        Assert.NotEqual(0, unknown.ExitCode);
        Assert.Contains("main is protected", unknown.Error);
        Assert.Contains("pilothouse/ci/quality: not there", unknown.Error);
        Assert.Contains("pilothouse ci status --commit " + commit[..10], unknown.Error);

        (await GitAsync("push", "-q", _url, "HEAD:feature/a")).Succeeded();
        var lint = await BuildAsync(server, "lint", commit);
        Assert.DoesNotContain(await JobsAsync(server, commit), j => j is { Name: "quality", State: not "waiting" });
        var pending = await GitAsync("push", _url, "HEAD:main");
        Assert.Contains("pilothouse/ci/quality: pending", pending.Error);

        await ReportAsync(server, lint, "SUCCESS");
        var quality = await BuildAsync(server, "quality", commit); // begins only now
        await ReportAsync(server, quality, "FAILURE");
        await Eventually.TrueAsync(async () => (await JobsAsync(server, commit)).Any(j => j is { Name: "quality", State: "failure" }));
        var failed = await GitAsync("push", _url, "HEAD:main");
        Assert.Contains("pilothouse/ci/quality: failure", failed.Error);
        Assert.NotEqual(0, failed.ExitCode);

        // A commit that takes the gate away is held by the gate that main has.
        await PushAsync("feature/b", Project.Replace(", required: true", "", StringComparison.Ordinal));
        Assert.Contains("pilothouse/ci/quality", (await GitAsync("push", _url, "HEAD:main")).Error);

        await GitAsync("reset", "-q", "--hard", commit);
        var repaired = await CommitAsync("src/a.txt", "three");
        (await GitAsync("push", "-q", _url, "HEAD:feature/a")).Succeeded();
        await ReportAsync(server, await BuildAsync(server, "lint", repaired), "SUCCESS");
        await ReportAsync(server, await BuildAsync(server, "quality", repaired), "SUCCESS");
        await Eventually.TrueAsync(async () => (await server.Client.ListCommitStatusesAsync("p", repaired, default)).Any(s => s is { Context: "pilothouse/ci/quality", State: "success" }));
        (await GitAsync("push", "-q", _url, "HEAD:main")).Succeeded();
        Assert.Equal(2, (await JobsAsync(server, repaired)).Count); // the push to main runs nothing again
    }

    [Fact]
    public async Task What_a_failed_job_was_needed_for_is_skipped_and_jobs_whose_files_did_not_change_do_not_run()
    {
        await using var server = await ServerAsync("sqlite");
        await PushAsync("main", Project, "-o", "ci.skip");
        var commit = await CommitAsync("docs/a.txt", "two");
        (await GitAsync("push", "-q", _url, "HEAD:feature/a")).Succeeded();
        (await GitAsync("push", "-q", _url, "HEAD:feature/a")).Succeeded();
        await BuildAsync(server, "lint", commit);
        Assert.Equal(["lint", "quality"], (await JobsAsync(server, commit)).Select(j => j.Name).Order()); // a new branch: nothing to compare with

        var second = await CommitAsync("docs/a.txt", "three");
        (await GitAsync("push", "-q", _url, "HEAD:feature/a")).Succeeded();
        await BuildAsync(server, "lint", second);
        Assert.Equal(["lint"], (await JobsAsync(server, second)).Select(j => j.Name));

        await ReportAsync(server, await BuildAsync(server, "lint", commit), "FAILURE");
        await Eventually.TrueAsync(async () => (await JobsAsync(server, commit)).Any(j => j is { Name: "quality", State: "skipped", Error: "It needs lint: failure." }));
        Assert.Contains(await server.Client.ListCommitStatusesAsync("p", commit, default), s => s is { Context: "pilothouse/ci/quality", State: "error" });
    }

    [Theory, DatabaseData]
    public async Task A_rule_names_checks_of_its_own_and_an_administrator_may_go_past_them_with_a_reason(string kind)
    {
        await using var server = await ServerAsync(kind);
        await PushAsync("main", "apiVersion: pilothouse/v1\nproject: p\n");
        await server.Client.SetBranchRuleAsync("p", new BranchRuleInfo("main", RequiredChecks: ["ci/script"]), default);
        Assert.Equal(["ci/script"], Assert.Single(await server.Client.ListBranchRulesAsync("p", default)).RequiredChecks!);
        var commit = await CommitAsync("a.txt", "two");
        Assert.Contains("ci/script: not there", (await GitAsync("push", _url, "HEAD:main")).Error);
        Assert.Contains("ci/script: not there", (await GitAsync("push", "-o", "ci.override=", _url, "HEAD:main")).Error);
        (await GitAsync("push", "-q", "-o", "ci.skip", _url, "HEAD:feature")).Succeeded();
        await server.Client.SetCommitStatusAsync("p", commit, new NewCommitStatus("success", "ci/script"), default);
        (await GitAsync("push", "-q", _url, "HEAD:main")).Succeeded();

        await CommitAsync("a.txt", "three");
        (await GitAsync("push", "-q", "-o", "ci.override=the CI system is away", _url, "HEAD:main")).Succeeded();
        await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.SetBranchRuleAsync("p", new BranchRuleInfo("main", RequiredChecks: [""]), default));
    }

    [Fact]
    public async Task A_new_version_of_a_model_starts_the_jobs_that_ask_for_it_and_a_file_with_faults_says_so_at_its_commit()
    {
        await using var server = await ServerAsync("sqlite");
        await PushAsync("main", Project, "-o", "ci.skip");
        var head = (await GitAsync("rev-parse", "HEAD")).Succeeded().Trim();
        await server.Service<CiJobService>().VersionAddedAsync(default);
        Assert.Equal(("nightly", "registry"), Assert.Single((await JobsAsync(server, head)).Select(j => (j.Name, j.Cause))));

        await PushAsync("feature/broken", Project + "  bad: { steps: [] }\n");
        var broken = (await GitAsync("rev-parse", "HEAD")).Succeeded().Trim();
        await Eventually.TrueAsync(async () => (await server.Client.ListCommitStatusesAsync("p", broken, default)).Any(s => s is { Context: "pilothouse/ci", State: "error" }));
    }

    [Fact]
    public async Task Jobs_of_the_built_in_runner_are_refused_where_it_is_off_and_one_that_waits_can_be_cancelled()
    {
        await using var server = await ServerAsync("sqlite");
        await PushAsync("main", "apiVersion: pilothouse/v1\nproject: p\nci:\n  a: { steps: [{ run: echo }] }\n  b: { runner: jenkins, needs: [c] }\n  c: { runner: jenkins }\n");
        var head = (await GitAsync("rev-parse", "HEAD")).Succeeded().Trim();
        await Eventually.TrueAsync(async () => (await JobsAsync(server, head)).Count == 3 && (await JobsAsync(server, head)).Any(j => j is { Name: "a", State: "error" }));
        var jobs = (await JobsAsync(server, head)).ToDictionary(j => j.Name);
        Assert.Contains("Pipelines:RunProjectJobs", jobs["a"].Error);
        Assert.Equal("cancelled", (await server.Client.CancelCiJobAsync("p", jobs["b"].Id, default)).State);
        Assert.Equal("cancelled", (await server.Client.CancelCiJobAsync("p", jobs["b"].Id, default)).State);
        Assert.Equal(["b"], (await server.Client.StartCiJobsAsync("p", new NewCiJobs(head, ["b"]), default)).Select(j => j.Name)); // c is still under way
        await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.StartCiJobsAsync("p", new NewCiJobs(head, ["no-such"]), default));
    }

    /// <summary>Waits for the build of a job, and for Jenkins to have it.</summary>
    private static async Task<CiBuild> BuildAsync(TestServer server, string job, string commit)
    {
        CiBuild? found = null;
        await Eventually.TrueAsync(async () => (found = (await server.Client.ListCiBuildsAsync("p", 100, default)).FirstOrDefault(b => b.Job == job && b.Commit == commit)) is not null);
        return found!;
    }

    private static async Task ReportAsync(TestServer server, CiBuild build, string status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "api/v1/projects/p/ci/connections/jenkins/webhook")
        {
            Content = new StringContent($$$"""{"name":"faq","build":{"number":{{{Interlocked.Increment(ref _number)}}},"phase":"COMPLETED","status":"{{{status}}}","parameters":{"PILOTHOUSE_BUILD":"{{{build.Id}}}"} } }""", Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("X-Pilothouse-Token", Secret);
        using var response = await server.Http.SendAsync(request);
        Assert.Contains("applied", await response.Content.ReadAsStringAsync());
    }

    private static Task<IReadOnlyList<CiJob>> JobsAsync(TestServer server, string commit) => server.Client.ListCiJobsAsync("p", commit, 100, default);

    private async Task<TestServer> ServerAsync(string kind)
    {
        var server = await TestServer.StartAsync(kind, builder => builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Pipelines:FollowBuilds"] = "false" }));
        await server.Client.CreateProjectAsync("p", default);
        await server.Client.ConnectCiAsync("p", "jenkins", new NewCiConnection("jenkins", "faq", "token", _ci.Url, "ann", WebhookSecret: Secret, Builds: false), default);
        _url = new Uri(server.Url, "git/p.git").ToString();
        (await GitAsync("init", "-q", "-b", "main")).Succeeded();
        return server;
    }

    private async Task PushAsync(string branch, string project, params string[] options)
    {
        await CommitAsync("pilothouse.yaml", project);
        (await GitAsync(["push", "-q", .. options, _url, "HEAD:" + branch])).Succeeded();
    }

    private async Task<string> CommitAsync(string file, string content)
    {
        var path = Path.Combine(_folder.FullName, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        await File.WriteAllTextAsync(path, content);
        (await GitAsync("add", "-A")).Succeeded();
        (await GitAsync("commit", "-q", "-m", "one")).Succeeded();
        return (await GitAsync("rev-parse", "HEAD")).Succeeded().Trim();
    }

    private Task<Shell.Outcome> GitAsync(params string[] arguments) => Shell.RunAsync(_folder.FullName, "git", arguments);
}
