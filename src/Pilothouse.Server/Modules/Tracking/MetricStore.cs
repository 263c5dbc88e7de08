using System.Collections.Concurrent;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>SQL of the metric tables.</summary>
internal sealed class MetricStore
{
    /// <summary>Ids of metric keys kept in memory; beyond that they are read from the table each time.</summary>
    private const int MaxCachedKeys = 200_000;

    private static readonly string[] PointColumns = ["run", "key", "time_ms", "step", "value", "is_nan"];
    private readonly ConcurrentDictionary<string, long> _keys = new(StringComparer.Ordinal);

    /// <summary>Appends points and moves the latest values; for use inside a write.</summary>
    /// <returns>Ids of keys that were read or made now: to be given to <see cref="Remember"/> once the write is durable.</returns>
    public async Task<IReadOnlyDictionary<string, long>?> AppendAsync(DbSession session, long run, IReadOnlyList<string> keys, MlflowPoint[] points)
    {
        if (points.Length == 0) return null;
        var (ids, fresh) = await ResolveAsync(session, keys);
        // In the order of the table's key: neighbours go to the same page.
        Array.Sort(points, static (a, b) => a.Key != b.Key ? a.Key.CompareTo(b.Key) : a.Timestamp != b.Timestamp ? a.Timestamp.CompareTo(b.Timestamp) : a.Step.CompareTo(b.Step));
        await session.BulkInsertAsync("trk_metric", PointColumns, points, (row, point) => Write(row, run, ids[point.Key], point), ignoreDuplicates: true);
        await session.BulkUpsertAsync("trk_latest", PointColumns, Latest(points, ids.Length), (row, point) => Write(row, run, ids[point.Key], point), """
            ON CONFLICT (run, key) DO UPDATE SET time_ms = excluded.time_ms, step = excluded.step, value = excluded.value, is_nan = excluded.is_nan
            WHERE (excluded.step, excluded.time_ms, excluded.value) >= (trk_latest.step, trk_latest.time_ms, trk_latest.value)
            """);
        return fresh;
    }

    public void Remember(IReadOnlyDictionary<string, long>? fresh)
    {
        if (fresh is null || _keys.Count >= MaxCachedKeys) return;
        foreach (var (key, id) in fresh) _keys.TryAdd(key, id);
    }

    private async Task<(long[] Ids, Dictionary<string, long>? Fresh)> ResolveAsync(DbSession session, IReadOnlyList<string> keys)
    {
        var ids = new long[keys.Count];
        List<string>? unknown = null;
        for (var i = 0; i < ids.Length; i++)
            if (!_keys.TryGetValue(keys[i], out ids[i])) (unknown ??= []).Add(keys[i]);
        if (unknown is null) return (ids, null);

        // Sorted, so that two writers on PostgreSQL lock new keys in the same order.
        unknown.Sort(StringComparer.Ordinal);
        var sql = $"SELECT id AS Id, name AS Name FROM trk_metric_key WHERE {session.Dialect.In("name", "@unknown")}";
        var fresh = (await session.QueryAsync<KeyRow>(sql, new { unknown })).ToDictionary(r => r.Name, r => r.Id, StringComparer.Ordinal);
        if (fresh.Count < unknown.Count)
        {
            await session.BulkInsertAsync("trk_metric_key", ["name"], unknown.Where(k => !fresh.ContainsKey(k)).ToList(), (row, name) => row.Text(name), ignoreDuplicates: true);
            fresh = (await session.QueryAsync<KeyRow>(sql, new { unknown })).ToDictionary(r => r.Name, r => r.Id, StringComparer.Ordinal);
        }
        for (var i = 0; i < ids.Length; i++)
            if (ids[i] == 0) ids[i] = fresh[keys[i]];
        return (ids, fresh);
    }

    /// <summary>The greatest point of each key by step, time, value.</summary>
    private static List<MlflowPoint> Latest(MlflowPoint[] points, int keys)
    {
        var latest = new MlflowPoint?[keys];
        foreach (var point in points)
        {
            ref var held = ref latest[point.Key];
            if (held is not { } h || (point.Step, point.Timestamp, NotNan(point.Value)).CompareTo((h.Step, h.Timestamp, NotNan(h.Value))) >= 0) held = point;
        }
        return [.. latest.Where(p => p is not null).Select(p => p!.Value)];
    }

    private static void Write(IBulkRow row, long run, long key, MlflowPoint point)
    {
        row.Integer(run);
        row.Integer(key);
        row.Integer(point.Timestamp);
        row.Integer(point.Step);
        row.Real(NotNan(point.Value));
        row.Integer(double.IsNaN(point.Value) ? 1 : 0);
    }

    private static double NotNan(double value) => double.IsNaN(value) ? 0 : value;

    private sealed class KeyRow
    {
        public long Id { get; set; }
        public string Name { get; set; } = "";
    }
}

/// <summary>A point as it is stored.</summary>
internal sealed class MetricRow
{
    public long Run { get; set; }
    public string Key { get; set; } = "";
    public long TimeMs { get; set; }
    public long Step { get; set; }
    public double Value { get; set; }
    public long IsNan { get; set; }

    /// <summary>The same point as a place in the history.</summary>
    public static MetricRow Of(MlflowMetric point)
    {
        var nan = point.Value is { } value && double.IsNaN(value);
        return new MetricRow { TimeMs = point.Timestamp ?? 0, Step = point.Step ?? 0, Value = nan ? 0 : point.Value ?? 0, IsNan = nan ? 1 : 0 };
    }

    public MlflowMetric ToMlflow(string key) => new() { Key = key, Value = IsNan == 0 ? Value : double.NaN, Timestamp = TimeMs, Step = Step };
}
