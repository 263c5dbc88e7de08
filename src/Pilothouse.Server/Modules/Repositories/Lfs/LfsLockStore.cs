using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Server.Modules.Repositories.Lfs;

/// <param name="Ref">Branch it was taken for; only told, since a lock holds for the whole repository.</param>
internal sealed record LockRow(string Id, string Project, string Path, string Owner, string Ref, long CreatedMs);

internal sealed class LfsLockStore(Db db, IAuditLog audit)
{
    private const string Columns = "id, project, path, owner, ref, created_ms AS CreatedMs";

    /// <returns>The lock that is there already; null when this one was taken.</returns>
    public Task<LockRow?> TakeAsync(LockRow row, AuditEvent record, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var taken = await session.ExecuteAsync("""
            INSERT INTO rep_lfs_lock (id, project, path, owner, ref, created_ms) VALUES (@Id, @Project, @Path, @Owner, @Ref, @CreatedMs) ON CONFLICT (project, path) DO NOTHING
            """, row);
        if (taken == 0) return await session.FirstOrDefaultAsync<LockRow>($"SELECT {Columns} FROM rep_lfs_lock WHERE project = @Project AND path = @Path", row);
        await audit.AppendAsync(session, record);
        return null;
    }, ct);

    public async Task<LockRow?> FindAsync(string project, string id, CancellationToken ct) =>
        await db.ReadAsync(session => session.FirstOrDefaultAsync<LockRow>($"SELECT {Columns} FROM rep_lfs_lock WHERE project = @project AND id = @id", new { project, id }), ct);

    /// <returns>False when it was gone already.</returns>
    public Task<bool> ReleaseAsync(string project, string id, AuditEvent record, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ExecuteAsync("DELETE FROM rep_lfs_lock WHERE project = @project AND id = @id", new { project, id }) == 0) return false;
        await audit.AppendAsync(session, record);
        return true;
    }, ct);

    /// <param name="path">Null = all.</param>
    /// <param name="after">Id behind which the page starts; "" = the first.</param>
    public async Task<IReadOnlyList<LockRow>> ListAsync(string project, string? path, string? id, string after, int limit, CancellationToken ct) => await db.ReadAsync(session => session.QueryAsync<LockRow>($"""
        SELECT {Columns} FROM rep_lfs_lock WHERE project = @project AND id > @after
        AND (CAST(@path AS TEXT) IS NULL OR path = @path) AND (CAST(@id AS TEXT) IS NULL OR id = @id) ORDER BY id LIMIT @limit
        """, new { project, path, id, after, limit }), ct);

    /// <summary>Locks of everyone else.</summary>
    public async Task<IReadOnlyList<LockRow>> OthersAsync(string project, string owner, int limit, CancellationToken ct) => await db.ReadAsync(session => session.QueryAsync<LockRow>(
        $"SELECT {Columns} FROM rep_lfs_lock WHERE project = @project AND owner <> @owner ORDER BY id LIMIT @limit", new { project, owner, limit }), ct);
}
