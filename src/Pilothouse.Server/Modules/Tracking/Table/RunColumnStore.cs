using System.Collections.Concurrent;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Table;

/// <summary>
/// Names and values that the runs of an experiment use. An experiment of 100,000 runs has millions of rows of them, so a sample is read: the newest runs, and
/// every n-th of all.
/// </summary>
internal sealed class RunColumnStore(Db db, TimeProvider time)
{
    private const int Newest = 400;
    private const int Spread = 600;
    private const int MaxNames = 2000;
    private const int MaxValues = 50;

    /// <summary>Experiments whose names are kept in memory for a moment; beyond that they are read each time.</summary>
    private const int MaxCached = 200;
    private const long CachedMs = 10_000;

    private static readonly string[] Attributes = ["run_id", "run_name", "status", "user_id", "start_time", "end_time", "artifact_uri"];
    private static readonly string[] OfNumbers = ["<", "<=", ">", ">=", "=", "!="];
    private static readonly string[] OfTexts = ["=", "!=", "LIKE", "ILIKE"];
    private static readonly string[] OfPairs = [.. OfTexts, "IS NULL", "IS NOT NULL"];
    private static readonly Dictionary<string, IReadOnlyList<string>> Operators = new(StringComparer.Ordinal)
    {
        ["metrics"] = OfNumbers,
        ["params"] = OfPairs,
        ["tags"] = OfPairs,
        ["run_id"] = [.. OfTexts, "IN", "NOT IN"],
        ["run_name"] = OfTexts,
        ["status"] = OfTexts,
        ["user_id"] = OfTexts,
        ["start_time"] = OfNumbers,
        ["end_time"] = OfNumbers,
        ["artifact_uri"] = OfTexts,
    };

    private readonly ConcurrentDictionary<long, (RunColumns Columns, long AtMs)> _cache = new();

    public async Task<RunColumns> NamesAsync(long experiment, CancellationToken ct)
    {
        if (_cache.TryGetValue(experiment, out var held) && time.NowMs() - held.AtMs < CachedMs) return held.Columns;
        var columns = await db.ReadAsync(session => ReadAsync(session, experiment), ct);
        if (_cache.Count >= MaxCached) _cache.Clear();
        _cache[experiment] = (columns, time.NowMs());
        return columns;
    }

    /// <summary>Values of a param, tag or text attribute that begin with the prefix.</summary>
    public Task<IReadOnlyList<string>> ValuesAsync(long experiment, MlflowOrder column, string prefix, CancellationToken ct) => db.ReadAsync<IReadOnlyList<string>>(async session =>
    {
        var (runs, _) = await SampleAsync(session, experiment);
        var (table, value, mine) = column.Entity switch
        {
            MlflowEntity.Param => ("trk_param", "value", "key = @key AND "),
            MlflowEntity.Tag => ("trk_tag", "value", "key = @key AND "),
            MlflowEntity.Attribute when column.Key is "status" or "user_id" => ("trk_run", column.Key, ""),
            MlflowEntity.Attribute when column.Key == "run_name" => ("trk_run", "name", ""),
            _ => ("", "", ""),
        };
        if (table.Length == 0) return [];
        var sql = $"""
            SELECT DISTINCT {value} FROM {table} WHERE {mine}{session.Dialect.In(table == "trk_run" ? "num" : "run", "@runs")} AND substr({value}, 1, @length) = @prefix
            ORDER BY {value} LIMIT @limit
            """;
        return await session.QueryAsync<string>(sql, new { key = column.Key, runs, prefix, length = prefix.Length, limit = MaxValues });
    }, ct);

    /// <summary>Every metric, param and tag that some run of the search has, in this order, by name.</summary>
    public Task<IReadOnlyList<string>> AllAsync(SortedSearch search, CancellationToken ct) => db.ReadAsync<IReadOnlyList<string>>(async session =>
    {
        var runs = $"SELECT r.num FROM trk_run r WHERE {search.Where}";
        var metrics = await session.QueryAsync<string>($"SELECT name FROM trk_metric_key WHERE id IN (SELECT DISTINCT key FROM trk_latest WHERE run IN ({runs}))", search.Args);
        var parameters = await session.QueryAsync<string>($"SELECT DISTINCT key FROM trk_param WHERE run IN ({runs})", search.Args);
        var tags = await session.QueryAsync<string>($"SELECT DISTINCT key FROM trk_tag WHERE run IN ({runs})", search.Args);
        return [.. metrics.Order(StringComparer.Ordinal).Select(k => "metrics." + k), .. parameters.Order(StringComparer.Ordinal).Select(k => "params." + k), .. tags.Order(StringComparer.Ordinal).Select(k => "tags." + k)];
    }, ct);

    private static async Task<RunColumns> ReadAsync(DbSession session, long experiment)
    {
        var (runs, complete) = await SampleAsync(session, experiment);
        var mine = session.Dialect.In("run", "@runs");
        var args = new { runs, limit = MaxNames };
        var metrics = await session.QueryAsync<string>($"SELECT name FROM trk_metric_key WHERE id IN (SELECT DISTINCT key FROM trk_latest WHERE {mine}) LIMIT @limit", args);
        var parameters = await session.QueryAsync<string>($"SELECT DISTINCT key FROM trk_param WHERE {mine} LIMIT @limit", args);
        var tags = await session.QueryAsync<string>($"SELECT DISTINCT key FROM trk_tag WHERE {mine} LIMIT @limit", args);
        return new RunColumns(Sorted(metrics, "system/"), Sorted(parameters, ""), Sorted(tags, "mlflow."), Attributes, Operators, complete);
    }

    /// <summary>Names that tools write come behind those of people.</summary>
    private static IReadOnlyList<string> Sorted(List<string> names, string last) =>
        [.. names.OrderBy(n => last.Length > 0 && n.StartsWith(last, StringComparison.Ordinal)).ThenBy(n => n, StringComparer.Ordinal)];

    private static async Task<(long[] Runs, bool Complete)> SampleAsync(DbSession session, long experiment)
    {
        var newest = await session.QueryAsync<long>("SELECT num FROM trk_run WHERE experiment = @experiment AND lifecycle = 'active' ORDER BY start_ms DESC, id LIMIT @limit", new { experiment, limit = Newest });
        var count = await session.ScalarAsync<long>("SELECT COUNT(*) FROM trk_run WHERE experiment = @experiment", new { experiment });
        var every = Math.Max(1, count / Spread);
        var spread = await session.QueryAsync<long>("SELECT num FROM trk_run WHERE experiment = @experiment AND num % @every = 0 LIMIT @limit", new { experiment, every, limit = 2 * Spread });
        return ([.. newest.Union(spread)], every == 1);
    }
}
