using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Blobs.Care;

/// <summary>SQL of quotas, and of what the last scrub and collection found.</summary>
internal sealed class CareStore(Db db)
{
    private const int MaxQuotas = 100_000;
    private const int MaxUploads = 1_000_000;

    public Task<Dictionary<string, long>> QuotasAsync(CancellationToken ct) => db.ReadAsync(async session =>
        (await session.QueryAsync<QuotaRow>("SELECT project AS Project, bytes AS Bytes FROM blb_quota ORDER BY project LIMIT @limit", new { limit = MaxQuotas })).ToDictionary(q => q.Project, q => q.Bytes), ct);

    public Task<long?> QuotaAsync(string project, CancellationToken ct) => db.ReadAsync(session => session.ScalarAsync<long?>("SELECT bytes FROM blb_quota WHERE project = @project", new { project }), ct);

    /// <summary>What is being uploaded for a project, or was lately: by digest, or <c>upload:ID</c> while that is not known.</summary>
    public Task<List<(string Key, long Size)>> UploadsAsync(string project, CancellationToken ct) => db.ReadAsync(async session =>
        (await session.QueryAsync<UploadRow>("SELECT COALESCE(digest, 'upload:' || id) AS Name, size AS Size FROM blb_upload WHERE project = @project LIMIT @limit", new { project, limit = MaxUploads })).ConvertAll(u => (u.Name, u.Size)), ct);

    public static Task SetQuotaAsync(DbSession session, string project, long? bytes, string actor, long now) => bytes is null
        ? session.ExecuteAsync("DELETE FROM blb_quota WHERE project = @project", new { project })
        : session.ExecuteAsync("""
            INSERT INTO blb_quota (project, bytes, set_by, set_ms) VALUES (@project, @bytes, @actor, @now)
            ON CONFLICT (project) DO UPDATE SET bytes = excluded.bytes, set_by = excluded.set_by, set_ms = excluded.set_ms
            """, new { project, bytes, actor, now });

    /// <param name="kind"><c>scrub</c>, <c>gc</c> or <c>gc-dry</c>.</param>
    public Task SaveAsync(string kind, long startedMs, string report, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("""
        INSERT INTO blb_care (kind, started_ms, report) VALUES (@kind, @startedMs, @report)
        ON CONFLICT (kind) DO UPDATE SET started_ms = excluded.started_ms, report = excluded.report
        """, new { kind, startedMs, report }), ct);

    public Task<string?> LastAsync(string kind, CancellationToken ct) => db.ReadAsync(session => session.ScalarAsync<string>("SELECT report FROM blb_care WHERE kind = @kind", new { kind }), ct);

    private sealed class UploadRow
    {
        public string Name { get; set; } = "";
        public long Size { get; set; }
    }

    private sealed class QuotaRow
    {
        public string Project { get; set; } = "";
        public long Bytes { get; set; }
    }
}
