using System.Runtime.CompilerServices;
using Pilothouse.Data;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Lfs;

/// <summary>Which project has which LFS objects. The rows keep the blobs from being collected, and say what may be downloaded from where.</summary>
internal sealed class LfsStore(Db db, IAuditLog audit, TimeProvider time)
{
    /// <summary>Objects looked up by one statement.</summary>
    private const int Chunk = 500;

    /// <returns>Sizes of those objects that the project has.</returns>
    public async Task<Dictionary<string, long>> FindAsync(string project, IReadOnlyCollection<string> oids, CancellationToken ct)
    {
        var found = new Dictionary<string, long>(oids.Count);
        foreach (var chunk in oids.Chunk(Chunk))
        {
            var rows = await db.ReadAsync(session => session.QueryAsync<Row>(
                $"SELECT oid, size FROM rep_lfs_object WHERE project = @project AND {session.Dialect.In("oid", "@chunk")} LIMIT {Chunk}", new { project, chunk }), ct);
            foreach (var row in rows) found[row.Oid] = row.Size;
        }
        return found;
    }

    public Task AddAsync(string project, IReadOnlyCollection<(string Oid, long Size)> objects, string actor, CancellationToken ct)
    {
        if (objects.Count == 0) return Task.CompletedTask;
        var now = time.NowMs();
        return db.WriteAsync(async session =>
        {
            await session.BulkInsertAsync("rep_lfs_object", ["project", "oid", "size", "created_by", "created_ms"], objects, (row, o) =>
            {
                row.Text(project);
                row.Text(o.Oid);
                row.Integer(o.Size);
                row.Text(actor);
                row.Integer(now);
            }, ignoreDuplicates: true);
            // Who uploads what was removed has it again.
            foreach (var chunk in objects.Select(o => Record(o.Oid)).Chunk(Chunk)) await session.ExecuteAsync($"DELETE FROM rep_lfs_removed WHERE project = @project AND {session.Dialect.In("oid", "@chunk")}", new { project, chunk });
        }, ct);
    }

    /// <returns>False when the project does not have it.</returns>
    public Task<bool> RemoveAsync(LfsRemoved removed, AuditEvent record, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ExecuteAsync("DELETE FROM rep_lfs_object WHERE project = @Project AND oid = @Oid", new { removed.Project, removed.Oid }) == 0) return false;
        await session.ExecuteAsync("""
            INSERT INTO rep_lfs_removed (project, oid, size, removed_by, removed_ms, reason) VALUES (@Project, @oid, @Size, @RemovedBy, @RemovedMs, @Reason)
            ON CONFLICT (project, oid) DO UPDATE SET removed_by = excluded.removed_by, removed_ms = excluded.removed_ms, reason = excluded.reason
            """, new { removed.Project, oid = Record(removed.Oid), removed.Size, removed.RemovedBy, removed.RemovedMs, removed.Reason });
        await audit.AppendAsync(session, record);
        return true;
    }, ct);

    /// <summary>Objects that were removed, newest first.</summary>
    /// <param name="oids">Only these (at most 500); null = all.</param>
    public async Task<IReadOnlyList<LfsRemoved>> RemovedAsync(string project, IReadOnlyCollection<string>? oids, int limit, CancellationToken ct) => (await db.ReadAsync(session => session.QueryAsync<RemovedRow>($"""
        SELECT oid AS Oid, size AS Size, removed_by AS RemovedBy, removed_ms AS RemovedMs, reason AS Reason FROM rep_lfs_removed
        WHERE project = @project{(oids is null ? "" : $" AND {session.Dialect.In("oid", "@records")}")} ORDER BY removed_ms DESC, oid LIMIT @limit
        """, new { project, records = oids?.Select(Record).ToArray(), limit }), ct)).ConvertAll(r => new LfsRemoved(project, r.Oid.ToLowerInvariant(), r.Size, r.RemovedBy, r.RemovedMs, r.Reason));

    /// <summary>In capitals a digest is a record, not a name that keeps the content from the garbage collection.</summary>
    private static string Record(string oid) => oid.ToUpperInvariant();

    /// <summary>Objects that came since a time, in pages.</summary>
    public async IAsyncEnumerable<IReadOnlyList<LfsPointer>> SinceAsync(string project, long sinceMs, int page, [EnumeratorCancellation] CancellationToken ct)
    {
        for (var after = ""; ;)
        {
            var rows = await db.ReadAsync(session => session.QueryAsync<Row>(
                "SELECT oid, size FROM rep_lfs_object WHERE project = @project AND created_ms >= @sinceMs AND oid > @after ORDER BY oid LIMIT @page", new { project, sinceMs, after, page }), ct);
            if (rows.Count > 0) yield return [.. rows.Select(r => new LfsPointer(r.Oid, r.Size))];
            if (rows.Count < page) yield break;
            after = rows[^1].Oid;
        }
    }

    /// <returns>Number and total size in bytes of a project's objects.</returns>
    public async Task<(long Count, long Bytes)> UsageAsync(string project, CancellationToken ct)
    {
        var row = await db.ReadAsync(session => session.FirstOrDefaultAsync<UsageRow>(
            "SELECT COUNT(*) AS Objects, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS Bytes FROM rep_lfs_object WHERE project = @project", new { project }), ct);
        return (row!.Objects, row.Bytes);
    }

    private sealed class Row
    {
        public string Oid { get; init; } = "";
        public long Size { get; init; }
    }

    private sealed class RemovedRow
    {
        public string Oid { get; init; } = "";
        public long Size { get; init; }
        public string RemovedBy { get; init; } = "";
        public long RemovedMs { get; init; }
        public string Reason { get; init; } = "";
    }

    private sealed class UsageRow
    {
        public long Objects { get; init; }
        public long Bytes { get; init; }
    }
}
