using Pilothouse.Protocols.Alerting;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Monitoring;
using Pilothouse.Server.Modules.Monitoring.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Monitoring;

public sealed class MonitorServiceTests
{
    [Theory, DatabaseData]
    public async Task A_drop_raises_one_alert_with_its_promise_and_its_webhook(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = new MonitoringFixture(database);
        await m.StartAsync();

        await m.ServeAsync(200, badEvery: 2);

        var fired = Assert.Single(m.Bus.Take<AlertFired>()).Alert;
        Assert.Contains("over this monitor's whole life is at most 1.0%", fired.Summary, StringComparison.Ordinal);
        Assert.Equal(("stable", "sha256:a", "shop"), (fired.Arm, fired.Release, fired.Labels["project"]));
        var state = Assert.Single(await m.Monitors.ActiveAsync(MonitoringFixture.Environment, default));
        Assert.Equal(("firing", 200), (state.Status, state.Samples));
        Assert.InRange(state.Value!.Value, state.Lower!.Value, state.Upper!.Value);

        await m.Sender.PassAsync(default);
        var (url, body) = Assert.Single(m.Receiver.Received);
        var message = AlertmanagerWebhook.Read(body);
        Assert.Equal(("http://hook/one", "firing", "4", "grounded-answers"), (url, message.Status, message.Version, message.CommonLabels["alertname"]));
        var alert = Assert.Single(await m.Monitors.AlertsAsync(MonitoringFixture.Environment, 10, default));
        Assert.Equal(("firing", "delivered", 1), (alert.Status, alert.Deliveries[0].Status, alert.Deliveries[0].Attempts));
    }

    [Theory, DatabaseData]
    public async Task Good_traffic_raises_none(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = new MonitoringFixture(database);
        await m.StartAsync();

        await m.ServeAsync(300, badEvery: 12);

        Assert.Empty(await m.Monitors.AlertsAsync(null, 10, default));
        Assert.Equal("ok", (await m.Monitors.ActiveAsync(null, default))[0].Status);
    }

    [Theory, DatabaseData]
    public async Task Evidence_survives_a_crash_up_to_the_last_flush(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = new MonitoringFixture(database);
        await m.StartAsync();
        await m.ServeAsync(50, badEvery: 10);
        await m.Monitors.FlushAsync(default);
        var before = (await m.Monitors.ActiveAsync(null, default))[0];
        await m.ServeAsync(5);

        m.Restart();

        var after = (await m.Monitors.ActiveAsync(null, default))[0];
        Assert.Equal((before.Samples, before.EValue, before.Lower), (after.Samples, after.EValue, after.Lower));
        await m.ServeAsync(5);
        Assert.Equal(55, (await m.Monitors.ActiveAsync(null, default))[0].Samples);
    }

    [Theory, DatabaseData]
    public async Task Evidence_is_written_after_so_many_observations_without_the_timer(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = new MonitoringFixture(database);
        m.Settings.FlushObservations = 30;
        await m.StartAsync();

        await m.ServeAsync(35);

        m.Restart();
        Assert.Equal(30, (await m.Monitors.ActiveAsync(null, default))[0].Samples);
    }

    [Theory, DatabaseData]
    public async Task An_alarm_is_kept_over_a_crash_and_fires_once(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = new MonitoringFixture(database);
        await m.StartAsync();
        await m.ServeAsync(100, badEvery: 1);
        m.Restart();

        await m.ServeAsync(50, badEvery: 1);

        Assert.Single(m.Bus.Take<AlertFired>());
        Assert.Equal("firing", Assert.Single(await m.Monitors.AlertsAsync(null, 10, default)).Status);
    }

    [Theory, DatabaseData]
    public async Task No_alarm_before_the_least_number_of_samples(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = new MonitoringFixture(database);
        await m.StartAsync(monitors: MonitoringFixture.Grounded(minSamples: 40));

        await m.ServeAsync(39, badEvery: 1);
        Assert.Equal("collecting", (await m.Monitors.ActiveAsync(null, default))[0].Status);
        Assert.Empty(m.Bus.Take<AlertFired>());

        await m.ServeAsync(1, badEvery: 1);
        Assert.Single(m.Bus.Take<AlertFired>());
    }

