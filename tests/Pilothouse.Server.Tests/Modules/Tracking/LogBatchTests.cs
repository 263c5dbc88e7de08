using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking;

public class LogBatchTests
{
    [Theory, DatabaseData]
    public async Task An_exact_repeat_of_a_point_is_ignored_and_anything_else_is_kept(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        var run = await tracking.CreateRunAsync();
        MlflowPoint[] points = [new(0, 5, 1, 0.5), new(0, 5, 1, 0.5), new(0, 5, 1, 0.25), new(0, 6, 1, 0.5), new(0, 5, 1, double.NaN)];

        await tracking.Runs.LogBatchAsync(new MlflowBatch(run, ["loss"], [.. points], [], []), default);
        await tracking.Runs.LogBatchAsync(new MlflowBatch(run, ["loss"], [.. points], [], []), default);

        var history = await tracking.History.PageAsync(run, "loss", null, 100, default);
        Assert.Equal([double.NaN, 0.25, 0.5, 0.5], history.Select(p => p.Value!.Value));
    }

    [Theory, DatabaseData]
    public async Task The_latest_value_is_the_greatest_by_step_then_time_then_value_whatever_the_order_of_arrival(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        var run = await tracking.CreateRunAsync();

        await tracking.Runs.LogBatchAsync(new MlflowBatch(run, ["a", "b"], [new(0, 10, 10, 1), new(0, 20, 5, 2), new(1, 7, 3, 4)], [], []), default);
        await tracking.Runs.LogBatchAsync(new MlflowBatch(run, ["b", "a"], [new(1, 10, 10, 9), new(1, 5, 10, 3), new(0, 7, 2, 8)], [], []), default);

        var latest = (await tracking.Runs.GetAsync(run, default)).Metrics.ToDictionary(m => m.Key!, m => m.Value!.Value);
        Assert.Equal(9, latest["a"]);
        Assert.Equal(4, latest["b"]);
    }

    [Theory, DatabaseData]
    public async Task A_param_that_would_change_refuses_the_whole_batch(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        var run = await tracking.CreateRunAsync();
        await tracking.Runs.LogParamAsync(run, new MlflowPair("lr", "0.1"), default);

        var refusal = await Assert.ThrowsAsync<PilothouseException>(() => tracking.Runs.LogBatchAsync(
            new MlflowBatch(run, ["loss"], [new(0, 1, 1, 1)], [new("lr", "0.2"), new("other", "1")], [new("t", "v")]), default));

        Assert.Contains("Changing param values is not allowed", refusal.Message, StringComparison.Ordinal);
        var held = await tracking.Runs.GetAsync(run, default);
        Assert.Empty(held.Metrics);
        Assert.Equal("0.1", Assert.Single(held.Params).Value);
        Assert.DoesNotContain(held.Tags, t => t.Key == "t");
    }

    [Theory, DatabaseData]
    public async Task A_metric_key_of_a_refused_batch_does_not_poison_the_next_one(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        var run = await tracking.CreateRunAsync();
        await tracking.Runs.LogParamAsync(run, new MlflowPair("lr", "0.1"), default);
        await Assert.ThrowsAsync<PilothouseException>(() => tracking.Runs.LogBatchAsync(new MlflowBatch(run, ["fresh"], [new(0, 1, 1, 1)], [new("lr", "0.2")], []), default));

        await tracking.LogAsync(run, "fresh", 2, 7);

        Assert.Equal(7, Assert.Single(await tracking.History.PageAsync(run, "fresh", null, 10, default)).Value);
    }

    [Theory, DatabaseData]
    public async Task Writers_of_the_same_new_keys_at_once_all_get_through(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        var runs = new List<string>();
        for (var i = 0; i < 8; i++) runs.Add(await tracking.CreateRunAsync());
        string[] keys = [.. Enumerable.Range(0, 50).Select(i => $"key {i}")];

        await Task.WhenAll(runs.Select((run, i) => tracking.Runs.LogBatchAsync(
            new MlflowBatch(run, i % 2 == 0 ? keys : [.. keys.Reverse()], [.. Enumerable.Range(0, 50).Select(k => new MlflowPoint(k, 1, 1, k))], [], []), default)));

        foreach (var run in runs) Assert.Equal(50, (await tracking.Runs.GetAsync(run, default)).Metrics.Count);
    }

    [Theory, DatabaseData]
    public async Task A_deleted_run_takes_nothing_and_a_restored_one_does(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        var run = await tracking.CreateRunAsync();
        await tracking.Runs.DeleteAsync(run, default);
        await Assert.ThrowsAsync<PilothouseException>(() => tracking.LogAsync(run, "loss", 1, 1));

        await tracking.Runs.RestoreAsync(run, default);
        await tracking.LogAsync(run, "loss", 1, 1);

        Assert.Single(await tracking.History.PageAsync(run, "loss", null, 10, default));
    }

    [Fact]
    public async Task Limits_are_those_of_the_protocol()
    {
        await using var tracking = await TrackingFixture.CreateAsync("sqlite");
        var run = await tracking.CreateRunAsync();
        MlflowPoint[] Points(int count) => [.. Enumerable.Range(0, count).Select(i => new MlflowPoint(0, i, i, i))];
        MlflowPair[] Pairs(int count) => [.. Enumerable.Range(0, count).Select(i => new MlflowPair($"k{i}", "v"))];

        await tracking.Runs.LogBatchAsync(new MlflowBatch(run, ["m"], Points(1000), [], []), default);
        foreach (var batch in new[] { new MlflowBatch(run, ["m"], Points(1001), [], []), new MlflowBatch(run, [], [], Pairs(101), []), new MlflowBatch(run, [], [], [], Pairs(101)), new MlflowBatch(run, ["m"], Points(950), Pairs(51), []) })
            Assert.Equal(ErrorCode.InvalidArgument, (await Assert.ThrowsAsync<PilothouseException>(() => tracking.Runs.LogBatchAsync(batch, default))).Code);
    }
}
