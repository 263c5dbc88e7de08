using System.Data.Common;
using Dapper;
using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Reads series for charts: the index where a series is long, else its points.</summary>
internal sealed class SeriesStore(Db db)
{
    /// <summary>Up to so many chunks the points themselves are read.</summary>
    private const int RawChunks = 16;

    /// <summary>Numbers of runs by their ids; those that do not exist are missing.</summary>
    public Task<Dictionary<string, long>> FindRunsAsync(IReadOnlyList<string> runIds, CancellationToken ct) => db.ReadAsync(async session =>
        (await session.QueryAsync<RunRow>($"SELECT id AS Id, num AS Num FROM trk_run WHERE {session.Dialect.In("id", "@runIds")}", new { runIds })).ToDictionary(r => r.Id, r => r.Num, StringComparer.Ordinal), ct);

    public Task<long?> FindKeyAsync(string key, CancellationToken ct) => db.ReadAsync(session => session.ScalarAsync<long?>("SELECT id FROM trk_metric_key WHERE name = @key", new { key }), ct);

    /// <summary>Gives the reducer what a chart of the steps <paramref name="from"/> to <paramref name="to"/> needs.</summary>
    /// <returns>Points that no index covers yet.</returns>
    public Task<int> ReadAsync(long run, long key, long from, long to, SeriesReducer reducer, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var (chunks, end) = await SeriesIndex.LoadAsync(session, run, key);
        var tail = new SeriesChunker();
        var points = new List<SeriesPoint>();
        var uncovered = 0;
        var latest = end?.ToSeries();
        await foreach (var row in SeriesIndex.ReadAsync(session, run, key, end, int.MaxValue, ct))
        {
            uncovered++;
            var point = row.ToSeries();
            tail.Add(point);
            latest = point;
            if (uncovered <= RawChunks * SeriesChunk.Size) points.Add(point);
        }
        var touched = chunks.Where(c => c.MaxStep >= from && c.MinStep <= to).ToList();
        if (touched.Count + uncovered / SeriesChunk.Size <= RawChunks)
        {
            foreach (var (first, last) in Stretches(touched)) await ReadPointsAsync(session, run, key, first, last, from, to, end!, reducer, ct);
            foreach (var point in points) AddWithin(point, 1);
        }
        else
        {
            foreach (var chunk in touched.Concat(tail.All)) AddChunk(chunk);
            // A curve ends where it has got to.
            if (latest is { } point && !tail.All.Concat(chunks.TakeLast(1)).Any(c => c.Points.Contains(point))) AddWithin(point, 0);
        }
        return uncovered;

        void AddWithin(SeriesPoint point, int count)
        {
            if (point.Step >= from && point.Step <= to) reducer.Add(point, count);
        }

        void AddChunk(SeriesChunk chunk)
        {
            var rest = chunk.Count;
            foreach (var point in chunk.Points)
            {
                AddWithin(point, rest);
                rest = 0;
            }
        }
    }, ct);

    /// <summary>The times of neighbouring chunks as one range.</summary>
    private static IEnumerable<(long First, long Last)> Stretches(List<SeriesChunk> chunks)
    {
        for (var i = 0; i < chunks.Count;)
        {
            var first = chunks[i].First.TimeMs;
            var last = chunks[i].LastMs;
            // Chunks that share a millisecond belong together: the range of times would read its points twice.
            for (i++; i < chunks.Count && chunks[i].First.TimeMs <= last + 1; i++) last = chunks[i].LastMs;
            yield return (first, last);
        }
    }

    private static async Task ReadPointsAsync(DbSession session, long run, long key, long firstMs, long lastMs, long from, long to, MetricRow end, SeriesReducer reducer, CancellationToken ct)
    {
        await using var reader = (DbDataReader)await session.Connection.ExecuteReaderAsync(new CommandDefinition("""
            SELECT step, time_ms, value, is_nan FROM trk_metric WHERE run = @run AND key = @key AND time_ms >= @firstMs AND time_ms <= @lastMs AND step >= @from AND step <= @to
              AND (time_ms, step, value, is_nan) <= (@TimeMs, @Step, @Value, @IsNan)
            ORDER BY time_ms, step, value, is_nan
            """, new { run, key, firstMs, lastMs, from, to, end.TimeMs, end.Step, end.Value, end.IsNan }, cancellationToken: ct));
        while (await reader.ReadAsync(ct)) reducer.Add(new SeriesPoint(reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(3) == 0 ? reader.GetDouble(2) : double.NaN));
    }

    private sealed class RunRow
    {
        public string Id { get; init; } = "";
        public long Num { get; init; }
    }
}
