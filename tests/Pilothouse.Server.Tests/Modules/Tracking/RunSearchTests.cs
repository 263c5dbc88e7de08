using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking;

public class RunSearchTests
{
    private static readonly string[][] Orders = [[], ["metrics.m"], ["metrics.m DESC"], ["params.p", "metrics.m DESC"], ["tags.t DESC"], ["end_time", "run_name DESC"], ["start_time ASC"], ["run_id DESC"], ["status", "metrics.n"]];

    [Theory, DatabaseData]
    public async Task Pages_of_any_order_put_together_are_the_whole_list(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        await FillAsync(tracking, 23);

        foreach (var order in Orders)
        {
            var (whole, none) = await tracking.Search.SearchAsync([0], null, order, "ACTIVE_ONLY", 1000, null, default);
            Assert.Equal(23, whole.Count);
            Assert.Null(none);
            foreach (var size in (int[])[1, 4, 22, 23])
            {
                var pages = new List<string>();
                string? token = null;
                do
                {
                    (var page, token) = await tracking.Search.SearchAsync([0], null, order, "ACTIVE_ONLY", size, token, default);
                    pages.AddRange(page.Select(r => r.Id));
                }
                while (token is not null);
                Assert.Equal(whole.Select(r => r.Id), pages);
            }
        }
    }

    [Theory, DatabaseData]
    public async Task A_run_that_comes_in_between_two_pages_shifts_nothing(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        for (var i = 0; i < 6; i++) await tracking.CreateRunAsync($"r{i}", i);
        var (first, token) = await tracking.Search.SearchAsync([0], null, [], "ACTIVE_ONLY", 3, null, default);

        await tracking.CreateRunAsync("newest", 100);

        var (second, _) = await tracking.Search.SearchAsync([0], null, [], "ACTIVE_ONLY", 3, token, default);
        Assert.Equal(["r5", "r4", "r3", "r2", "r1", "r0"], first.Concat(second).Select(r => r.Name));
    }

    [Theory, DatabaseData]
    public async Task Missing_values_come_last_and_NaN_before_them_in_both_directions(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        foreach (var (name, value) in new[] { ("two", 2.0), ("nan", double.NaN), ("one", 1.0) }) await tracking.LogAsync(await tracking.CreateRunAsync(name), "m", 1, value);
        await tracking.CreateRunAsync("none");

        Assert.Equal(["one", "two", "nan", "none"], (await tracking.Search.SearchAsync([0], null, ["metrics.m ASC"], "ACTIVE_ONLY", 10, null, default)).Runs.Select(r => r.Name));
        Assert.Equal(["two", "one", "nan", "none"], (await tracking.Search.SearchAsync([0], null, ["metrics.m DESC"], "ACTIVE_ONLY", 10, null, default)).Runs.Select(r => r.Name));
    }

    [Theory, DatabaseData]
    public async Task Filters_join_metrics_params_tags_and_attributes(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        await FillAsync(tracking, 23);

        var (found, _) = await tracking.Search.SearchAsync([0], "metrics.m > 5 AND params.p = '1' AND tags.t LIKE 'T%' AND run_name != 'run 13' AND run_name ILIKE 'RUN%'", ["run_name"], "ACTIVE_ONLY", 100, null, default);

        Assert.Equal(["run 10", "run 16", "run 19", "run 22", "run 7"], found.Select(r => r.Name));
    }

    [Theory, DatabaseData]
    public async Task A_wildcard_of_the_database_in_a_pattern_is_plain_text(string kind)
    {
        await using var tracking = await TrackingFixture.CreateAsync(kind);
        await tracking.CreateRunAsync("a*b");
        await tracking.CreateRunAsync("a[x]b");
        await tracking.CreateRunAsync(@"a\b");

        Assert.Equal("a*b", Assert.Single((await tracking.Search.SearchAsync([0], "run_name LIKE 'a*_'", [], "ACTIVE_ONLY", 10, null, default)).Runs).Name);
        Assert.Equal("a[x]b", Assert.Single((await tracking.Search.SearchAsync([0], "run_name LIKE '%[x]%'", [], "ACTIVE_ONLY", 10, null, default)).Runs).Name);
        Assert.Equal(@"a\b", Assert.Single((await tracking.Search.SearchAsync([0], @"run_name LIKE 'a\_'", [], "ACTIVE_ONLY", 10, null, default)).Runs).Name);
    }

    [Fact]
    public async Task A_token_of_another_order_is_refused()
    {
        await using var tracking = await TrackingFixture.CreateAsync("sqlite");
        await FillAsync(tracking, 5);
        var (_, token) = await tracking.Search.SearchAsync([0], null, [], "ACTIVE_ONLY", 2, null, default);

        await Assert.ThrowsAsync<PilothouseException>(() => tracking.Search.SearchAsync([0], null, ["metrics.m", "params.p"], "ACTIVE_ONLY", 2, token, default));
        await Assert.ThrowsAsync<PilothouseException>(() => tracking.Search.SearchAsync([0], null, [], "ACTIVE_ONLY", 2, "garbage!", default));
    }

    /// <summary>Runs with gaps: every third without the metric, some NaN, params and tags of few values, some ended.</summary>
    private static async Task FillAsync(TrackingFixture tracking, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var run = await tracking.CreateRunAsync($"run {i}", i / 2);
            if (i % 3 != 0 || i == 22) await tracking.LogAsync(run, "m", 1, i % 5 == 4 && i != 19 ? double.NaN : i);
            if (i % 4 == 0) await tracking.LogAsync(run, "n", 1, -i % 3);
            await tracking.Runs.LogBatchAsync(new MlflowBatch(run, [], [], [new("p", $"{i % 3}")], i % 2 == 0 || i > 6 ? [new("t", $"T{i % 4}")] : []), default);
            if (i % 2 == 0) await tracking.Runs.UpdateAsync(run, "FINISHED", 1000 - i, null, default);
        }
    }
}
