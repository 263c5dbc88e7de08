using System.Data.Common;
using Dapper;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Reads the points of a metric for charts.</summary>
internal sealed class SeriesStore(Db db)
{
    public Task<Dictionary<string, long>> FindAsync(IReadOnlyList<string> runIds, CancellationToken ct) => db.ReadAsync(async session =>
        (await session.QueryAsync<RunRow>($"SELECT id AS Id, num AS Num FROM trk_run WHERE {session.Dialect.In("id", "@runIds")}", new { runIds })).ToDictionary(r => r.Id, r => r.Num, StringComparer.Ordinal), ct);

    public Task<MetricSeries> ReadAsync(string runId, long run, string key, int maxPoints, long from, long to, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var reducer = new SeriesReducer();
        await using (var reader = (DbDataReader)await session.Connection.ExecuteReaderAsync(new CommandDefinition("""
            SELECT step, time_ms, value, is_nan FROM trk_metric WHERE run = @run AND key = (SELECT id FROM trk_metric_key WHERE name = @key) AND step >= @from AND step <= @to ORDER BY time_ms, step, value
            """, new { run, key, from, to }, cancellationToken: ct)))
        {
            while (await reader.ReadAsync(ct)) reducer.Add(reader.GetInt64(0), reader.GetInt64(1), reader.GetInt64(3) == 0 ? reader.GetDouble(2) : double.NaN);
        }
        return reducer.Reduce(runId, key, maxPoints);
    }, ct);

    private sealed class RunRow
    {
        public string Id { get; init; } = "";
        public long Num { get; init; }
    }
}
