using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Deployments;

public sealed class DeploymentRulesTests
{
    [Theory]
    // evidence of the release (type:name:verdict:time) and what the refusal has to say; empty = it is let in
    [InlineData("evaluation:quality:PASS:1 fairness:pronouns:PASS:1", "")]
    [InlineData("evaluation:quality:FAIL:1 evaluation:quality:PASS:2 fairness:pronouns:PASS:1", "")]
    [InlineData("evaluation:quality:PASS:1 evaluation:quality:FAIL:2 fairness:pronouns:PASS:1", "latest evaluation says FAIL: evaluation said FAIL")]
    [InlineData("evaluation:quality:FAIL:1 evaluation:other:PASS:2 fairness:pronouns:PASS:1", "the latest evaluation of its suite 'quality' says FAIL")]
    [InlineData("evaluation:other:PASS:1 fairness:pronouns:PASS:1", "its suite 'quality' was not run")]
    [InlineData("evaluation:quality:INCONCLUSIVE:1 fairness:pronouns:PASS:1", "latest evaluation says INCONCLUSIVE")]
    [InlineData("evaluation:quality:PASS:1", "it has no fairness")]
    [InlineData("approval:ann:APPROVED:1", "it has no evaluation")]
    public async Task Evidence_decides_who_is_let_in(string evidence, string refusal)
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var d = new DeploymentFixture(database);
        var release = d.Release("aaaaaaaa", 1, null, [.. evidence.Split(' ').Select(e => e.Split(':')).Select(e => DeploymentFixture.Evidence(e[0], e[1], e[2], long.Parse(e[3])))]);

        var error = await Record.ExceptionAsync(() => d.DeployAsync(release));

