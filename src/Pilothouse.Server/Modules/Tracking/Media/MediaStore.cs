using Pilothouse.Data;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Media;

/// <summary>SQL of <c>trk_media_series</c> and <c>trk_media</c>.</summary>
internal sealed class MediaStore(Db db)
{
    /// <summary>Series of one run that are listed; more are a mistake in the writer's names.</summary>
    public const int MaxSeries = 10_000;

    private static readonly string[] PointColumns = ["series", "step", "time_ms", "digest", "size", "blob", "data"];

    private const string PointFields = "step AS Step, time_ms AS TimeMs, digest AS Digest, size AS Size, blob AS Blob, data AS Data";

    /// <summary>Id of a series, which is made when there is none; names and content of the first writer stay.</summary>
    public static async Task<long> EnsureSeriesAsync(DbSession session, long run, MediaSeriesRow series)
    {
        const string find = "SELECT id FROM trk_media_series WHERE run = @run AND kind = @kind AND key = @key";
        var args = new { run, kind = series.Kind, key = series.Key };
        if (await session.ScalarAsync<long?>(find, args) is { } id) return id;
        await session.BulkInsertAsync("trk_media_series", ["run", "kind", "key", "display_name", "description", "plugin", "content"], [series], (row, s) =>
        {
            row.Integer(run);
            row.Text(s.Kind);
            row.Text(s.Key);
            row.Text(s.DisplayName);
            row.Text(s.Description);
            row.Text(s.Plugin);
            row.Bytes(s.Content);
        }, ignoreDuplicates: true);
        return await session.ScalarAsync<long>(find, args);
    }

    /// <summary>Appends points; one that is there already (same step, time and content) adds nothing.</summary>
    public static Task AppendAsync(DbSession session, IReadOnlyCollection<(long Series, MediaRow Point)> points) =>
        session.BulkInsertAsync("trk_media", PointColumns, points, (row, p) =>
        {
            row.Integer(p.Series);
            row.Integer(p.Point.Step);
            row.Integer(p.Point.TimeMs);
            row.Text(p.Point.Digest);
            row.Integer(p.Point.Size);
            row.Text(p.Point.Blob);
            row.Bytes(p.Point.Data);
        }, ignoreDuplicates: true);

    /// <summary>Notes the blobs that points of a series show.</summary>
    public static Task AddBlobsAsync(DbSession session, IReadOnlyCollection<(long Series, string Digest)> blobs) =>
        session.BulkInsertAsync("trk_media_blob", ["series", "blob"], blobs, (row, b) =>
        {
            row.Integer(b.Series);
            row.Text(b.Digest);
        }, ignoreDuplicates: true);

    /// <summary>Series with first and last step and count, by kind and key.</summary>
    public Task<List<MediaSeriesRow>> SeriesAsync(string runId, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var run = await RunStore.FindAsync(session, runId) ?? throw RunStore.Missing(runId);
        return await session.QueryAsync<MediaSeriesRow>($"""
            SELECT s.kind AS Kind, s.key AS Key, s.display_name AS DisplayName, s.description AS Description, s.plugin AS Plugin, s.content AS Content,
                min(m.step) AS FirstStep, max(m.step) AS LastStep, count(*) AS Count
            FROM trk_media_series s JOIN trk_media m ON m.series = s.id
            WHERE s.run = @run GROUP BY s.id, s.kind, s.key, s.display_name, s.description, s.plugin, s.content
            ORDER BY s.kind, s.key{session.Dialect.Binary} LIMIT {MaxSeries}
            """, new { run = run.Num });
    }, ct);

    /// <exception cref="PilothouseException">NotFound.</exception>
    public Task<long> FindSeriesAsync(string runId, string kind, string key, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var run = await RunStore.FindAsync(session, runId) ?? throw RunStore.Missing(runId);
        return await session.ScalarAsync<long?>("SELECT id FROM trk_media_series WHERE run = @run AND kind = @kind AND key = @key", new { run = run.Num, kind, key })
            ?? throw new PilothouseException(ErrorCode.NotFound, $"The run has no {kind} '{key}'. GET /api/v1/runs/{runId}/media lists what it has.");
    }, ct);

    /// <summary>Points in order of step, time and digest.</summary>
    /// <param name="after">Behind this point; null = from the first.</param>
    /// <param name="step">Only of this step; null = all.</param>
    public Task<List<MediaRow>> PageAsync(long series, MediaKey? after, long? step, int limit, CancellationToken ct) => db.ReadAsync(session =>
    {
        var where = (after is null ? "" : " AND (step, time_ms, digest) > (@step, @timeMs, @digest)") + (step is null ? "" : " AND step = @only");
        return session.QueryAsync<MediaRow>($"SELECT {PointFields} FROM trk_media WHERE series = @series{where} ORDER BY step, time_ms, digest LIMIT @limit",
            new { series, limit, step = after?.Step ?? 0, timeMs = after?.TimeMs ?? 0, digest = after?.Digest ?? "", only = step ?? 0 });
    }, ct);

    /// <summary>About <paramref name="limit"/> points spread evenly by their rank, the first and the last included.</summary>
    public Task<List<MediaRow>> SpreadAsync(long series, long? afterStep, int limit, CancellationToken ct) => db.ReadAsync(async session =>
    {
        // Ranks are taken from the index; only the chosen rows are read.
        const string ranked = "SELECT step, time_ms, digest, row_number() OVER (ORDER BY step, time_ms, digest) - 1 AS n, count(*) OVER () AS total FROM trk_media WHERE series = @series AND step > @after";
        var after = afterStep ?? long.MinValue;
        return await session.QueryAsync<MediaRow>($"""
            WITH ranked AS ({ranked})
            SELECT m.step AS Step, m.time_ms AS TimeMs, m.digest AS Digest, m.size AS Size, m.blob AS Blob, m.data AS Data
            FROM ranked r JOIN trk_media m ON m.series = @series AND m.step = r.step AND m.time_ms = r.time_ms AND m.digest = r.digest
            WHERE r.total <= @limit OR r.n = r.total - 1 OR (r.n * (@limit - 1)) / (r.total - 1) > ((r.n - 1) * (@limit - 1)) / (r.total - 1) OR r.n = 0
            ORDER BY m.step, m.time_ms, m.digest LIMIT @limit
            """, new { series, after, limit = (long)limit });
    }, ct);
}

/// <summary>A place in a series.</summary>
internal sealed record MediaKey(long Step, long TimeMs, string Digest);

internal sealed class MediaSeriesRow
{
    public string Kind { get; set; } = "";
    public string Key { get; set; } = "";
    public string DisplayName { get; set; } = "";
    public string Description { get; set; } = "";
    public string Plugin { get; set; } = "";
    public byte[]? Content { get; set; }
    public long FirstStep { get; set; }
    public long LastStep { get; set; }
    public long Count { get; set; }
}

internal sealed class MediaRow
{
    public long Step { get; set; }
    public long TimeMs { get; set; }
    public string Digest { get; set; } = "";
    /// <summary>Bytes of the payload.</summary>
    public long Size { get; set; }
    /// <summary>Blob with the payload; null when it is in <see cref="Data"/>.</summary>
    public string? Blob { get; set; }
    public byte[]? Data { get; set; }
}
