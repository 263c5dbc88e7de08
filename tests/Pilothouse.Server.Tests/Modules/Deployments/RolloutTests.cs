using Pilothouse.Server.Modules.Deployments.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Deployments;

public sealed class RolloutTests
{
    [Theory, DatabaseData]
    public async Task The_first_release_gets_all_traffic_at_once_and_is_watched(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        var a = d.Release("aaaaaaaa");

        var rollout = await d.DeployAsync(a);

        Assert.Equal(("succeeded", 100), (rollout.Status, rollout.Weight));
        var arm = Assert.Single(d.Routes.Routes[DeploymentFixture.Route].Arms);
        Assert.Equal(("stable", 100, "models:/assistant/1", "onnx", "Answer: {input}"), (arm.Arm, arm.Weight, arm.Model, arm.Engine, arm.PromptTemplate));
        Assert.Equal((0, 99), (arm.Temperature, arm.MaxTokens)); // the model's own parameter wins over the prompt's
        Assert.Equal(("stable", a), ((await d.Monitoring.Monitors.ActiveAsync(null, default))[0].Arm, (await d.Monitoring.Monitors.ActiveAsync(null, default))[0].Release));
        Assert.Equal(["ann environment.deploy"], await d.AuditAsync());
    }

    [Theory, DatabaseData]
    public async Task A_canary_climbs_by_time_and_requests_and_becomes_the_release(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        var (a, b) = (d.Release("aaaaaaaa"), d.Release("bbbbbbbb", 2));
        await d.DeployAsync(a);

        var rollout = await d.DeployAsync(b);
        Assert.Equal("stable aaaaaaaa 90, canary bbbbbbbb 10", d.Routes.Weights(DeploymentFixture.Route));
        await d.ServeCanaryAsync(b, 30);
        await d.TickAsync(4.9);
        Assert.Equal("stable aaaaaaaa 90, canary bbbbbbbb 10", d.Routes.Weights(DeploymentFixture.Route));
        await d.TickAsync(0.1);
        Assert.Equal("stable aaaaaaaa 50, canary bbbbbbbb 50", d.Routes.Weights(DeploymentFixture.Route));
        await d.ServeCanaryAsync(b, 29);
        await d.TickAsync(100);
        Assert.Equal((1, 29), ((await d.Deployments.GetRolloutAsync(rollout.Id, default)).CurrentStep, (await d.Deployments.GetRolloutAsync(rollout.Id, default)).StepRequests));
        await d.ServeCanaryAsync(b, 1);
        await d.TickAsync(0);
        Assert.Equal("stable aaaaaaaa 0, canary bbbbbbbb 100", d.Routes.Weights(DeploymentFixture.Route));
        await d.ServeCanaryAsync(b, 30);
        await d.TickAsync(5);

        Assert.Equal("stable bbbbbbbb 100", d.Routes.Weights(DeploymentFixture.Route));
        Assert.Equal("succeeded", (await d.Deployments.GetRolloutAsync(rollout.Id, default)).Status);
        var monitor = Assert.Single(await d.Monitoring.Monitors.ActiveAsync(null, default));
        Assert.Equal(("stable", b, 90), (monitor.Arm, monitor.Release, monitor.Samples)); // its evidence came along
        Assert.Equal(["ann environment.deploy", "ann environment.deploy", "pilothouse environment.weight", "pilothouse environment.weight", "pilothouse environment.promote"], await d.AuditAsync());
        Assert.Equal("succeeded", Assert.Single(d.Monitoring.Bus.Take<RolloutFinished>()).Rollout.Status);
        Assert.True((await d.Audit.VerifyAsync(default)).Valid);
    }

    [Theory, DatabaseData]
    public async Task An_alarm_of_the_canary_takes_it_back_at_once(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        var (a, b) = (d.Release("aaaaaaaa"), d.Release("bbbbbbbb", 2));
        await d.DeployAsync(a);
        var rollout = await d.DeployAsync(b);

        await d.ServeCanaryAsync(b, 30, good: false);
        await d.PumpAsync(); // no time has passed: the alarm does not wait for the tick

        Assert.Equal("stable aaaaaaaa 100", d.Routes.Weights(DeploymentFixture.Route));
        var ended = await d.Deployments.GetRolloutAsync(rollout.Id, default);
        Assert.Equal(("rolled_back", 0), (ended.Status, ended.Weight));
        Assert.Contains("'grounded-answers' raised an alarm", ended.Reason, StringComparison.Ordinal);
        Assert.Contains("false alarm over this monitor's whole life is at most 1.0%", ended.Reason, StringComparison.Ordinal);
        Assert.Equal("pilothouse environment.rollback", (await d.AuditAsync())[^1]);
        Assert.Equal(a, (await d.Deployments.WhatAsync("shop", "production", null, default)).Environment.Release);
        Assert.Equal("stable", Assert.Single(await d.Monitoring.Monitors.ActiveAsync(null, default)).Arm);
        var alert = Assert.Single(await d.Monitoring.Monitors.AlertsAsync("shop/production", 10, default));
        Assert.Equal(("resolved", "canary"), (alert.Status, alert.Arm));
        await d.Monitoring.Sender.PassAsync(default);
        Assert.Equal(2, d.Monitoring.Receiver.Received.Count); // firing and resolved
        await d.DeployAsync(b); // it may be tried again
    }

