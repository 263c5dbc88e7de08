using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Reads of metric histories: pages, and samples over several runs.</summary>
internal sealed class MetricHistory(Db db)
{
    /// <summary>Points of one answer of get-history; more come with the page token.</summary>
    public const int MaxPage = 1_000_000;

    private const string KeyId = "(SELECT id FROM trk_metric_key WHERE name = @key)";

    /// <summary>Points of one metric in the order of time, step, value.</summary>
    /// <param name="after">Start behind this point; null = at the first.</param>
    public Task<List<MlflowMetric>> PageAsync(string runId, string key, MetricRow? after, int limit, CancellationToken ct) => db.ReadAsync(async session =>
    {
        const string select = $"""
            SELECT m.time_ms AS TimeMs, m.step AS Step, m.value AS Value, m.is_nan AS IsNan FROM trk_metric m
            WHERE m.run = (SELECT num FROM trk_run WHERE id = @runId) AND m.key = {KeyId}
            """;
        const string next = " AND (m.time_ms, m.step, m.value, m.is_nan) > (@time, @step, @value, @nan)";
        const string order = " ORDER BY m.time_ms, m.step, m.value, m.is_nan LIMIT @limit";
        var rows = await session.QueryAsync<MetricRow>(select + (after is null ? "" : next) + order,
            new { runId, key, limit, time = after?.TimeMs ?? 0, step = after?.Step ?? 0, value = after?.Value ?? 0, nan = after?.IsNan ?? 0 });
        return rows.ConvertAll(row => row.ToMlflow(key));
    }, ct);

    /// <summary>The same steps of every run, spread evenly, with each run's first and last: charts of several runs align.</summary>
    /// <param name="range">First and last step; null = all.</param>
    public Task<List<MlflowMetric>> SampleAsync(IReadOnlyList<string> runIds, string key, (long First, long Last)? range, int maxSteps, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var result = new List<MlflowMetric>();
        var (first, last) = range ?? (long.MinValue, long.MaxValue);
        var runs = new List<(long Num, string Id, List<long> Steps)>();
        foreach (var id in runIds.Distinct(StringComparer.Ordinal))
        {
            if (await session.ScalarAsync<long?>("SELECT num FROM trk_run WHERE id = @id", new { id }) is not { } num) continue;
            const string steps = $"SELECT DISTINCT step FROM trk_metric WHERE run = @num AND key = {KeyId} AND step >= @first AND step <= @last ORDER BY step";
            runs.Add((num, id, await session.QueryAsync<long>(steps, new { num, key, first, last })));
        }
        var chosen = Spread([.. runs.SelectMany(r => r.Steps).Distinct().Order()], maxSteps);
        foreach (var (_, _, steps) in runs.Where(r => r.Steps.Count > 0)) chosen.UnionWith([steps[0], steps[^1]]);
        foreach (var (num, id, steps) in runs.Where(r => r.Steps.Count > 0))
        {
            var mine = steps.Where(chosen.Contains).ToArray();
            var sql = $"""
                SELECT m.time_ms AS TimeMs, m.step AS Step, m.value AS Value, m.is_nan AS IsNan FROM trk_metric m
                WHERE m.run = @num AND m.key = {KeyId} AND {session.Dialect.In("m.step", "@mine")} ORDER BY m.step, m.time_ms, m.value
                """;
            result.AddRange((await session.QueryAsync<MetricRow>(sql, new { num, key, mine })).Select(row => row.ToMlflow(key) with { RunId = id }));
        }
        return result;
    }, ct);

    private static HashSet<long> Spread(List<long> steps, int max)
    {
        if (steps.Count <= max) return [.. steps];
        var interval = (double)steps.Count / max;
        return [.. Enumerable.Range(0, max).Select(i => steps[(int)(i * interval)]), steps[^1]];
    }
}