    [Theory, DatabaseData]
    public async Task Stopping_ends_the_alert_and_tells_so(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = new MonitoringFixture(database);
        await m.StartAsync();
        await m.ServeAsync(100, badEvery: 1);

        await m.Monitors.StopAsync(MonitoringFixture.Environment, "stable", default);
        await m.Sender.PassAsync(default);

        Assert.Equal("resolved", Assert.Single(m.Bus.Take<AlertResolved>()).Alert.Status);
        Assert.Equal(["firing", "resolved"], m.Receiver.Received.Select(r => AlertmanagerWebhook.Read(r.Body).Status));
        Assert.Empty(await m.Monitors.ActiveAsync(null, default));
        Assert.Equal("stopped", Assert.Single(await m.Monitors.ListAsync(null, default)).Status);
        await m.ServeAsync(5); // nobody watches any more: no failure
    }

    [Theory, DatabaseData]
    public async Task Recovery_ends_the_alert_and_begins_a_new_life(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = new MonitoringFixture(database);
        await m.StartAsync();
        await m.ServeAsync(30, badEvery: 2);
        Assert.Single(m.Bus.Take<AlertFired>());

        await m.ServeAsync(1000);

        Assert.Single(m.Bus.Take<AlertResolved>());
        Assert.Equal("ok", (await m.Monitors.ActiveAsync(null, default))[0].Status);
        await m.ServeAsync(100, badEvery: 1);
        Assert.Single(m.Bus.Take<AlertFired>());
    }

    [Theory, DatabaseData]
    public async Task A_promoted_canary_keeps_its_evidence(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = new MonitoringFixture(database);
        await m.StartAsync("stable", "sha256:a");
        await m.StartAsync("canary", "sha256:b");
        await m.ServeAsync(30, arm: "canary", release: "sha256:b");

        await m.Monitors.MoveAsync(MonitoringFixture.Environment, "canary", "stable", default);

        var state = Assert.Single(await m.Monitors.ActiveAsync(null, default));
        Assert.Equal(("stable", "sha256:b", 30), (state.Arm, state.Release, state.Samples));
        m.Restart();
        Assert.Equal("stable", Assert.Single(await m.Monitors.ActiveAsync(null, default)).Arm);
    }

    [Theory, DatabaseData]
    public async Task Only_its_own_release_arm_and_model_are_judged(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var m = new MonitoringFixture(database);
        await m.StartAsync();

        await m.ServeAsync(3, release: "sha256:old");
        await m.ServeAsync(3, arm: "canary");
        await m.ServeAsync(3, model: "triage");
        await m.Monitors.ObserveAsync(m.Response("x") with { Metadata = new Dictionary<string, string>() }, default);
        await m.ServeAsync(2);

        Assert.Equal(2, (await m.Monitors.ActiveAsync(null, default))[0].Samples);
    }

    [Theory]
    [InlineData("grounded", null, "the lamp is in lisbon", false, 10, null, true)]
    [InlineData("grounded", null, "the lamp is in Porto", false, 10, null, false)]
    [InlineData("grounded", null, "Lisbon", true, 10, null, false)]
    [InlineData("error_rate", null, "", true, 10, null, false)]
    [InlineData("error_rate", null, "", false, 10, null, true)]
    [InlineData("latency_ms", 100.0, "", false, 100, null, true)]
    [InlineData("latency_ms", 100.0, "", false, 101, null, false)]
    [InlineData("confidence", -0.5, "", false, 10, -0.4, true)]
    [InlineData("confidence", -0.5, "", false, 10, -0.6, false)]
    [InlineData("confidence", -0.5, "", false, 10, null, null)]
    public void Metrics_judge_a_response(string metric, double? limit, string output, bool failed, double latencyMs, double? logProbability, bool? expected)
    {
        var monitor = new MonitorDefinition("m", metric, 0.9, 0.01, 1, null, limit);
        var response = new Observation("e", "stable", "r", "t", 0, "", output, failed, latencyMs, logProbability, new Dictionary<string, string> { ["must_contain"] = "Lisbon| " });
        Assert.Equal(expected, OnlineMetrics.Judge(monitor, response));
    }

    [Theory, InlineData("groundedness", null), InlineData("latency_ms", null), InlineData("confidence", null)]
    public async Task A_monitor_that_cannot_judge_is_refused(string metric, double? limit)
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var m = new MonitoringFixture(database);
        var error = await Assert.ThrowsAsync<PilothouseException>(() => m.StartAsync(monitors: new MonitorDefinition("m", metric, 0.9, 0.01, 1, null, limit)));
        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
    }

    [Fact]
    public async Task More_monitors_than_the_bound_are_refused()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var m = new MonitoringFixture(database);
        m.Settings.MaxMonitors = 1;
        await m.StartAsync();
        await m.StartAsync(); // replaces
        Assert.Equal(ErrorCode.RateLimited, (await Assert.ThrowsAsync<PilothouseException>(() => m.StartAsync("canary"))).Code);
    }
}