    [Theory, DatabaseData]
    public async Task An_alarm_whose_event_was_lost_is_found_at_the_next_tick(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        var (a, b) = (d.Release("aaaaaaaa"), d.Release("bbbbbbbb", 2));
        await d.DeployAsync(a);
        await d.DeployAsync(b);
        await d.ServeCanaryAsync(b, 40, good: false);

        await d.TickAsync(10); // time and requests would let it climb

        Assert.Equal("stable aaaaaaaa 100", d.Routes.Weights(DeploymentFixture.Route));
    }

    [Theory, DatabaseData]
    public async Task An_alarm_of_the_stable_release_does_not_take_the_canary_back(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        var (a, b) = (d.Release("aaaaaaaa"), d.Release("bbbbbbbb", 2));
        await d.DeployAsync(a);
        var rollout = await d.DeployAsync(b);

        await d.Monitoring.ServeAsync(60, badEvery: 1, arm: "stable", release: a);
        await d.PumpAsync();
        await d.TickAsync(1);

        Assert.Equal("progressing", (await d.Deployments.GetRolloutAsync(rollout.Id, default)).Status);
    }

    [Theory, DatabaseData]
    public async Task A_rollout_goes_on_after_a_crash_where_it_was(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        var (a, b) = (d.Release("aaaaaaaa"), d.Release("bbbbbbbb", 2));
        await d.DeployAsync(a);
        var rollout = await d.DeployAsync(b);
        await d.ServeCanaryAsync(b, 30);
        await d.TickAsync(5);
        await d.ServeCanaryAsync(b, 20);
        await d.TickAsync(1);
        await d.Monitoring.Monitors.FlushAsync(default);

        await d.RestartAsync();

        Assert.Equal("stable aaaaaaaa 50, canary bbbbbbbb 50", d.Routes.Weights(DeploymentFixture.Route));
        Assert.Equal(50, (await d.Monitoring.Monitors.ActiveAsync(null, default)).Single(m => m.Arm == "canary").Samples);
        await d.ServeCanaryAsync(b, 10); // 20 + 10
        await d.TickAsync(5);
        Assert.Equal("stable aaaaaaaa 0, canary bbbbbbbb 100", d.Routes.Weights(DeploymentFixture.Route));
        await d.ServeCanaryAsync(b, 30);
        await d.TickAsync(5);
        Assert.Equal("succeeded", (await d.Deployments.GetRolloutAsync(rollout.Id, default)).Status);
    }

    [Theory, DatabaseData]
    public async Task A_crash_between_record_and_gateway_is_made_good_at_start(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        var (a, b) = (d.Release("aaaaaaaa"), d.Release("bbbbbbbb", 2));
        await d.DeployAsync(a);
        await d.DeployAsync(b);
        d.Routes.Routes.Clear();
        await d.Monitoring.Monitors.StopAsync("shop/production", "canary", default);

        await d.RestartAsync();

        Assert.Equal("stable aaaaaaaa 90, canary bbbbbbbb 10", d.Routes.Weights(DeploymentFixture.Route));
        Assert.Equal(["canary", "stable"], (await d.Monitoring.Monitors.ActiveAsync(null, default)).Select(m => m.Arm).Order());
        var sets = d.Routes.Sets;
        await d.RestartAsync();
        Assert.Equal(sets, d.Routes.Sets); // what is right already is left alone, with its counters
    }

    [Theory, DatabaseData]
    public async Task An_alarm_before_a_crash_takes_the_canary_back_after_it(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        var (a, b) = (d.Release("aaaaaaaa"), d.Release("bbbbbbbb", 2));
        await d.DeployAsync(a);
        await d.DeployAsync(b);
        await d.ServeCanaryAsync(b, 40, good: false);

        await d.RestartAsync();
        await d.TickAsync(0);

        Assert.Equal("stable aaaaaaaa 100", d.Routes.Weights(DeploymentFixture.Route));
    }

    [Theory, DatabaseData]
    public async Task A_second_rollout_waits_for_the_first(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        var (a, b, c) = (d.Release("aaaaaaaa"), d.Release("bbbbbbbb", 2), d.Release("cccccccc", 3));
        await d.DeployAsync(a);
        await d.DeployAsync(b);

        var error = await Assert.ThrowsAsync<PilothouseException>(() => d.DeployAsync(c));

        Assert.Equal(ErrorCode.FailedPrecondition, error.Code);
        Assert.Contains("A rollout is under way", error.Message, StringComparison.Ordinal);
        Assert.Equal("stable aaaaaaaa 90, canary bbbbbbbb 10", d.Routes.Weights(DeploymentFixture.Route));
        Assert.Equal(2, (await d.AuditAsync()).Count);
    }

    [Theory, DatabaseData]
    public async Task A_release_that_cannot_be_served_changes_nothing(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        var (a, b) = (d.Release("aaaaaaaa"), d.Release("bbbbbbbb", 2));
        d.Routes.Broken.Add("models:/assistant/2");

        await Assert.ThrowsAsync<PilothouseException>(() => d.DeployAsync(b));
        Assert.Empty(await d.Deployments.EnvironmentsAsync(null, default));
        await d.DeployAsync(a);
        await Assert.ThrowsAsync<PilothouseException>(() => d.DeployAsync(b));

        Assert.Equal("stable aaaaaaaa 100", d.Routes.Weights(DeploymentFixture.Route));
        Assert.Contains("could not be served", (await d.Deployments.RolloutsAsync("shop", "production", 1, default))[0].Reason, StringComparison.Ordinal);
    }
}
