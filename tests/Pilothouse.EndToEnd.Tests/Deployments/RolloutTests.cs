using Pilothouse.Commands.Live;
using Pilothouse.Protocols.V1;

namespace Pilothouse.EndToEnd.Tests.Deployments;

/// <summary>Real models behind the real gateway under live traffic over HTTP: one release that is good, one that passed its gates and is not.</summary>
public sealed class RolloutTests(RolloutAssistant sample) : IClassFixture<RolloutAssistant>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    [Fact]
    public async Task A_good_release_climbs_and_one_that_degrades_on_live_traffic_is_taken_back()
    {
        var refused = await sample.RunAsync("deploy", RolloutAssistant.Environment, "--release", sample.Releases[3].Digest);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("it has no evaluation", refused.Output, StringComparison.Ordinal);

        var first = await sample.RunAsync("deploy", RolloutAssistant.Environment, "--release", sample.Releases[1].Digest, "--wait");
        Assert.True(first.ExitCode == 0, first.Output);

        long failed;
        await using (var traffic = await sample.TrafficAsync("live.jsonl"))
        {
            // As on a terminal: the figures of the moment are drawn and taken away again.
            var screen = new StringWriter();
            var started = await sample.Server.Client.DeployAsync(RolloutAssistant.Name, "production", new NewDeployment(sample.Releases[2].Digest, "balanced"), default);
            var good = await new RolloutWatch(sample.Server.Client, screen, isTerminal: true, TimeProvider.System).RunAsync(started, default);
            Assert.True(good.Status == "succeeded", screen.ToString());
            foreach (var part in (string[])["10% -> 50%", "50% -> 100%", "/15 responses", "answers-stay-on-topic: ", "\u001b[1A\u001b[2K"]) Assert.Contains(part, screen.ToString(), StringComparison.Ordinal);
            failed = traffic.Failed;
        }
        Assert.Equal(0, failed);

        await using (var traffic = await sample.TrafficAsync("live-drifted.jsonl"))
        {
            var bad = await sample.RunAsync("deploy", RolloutAssistant.Environment, "--release", sample.Releases[4].Digest, "--wait");
            Assert.True(bad.ExitCode == 1, bad.Output);
            Assert.Contains("chance of a false alarm over this monitor's whole life is at most 1.0%", bad.Output, StringComparison.Ordinal);
            failed = traffic.Failed;
        }
        Assert.Equal(0, failed);

        Assert.True(await sample.Receiver.WaitAsync(2, Patience), "no webhook came");
        Assert.Equal(["firing", "resolved"], sample.Receiver.Received.Select(m => m.Status));
        Assert.Equal(("answers-stay-on-topic", sample.Releases[4].Digest), (sample.Receiver.Received.First().CommonLabels["alertname"], sample.Receiver.Received.First().CommonLabels["release"]));

        var state = await sample.Server.Client.GetEnvironmentAsync(RolloutAssistant.Name, "production", default);
        Assert.Equal(sample.Releases[2].Digest, state.Release);
        Assert.Equal("stable", state.Status);
        Assert.All(state.Observed, arm => Assert.Equal(("stable", sample.Releases[2].Digest), (arm.Arm, arm.Release)));

        var what = await sample.RunAsync("what", RolloutAssistant.Environment, "--why");
        foreach (var part in (string[])[sample.Commits[2], "models:/assistant/2", "evaluation", "fairness", "tried and took back", "pilothouse rollback production"])
            Assert.Contains(part, what.Output, StringComparison.Ordinal);
        var watch = await sample.RunAsync("watch", RolloutAssistant.Environment, "--once");
        Assert.Contains("stable  answers-stay-on-topic: ", watch.Output, StringComparison.Ordinal);
        var alerts = await sample.RunAsync("alerts");
        Assert.Equal(0, alerts.ExitCode);
        Assert.Contains("delivered after 2 attempt(s)", alerts.Output, StringComparison.Ordinal);
        TestContext.Current.TestOutputHelper?.WriteLine(what.Output + alerts.Output);

        var back = await sample.RunAsync("rollback", RolloutAssistant.Environment, "--reason", "exercise");
        Assert.True(back.ExitCode == 0, back.Output);
        Assert.Equal(sample.Releases[1].Digest, (await sample.Server.Client.GetEnvironmentAsync(RolloutAssistant.Name, "production", default)).Release);
        Assert.Equal(0, (await sample.RunAsync("audit", "verify")).ExitCode);
        Assert.Contains("pilothouse_monitor_e_value{", await sample.Server.Http.GetStringAsync("metrics"), StringComparison.Ordinal);
    }
}
