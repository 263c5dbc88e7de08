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

    /// <summary>Appends points of any number of runs and moves the latest values; for use inside a write.</summary>
    /// <returns>Ids of keys that were read or made now: to be given to <see cref="Remember"/> once the write is durable.</returns>
    public async Task<IReadOnlyDictionary<string, long>?> AppendAsync(DbSession session, IReadOnlyList<(long Run, IReadOnlyList<string> Keys, MlflowPoint[] Points)> batches)
    {
        var (ids, fresh) = await ResolveAsync(session, batches.Count == 1 ? batches[0].Keys : [.. batches.SelectMany(b => b.Keys).Distinct(StringComparer.Ordinal)]);
        var points = new List<StoredPoint>(batches.Sum(b => b.Points.Length));
        foreach (var (run, keys, some) in batches)
        {
            var local = keys.Select(k => ids[k]).ToArray();
            foreach (var point in some)
                points.Add(new StoredPoint(run, local[point.Key], point.Timestamp, point.Step, double.IsNaN(point.Value) ? 0 : point.Value, double.IsNaN(point.Value) ? 1 : 0));
        }
        if (points.Count == 0) return null;
        // In the order of the table's key: neighbours go to the same page, and two writers on PostgreSQL lock rows in the same order.
        points.Sort();
        var (first, latest) = Ends(points);
        await SeriesIndex.DropBehindAsync(session, first);
        await session.BulkInsertAsync("trk_metric", PointColumns, points, Write, ignoreDuplicates: true);
        await session.BulkUpsertAsync("trk_latest", PointColumns, latest, Write, """
            ON CONFLICT (run, key) DO UPDATE SET time_ms = excluded.time_ms, step = excluded.step, value = excluded.value, is_nan = excluded.is_nan
            WHERE (excluded.step, excluded.time_ms, excluded.value) >= (trk_latest.step, trk_latest.time_ms, trk_latest.value)
            """);
        return fresh;
    }

    /// <summary>Id of a key that was written lately; null when it is not at hand.</summary>
    public long? IdOf(string key) => _keys.TryGetValue(key, out var id) ? id : null;

    public void Remember(IReadOnlyDictionary<string, long>? fresh)
    {
        if (fresh is null || _keys.Count >= MaxCachedKeys) return;
        foreach (var (key, id) in fresh) _keys.TryAdd(key, id);
    }

    private async Task<(Dictionary<string, long> Ids, Dictionary<string, long>? Fresh)> ResolveAsync(DbSession session, IReadOnlyList<string> keys)
    {
        var ids = new Dictionary<string, long>(keys.Count, StringComparer.Ordinal);
        List<string>? unknown = null;
        foreach (var key in keys)
        {
            if (_keys.TryGetValue(key, out var id)) ids[key] = id;
            else (unknown ??= []).Add(key);
        }
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
        foreach (var key in unknown) ids[key] = fresh[key];
        return (ids, fresh);
    }

    /// <summary>Of each run and metric the first point in the order of the history, and the greatest by step, time, value.</summary>
    private static (List<StoredPoint> First, List<StoredPoint> Latest) Ends(List<StoredPoint> sorted)
    {
        var (first, latest) = (new List<StoredPoint>(), new List<StoredPoint>());
        foreach (var point in sorted)
        {
            if (first.Count == 0 || first[^1].Run != point.Run || first[^1].Key != point.Key)
            {
                first.Add(point);
                latest.Add(point);
            }
            else if ((point.Step, point.TimeMs, point.Value).CompareTo((latest[^1].Step, latest[^1].TimeMs, latest[^1].Value)) >= 0) latest[^1] = point;
        }
        return (first, latest);
    }

    private static void Write(IBulkRow row, StoredPoint point)
    {
        row.Integer(point.Run);
        row.Integer(point.Key);
        row.Integer(point.TimeMs);
        row.Integer(point.Step);
        row.Real(point.Value);
        row.Integer(point.IsNan);
    }

    private sealed class KeyRow
    {
        public long Id { get; set; }
        public string Name { get; set; } = "";
    }
}

/// <summary>A row of <c>trk_metric</c>, in the order of its key. NaN is value 0 with <c>IsNan</c> 1.</summary>
internal readonly record struct StoredPoint(long Run, long Key, long TimeMs, long Step, double Value, long IsNan) : IComparable<StoredPoint>
{
    public int CompareTo(StoredPoint other) => Run != other.Run ? Run.CompareTo(other.Run) : Key != other.Key ? Key.CompareTo(other.Key) : TimeMs != other.TimeMs ? TimeMs.CompareTo(other.TimeMs)
        : Step != other.Step ? Step.CompareTo(other.Step) : Value != other.Value ? Value.CompareTo(other.Value) : IsNan.CompareTo(other.IsNan);
}

/// <summary>A point as it is read, and a place in the history.</summary>
internal class MetricRow
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

    public SeriesPoint ToSeries() => new(Step, TimeMs, IsNan == 0 ? Value : double.NaN);

    public MlflowMetric ToMlflow(string key) => new() { Key = key, Value = IsNan == 0 ? Value : double.NaN, Timestamp = TimeMs, Step = Step };
}
