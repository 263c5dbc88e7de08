using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Smallest and largest value of every metric of a run, for its overview.</summary>
internal sealed class MetricRanges(Db db)
{
    /// <summary>Points of a run up to which all of them are looked at (about 0.3 s on SQLite); charts of longer runs show their range themselves.</summary>
    public const int MaxPoints = 500_000;

    /// <returns>Null when the run has more points.</returns>
    /// <exception cref="PilothouseException">NotFound.</exception>
    public Task<IReadOnlyList<MetricRange>?> ReadAsync(string runId, CancellationToken ct) => db.ReadAsync<IReadOnlyList<MetricRange>?>(async session =>
    {
        if (await session.ScalarAsync<long?>("SELECT num FROM trk_run WHERE id = @runId", new { runId }) is not { } num) throw RunStore.Missing(runId);
        const string many = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM trk_metric WHERE run = @num LIMIT @limit) AS some";
        if (await session.ScalarAsync<long>(many, new { num, limit = MaxPoints + 1 }) > MaxPoints) return null;
        // The first step at which each extreme was reached; two scans, no sort.
        const string sql = """
            SELECT k.name AS Name, r.points AS Points, r.low AS Low, r.high AS High,
                MIN(CASE WHEN m.value = r.low THEN m.step END) AS LowStep, MIN(CASE WHEN m.value = r.high THEN m.step END) AS HighStep
            FROM (SELECT key, COUNT(*) AS points, MIN(value) AS low, MAX(value) AS high FROM trk_metric WHERE run = @num AND is_nan = 0 GROUP BY key) r
            JOIN trk_metric m ON m.run = @num AND m.key = r.key AND m.is_nan = 0 AND (m.value = r.low OR m.value = r.high)
            JOIN trk_metric_key k ON k.id = r.key
            GROUP BY k.name, r.points, r.low, r.high
            """;
        return (await session.QueryAsync<Row>(sql, new { num })).ConvertAll(r => new MetricRange(r.Name, r.Points, r.Low, r.LowStep, r.High, r.HighStep));
    }, ct);

    private sealed class Row
    {
        public string Name { get; set; } = "";
        public long Points { get; set; }
        public double Low { get; set; }
        public double High { get; set; }
        public long LowStep { get; set; }
        public long HighStep { get; set; }
    }
}
