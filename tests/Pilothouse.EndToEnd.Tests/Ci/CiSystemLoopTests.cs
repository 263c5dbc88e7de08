using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Ci;

/// <summary>The whole loop with a CI system elsewhere: push, build started by its API, the pipeline's script, a signed webhook back, the status, the merge blocked or allowed.</summary>
public sealed class CiSystemLoopTests
{
    [Theory]
    [InlineData("jenkins", "faq")]
    [InlineData("circleci", "gh/acme/faq")]
    [InlineData("travis", "acme/faq")]
    public async Task A_build_elsewhere_blocks_the_merge_or_allows_it(string system, string target)
    {
        Assert.SkipUnless(Shell.Has("curl"), "curl is not installed.");
        await using var world = await CiWorld.StartAsync(null, "\nci:\n  quality: { runner: elsewhere, required: true, on: { push: [\"feature*\"] } }\n");
        await using var ci = await CiSystemServer.StartAsync(system, world);
        var connect = await world.RunAsync(["PILOTHOUSE_CI_SECRET=api-token", "PILOTHOUSE_CI_WEBHOOK_SECRET=" + CiSystemServer.Secret, ServerProcess.Executable, "ci", "connect", "elsewhere", "--system", system, "--target", target, "--url", ci.Url, "--no-builds",
            .. system == "jenkins" ? ["--user", "ann"] : Array.Empty<string>()]);
        Assert.True(connect.ExitCode == 0, connect.Output + connect.Error);
        Assert.Contains("/ci/connections/elsewhere/webhook", connect.Output);
        (await world.RunAsync(ServerProcess.Executable, "ci", "init", system)).Succeeded();
        await world.CommitAsync("pipeline");
        var url = new Uri(world.Server.Url, "/git/faq.git").ToString();
        await world.GitAsync("push", "-q", url, "HEAD:main");
        Assert.Equal(0, ci.Started);

        world.SetFloor("0.99"); // two answers cannot prove it
        var bad = await world.CommitAsync("a floor that is too high");
        await world.GitAsync("push", "-q", url, "HEAD:feature");
        Assert.Equal("failure", await EndAsync(world, bad));
        var blocked = await Shell.RunAsync(world.Repository, "git", "push", url, "HEAD:main");
        Assert.NotEqual(0, blocked.ExitCode);
        Assert.Contains("pilothouse/ci/quality: failure", blocked.Error);

        world.SetFloor("0.1");
        var good = await world.CommitAsync("a floor that can be proven");
        await world.GitAsync("push", "-q", url, "HEAD:feature");
        Assert.Equal("success", await EndAsync(world, good));
        await world.GitAsync("push", "-q", url, "HEAD:main");
        Assert.Contains($"{system}.example/builds/2", (await world.RunAsync(ServerProcess.Executable, "ci", "runs")).Succeeded());
    }

    private static async Task<string> EndAsync(CiWorld world, string commit)
    {
        var state = "";
        await Eventually.TrueAsync(async () => (state = (await world.Server.Client.ListCommitStatusesAsync("faq", commit, default)).FirstOrDefault(s => s.Context == "pilothouse/ci/quality")?.State ?? "") is not ("" or "pending"));
        return state;
    }
}
