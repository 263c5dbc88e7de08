using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Blobs.Uploads;

/// <summary>SQL of uploads.</summary>
internal sealed class UploadStore(Db db)
{
    private const string Columns =
        "id AS Id, digest AS Digest, size AS Size, part_size AS PartSize, resume_key AS ResumeKey, actor AS Actor, project AS Project, touched_ms AS TouchedMs, completed_ms AS CompletedMs";

    /// <returns>False when so many are open already.</returns>
    public Task<bool> TryCreateAsync(UploadRow row, int maxOpen, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ScalarAsync<long>("SELECT COUNT(*) FROM blb_upload WHERE completed_ms IS NULL") >= maxOpen) return false;
        await session.ExecuteAsync("""
            INSERT INTO blb_upload (id, digest, size, part_size, resume_key, actor, project, created_ms, touched_ms)
            VALUES (@Id, @Digest, @Size, @PartSize, @ResumeKey, @Actor, @Project, @TouchedMs, @TouchedMs)
            """, row);
        return true;
    }, ct);

    public Task<UploadRow?> FindAsync(string id, CancellationToken ct) =>
        db.ReadAsync(session => session.FirstOrDefaultAsync<UploadRow>($"SELECT {Columns} FROM blb_upload WHERE id = @id", new { id }), ct);

    /// <summary>The newest open upload of a caller with this digest or key.</summary>
    public Task<UploadRow?> FindOpenAsync(string actor, long size, string? digest, string? key, CancellationToken ct) => db.ReadAsync(session => session.FirstOrDefaultAsync<UploadRow>($"""
        SELECT {Columns} FROM blb_upload
        WHERE (digest = CAST(@digest AS TEXT) OR resume_key = CAST(@key AS TEXT)) AND actor = @actor AND size = @size AND completed_ms IS NULL
        ORDER BY created_ms DESC, id LIMIT 1
        """, new { actor, size, digest, key }), ct);

    public Task<List<PartRow>> PartsAsync(string id, CancellationToken ct) =>
        db.ReadAsync(session => session.QueryAsync<PartRow>("SELECT number AS Number, crc32c AS Crc32c FROM blb_upload_part WHERE upload = @id ORDER BY number", new { id }), ct);

    /// <returns>False when the upload is not open any more.</returns>
    public Task<bool> AddPartAsync(string id, int number, uint crc32c, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ExecuteAsync("UPDATE blb_upload SET touched_ms = @now WHERE id = @id AND completed_ms IS NULL", new { id, now }) == 0) return false;
        await session.ExecuteAsync("INSERT INTO blb_upload_part (upload, number, crc32c) VALUES (@id, @number, @crc) ON CONFLICT DO NOTHING", new { id, number = (long)number, crc = (long)crc32c });
        return true;
    }, ct);

    public Task TouchAsync(string id, long now, CancellationToken ct) =>
        db.WriteAsync(session => session.ExecuteAsync("UPDATE blb_upload SET touched_ms = @now WHERE id = @id", new { id, now }), ct);

    /// <summary>What was written is lost (the spool is gone): it begins anew.</summary>
    public Task ForgetPartsAsync(string id, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("DELETE FROM blb_upload_part WHERE upload = @id", new { id }), ct);

    public Task CompleteAsync(string id, string digest, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("UPDATE blb_upload SET digest = @digest, completed_ms = @now, touched_ms = @now WHERE id = @id", new { id, digest, now });
        await session.ExecuteAsync("DELETE FROM blb_upload_part WHERE upload = @id", new { id });
    }, ct);

    public Task DeleteAsync(string id, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("DELETE FROM blb_upload_part WHERE upload = @id", new { id });
        await session.ExecuteAsync("DELETE FROM blb_upload WHERE id = @id", new { id });
    }, ct);

    /// <summary>Ids of uploads to forget: open ones untouched since one time, completed ones since another.</summary>
    public Task<List<string>> ExpiredAsync(long openBeforeMs, long completedBeforeMs, int limit, CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<string>("""
        SELECT id FROM blb_upload WHERE completed_ms IS NULL AND touched_ms <= @openBeforeMs OR completed_ms IS NOT NULL AND touched_ms <= @completedBeforeMs ORDER BY touched_ms LIMIT @limit
        """, new { openBeforeMs, completedBeforeMs, limit }), ct);

    internal sealed class UploadRow
    {
        public string Id { get; set; } = "";
        public string? Digest { get; set; }
        public long Size { get; set; }
        public long PartSize { get; set; }
        public string? ResumeKey { get; set; }
        public string Actor { get; set; } = "";
        public string? Project { get; set; }
        public long TouchedMs { get; set; }
        public long? CompletedMs { get; set; }
    }

    internal sealed class PartRow
    {
        public long Number { get; set; }
        public long Crc32c { get; set; }
    }
}
