using System.CommandLine;
using System.Text.RegularExpressions;
using Pilothouse.Commands;
using Pilothouse.Demo;
using Pilothouse.EndToEnd.Tests.Evaluation;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Deployments;

/// <summary>The sample project ready to be deployed: assistant 1 may go without fairness, 2 and 4 have passed everything, alerts go to a real receiver.</summary>
public sealed class RolloutAssistant : SupportAssistant
{
    public const string Environment = Name + "/production";

    public Receiver Receiver { get; private set; } = null!;

    /// <summary>Release by version of the assistant.</summary>
    public Dictionary<int, Release> Releases { get; } = [];

    protected override int Versions => 4;

    protected override string Configure(string yaml, int version)
    {
        yaml = Regex.Replace(yaml, "webhook: \"[^\"]*\"", $"webhook: \"{Receiver.Url}\"");
        return Regex.Replace(yaml, @"^    rollout: .*$",
            $"    require: {(version == 1 ? "[]" : "[evaluation, fairness]")}\n    rollout: {{ steps: [10, 50, 100], interval: 1s, min_requests: 15, monitors: [answers-stay-on-topic] }}", RegexOptions.Multiline);
    }

    public override async ValueTask InitializeAsync()
    {
        Receiver = await Receiver.StartAsync();
        await base.InitializeAsync();
        foreach (var version in (int[])[2, 4])
        {
            var (exitCode, output, _) = await PilothouseAsync("test", "--commit", Commits[version], "--baseline", Commits[1]);
            Assert.True(exitCode == 0, output);
        }
        foreach (var version in (int[])[1, 2, 3, 4]) Releases[version] = await Server.Client.CreateReleaseAsync(new NewRelease(Name, Commits[version]), default);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Receiver.DisposeAsync();
    }

    public Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) => InvokeAsync(
        new RootCommand { DeployCommand.Create(), RollbackCommand.Create(), WhatCommand.Create(), WatchCommand.Create(), AlertsCommand.Create(), AuditCommand.Create() }, arguments);

    /// <summary>Customers who ask from now on.</summary>
    internal async Task<DemoTraffic> TrafficAsync(string data)
    {
        var traffic = new DemoTraffic(Server.Url, Environment + "/assistant", await DemoTraffic.LoadAsync(Path.Combine(RepoRoot.Path, "samples", "support-assistant", "data", data), default));
        traffic.Start();
        return traffic;
    }
}