        if (refusal.Length == 0) Assert.Null(error);
        else
        {
            Assert.Equal(ErrorCode.FailedPrecondition, Assert.IsType<PilothouseException>(error).Code);
            Assert.Contains(refusal, error.Message, StringComparison.Ordinal);
            Assert.Empty(d.Routes.Routes);
            Assert.Empty(await d.AuditAsync());
        }
    }

    [Fact]
    public async Task An_environment_may_demand_approval_instead()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var d = new DeploymentFixture(database);
        var release = d.Release("aaaaaaaa", 1, "{ target: local, require: [approval] }", DeploymentFixture.Evidence("evaluation", "quality", "FAIL"));
        Assert.Contains("pilothouse approve", (await Assert.ThrowsAsync<PilothouseException>(() => d.DeployAsync(release))).Message, StringComparison.Ordinal);

        d.Release("aaaaaaaa", 1, "{ target: local, require: [approval] }", DeploymentFixture.Evidence("approval", "bob", "APPROVED"));
        Assert.Equal("succeeded", (await d.DeployAsync(release)).Status);
    }

    [Theory, DatabaseData]
    public async Task Rollback_goes_one_back_and_twice_goes_two_back(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        string[] releases = [AtOnce(d, "aaaaaaaa", 1), AtOnce(d, "bbbbbbbb", 2), AtOnce(d, "cccccccc", 3)];
        foreach (var release in releases)
        {
            d.Time.Advance(TimeSpan.FromSeconds(1));
            await d.DeployAsync(release);
            await d.TickAsync(0);
        }

        Assert.Equal(("rollback", releases[1], releases[2]), Of(await d.RollbackAsync()));
        Assert.Equal("stable bbbbbbbb 100", d.Routes.Weights(DeploymentFixture.Route));
        Assert.Equal(releases[0], (await d.RollbackAsync()).Release);
        Assert.Contains("no release before", (await Assert.ThrowsAsync<PilothouseException>(() => d.RollbackAsync())).Message, StringComparison.Ordinal);
        Assert.Equal(releases[2], (await d.RollbackAsync(to: "cccccccc")).Release);
        Assert.Equal("models:/assistant/3", d.Routes.Routes[DeploymentFixture.Route].Arms[0].Model);
        Assert.Equal(releases[2], Assert.Single(await d.Monitoring.Monitors.ActiveAsync(null, default)).Release);
        Assert.Equal("bob environment.rollback", (await d.AuditAsync())[^1]);
        Assert.Contains("never ran another release", (await Assert.ThrowsAsync<PilothouseException>(() => d.RollbackAsync(to: "dddddddd"))).Message, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task Rollback_during_a_rollout_takes_the_canary_back(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        var (a, b) = (d.Release("aaaaaaaa"), d.Release("bbbbbbbb", 2));
        await d.DeployAsync(a);
        await d.DeployAsync(b);

        var ended = await d.RollbackAsync();

        Assert.Equal(("rolled_back", "it is bad", b), (ended.Status, ended.Reason, ended.Release));
        Assert.Equal("stable aaaaaaaa 100", d.Routes.Weights(DeploymentFixture.Route));
        Assert.Equal("bob environment.rollback", (await d.AuditAsync())[^1]);
    }

    [Fact]
    public async Task A_rollback_needs_a_reason_and_something_to_take_back()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var d = new DeploymentFixture(database);
        Assert.Equal(ErrorCode.NotFound, (await Assert.ThrowsAsync<PilothouseException>(() => d.RollbackAsync())).Code);
        Assert.Equal(ErrorCode.InvalidArgument, (await Assert.ThrowsAsync<PilothouseException>(() => d.Deployments.RollbackAsync("shop", "production", null, "bob", " ", default))).Code);
    }

    [Fact]
    public async Task Wrong_names_are_refused_with_those_that_exist()
    {
        await using var database = await TestDatabase.CreateAsync("sqlite");
        var d = new DeploymentFixture(database);
        var a = d.Release("aaaaaaaa");
        Assert.Contains("There are: production", (await Assert.ThrowsAsync<PilothouseException>(() => d.Deployments.DeployAsync("shop", "prod", a, "ann", null, default))).Message, StringComparison.Ordinal);
        Assert.Contains("is of the project 'shop'", (await Assert.ThrowsAsync<PilothouseException>(() => d.Deployments.DeployAsync("other", "production", a, "ann", null, default))).Message, StringComparison.Ordinal);
        await d.DeployAsync(a);
        Assert.Contains("already", (await Assert.ThrowsAsync<PilothouseException>(() => d.DeployAsync(a))).Message, StringComparison.Ordinal);
        Assert.Contains("shop/production", (await Assert.ThrowsAsync<PilothouseException>(() => d.Deployments.WhatAsync("shop", "staging", null, default))).Message, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task What_answers_for_now_and_for_the_past(string kind)
    {
        await using var database = await TestDatabase.CreateAsync(kind);
        var d = new DeploymentFixture(database);
        var (a, b) = (d.Release("aaaaaaaa"), d.Release("bbbbbbbb", 2));
        var before = d.Time.NowMs();
        d.Time.Advance(TimeSpan.FromMinutes(1));
        await d.DeployAsync(a);
        d.Time.Advance(TimeSpan.FromMinutes(1));
        var withA = d.Time.NowMs();
        d.Time.Advance(TimeSpan.FromMinutes(1));
        await d.DeployAsync(b);
        await d.ServeCanaryAsync(b, 30);
        await d.TickAsync(5);
        var at50 = d.Time.NowMs();
        await d.ServeCanaryAsync(b, 30);
        await d.TickAsync(5);
        await d.ServeCanaryAsync(b, 30);
        await d.TickAsync(5);

        var now = await d.Deployments.WhatAsync("shop", "production", null, default);
        Assert.Equal((b, "stable", null), (now.Environment.Release, now.Environment.Status, now.Environment.CanaryRelease));
        Assert.Equal(("stable", b, 10), (now.Environment.Observed[0].Arm, now.Environment.Observed[0].Release, now.Environment.Observed[0].Requests));
        Assert.Equal("Change bbbbbbbb", now.Release!.CommitSubject);
        Assert.Equal([b, a], now.History.Select(r => r.Release));
        Assert.Equal(5, now.Audit.Count);
        Assert.Contains("pilothouse rollback production --project shop", now.RollbackCommand, StringComparison.Ordinal);

        var middle = (await d.Deployments.WhatAsync("shop", "production", at50, default)).Environment;
        Assert.Equal((a, b, 50, "progressing"), (middle.Release, middle.CanaryRelease, middle.CanaryWeight, middle.Status));
        var past = await d.Deployments.WhatAsync("shop", "production", withA, default);
        Assert.Equal((a, null), (past.Environment.Release, past.Environment.CanaryRelease));
        Assert.Single(past.History);
        Assert.Equal("empty", (await d.Deployments.WhatAsync("shop", "production", before, default)).Environment.Status);
    }

    private static string AtOnce(DeploymentFixture d, string name, int version) => d.Release(name, version, "{ target: local }");

    private static (string, string, string?) Of(Rollout r) => (r.Kind, r.Release, r.PreviousRelease);
}
