using Pilothouse.Data;
using Pilothouse.Server.Modules.Tracking.Garbage;

namespace Pilothouse.Server.Modules.Tracking.Uploads;

/// <summary>SQL of uploads in parts, and of the keys that links are signed with.</summary>
internal sealed class UploadStore(Db db)
{
    private const string Columns = "id AS Id, path AS Path, parts AS Parts, created_ms AS CreatedMs, completed_ms AS CompletedMs";

    /// <returns>False when so many are open already.</returns>
    public Task<bool> TryCreateAsync(string id, string path, long parts, long now, int maxOpen, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ScalarAsync<long>("SELECT COUNT(*) FROM trk_upload WHERE completed_ms IS NULL") >= maxOpen) return false;
        await session.ExecuteAsync("INSERT INTO trk_upload (id, path, parts, created_ms) VALUES (@id, @path, @parts, @now)", new { id, path, parts, now });
        return true;
    }, ct);

    public Task<UploadRow?> FindAsync(string id, CancellationToken ct) =>
        db.ReadAsync(session => session.FirstOrDefaultAsync<UploadRow>($"SELECT {Columns} FROM trk_upload WHERE id = @id", new { id }), ct);

    public Task<List<PartRow>> PartsAsync(string id, CancellationToken ct) =>
        db.ReadAsync(session => session.QueryAsync<PartRow>("SELECT number AS Number, digest AS Digest, size AS Size FROM trk_upload_part WHERE upload = @id ORDER BY number", new { id }), ct);

    /// <summary>Notes a part; sent again, it replaces the one before.</summary>
    /// <returns>False when the upload is not open any more.</returns>
    public Task<bool> PutPartAsync(string id, long number, string digest, long size, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ScalarAsync<long?>("SELECT parts FROM trk_upload WHERE id = @id AND completed_ms IS NULL", new { id }) is null) return false;
        var old = await session.ScalarAsync<string>("SELECT digest FROM trk_upload_part WHERE upload = @id AND number = @number", new { id, number });
        const string sql = """
            INSERT INTO trk_upload_part (upload, number, digest, size) VALUES (@id, @number, @digest, @size)
            ON CONFLICT (upload, number) DO UPDATE SET digest = excluded.digest, size = excluded.size
            """;
        await session.ExecuteAsync(sql, new { id, number, digest, size });
        if (old is not null && old != digest) await GarbageStore.AddAsync(session, [old], now);
        return true;
    }, ct);

    /// <summary>The parts have become a file: names it, and lets the parts go.</summary>
    public Task CompleteAsync(UploadRow upload, string digest, long size, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await ArtifactStore.PutAsync(session, upload.Path, digest, size, now);
        await session.ExecuteAsync("UPDATE trk_upload SET completed_ms = @now WHERE id = @Id", new { upload.Id, now });
        await DropPartsAsync(session, upload.Id, now);
    }, ct);

    public Task AbortAsync(string id, long now, CancellationToken ct) => db.WriteAsync(session => DropAsync(session, id, now), ct);

    /// <summary>Forgets uploads begun before a time.</summary>
    /// <returns>How many of them were never completed.</returns>
    public Task<int> ExpireAsync(long beforeMs, long now, int limit, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var old = await session.QueryAsync<UploadRow>($"SELECT {Columns} FROM trk_upload WHERE created_ms <= @beforeMs ORDER BY created_ms LIMIT @limit", new { beforeMs, limit });
        foreach (var upload in old) await DropAsync(session, upload.Id, now);
        return old.Count(u => u.CompletedMs is null);
    }, ct);

    /// <summary>The key of this name; made by the first who asks.</summary>
    public Task<string> SecretAsync(string name, string fresh, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("INSERT INTO trk_secret (name, value) VALUES (@name, @fresh) ON CONFLICT (name) DO NOTHING", new { name, fresh });
        return (await session.ScalarAsync<string>("SELECT value FROM trk_secret WHERE name = @name", new { name }))!;
    }, ct);

    private static async Task DropAsync(DbSession session, string id, long now)
    {
        await DropPartsAsync(session, id, now);
        await session.ExecuteAsync("DELETE FROM trk_upload WHERE id = @id", new { id });
    }

    private static async Task DropPartsAsync(DbSession session, string id, long now)
    {
        await GarbageStore.AddAsync(session, await session.QueryAsync<string>("SELECT digest FROM trk_upload_part WHERE upload = @id", new { id }), now);
        await session.ExecuteAsync("DELETE FROM trk_upload_part WHERE upload = @id", new { id });
    }

    internal sealed class UploadRow
    {
        public string Id { get; set; } = "";
        public string Path { get; set; } = "";
        public long Parts { get; set; }
        public long CreatedMs { get; set; }
        public long? CompletedMs { get; set; }
    }

    internal sealed class PartRow
    {
        public long Number { get; set; }
        public string Digest { get; set; } = "";
        public long Size { get; set; }
    }
}
