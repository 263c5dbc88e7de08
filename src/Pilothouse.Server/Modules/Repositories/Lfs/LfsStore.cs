using System.Runtime.CompilerServices;
using Pilothouse.Data;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Lfs;

/// <summary>Which project has which LFS objects. The rows keep the blobs from being collected, and say what may be downloaded from where.</summary>
internal sealed class LfsStore(Db db, TimeProvider time)
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
        return db.WriteAsync(session => session.BulkInsertAsync("rep_lfs_object", ["project", "oid", "size", "created_by", "created_ms"], objects, (row, o) =>
        {
            row.Text(project);
            row.Text(o.Oid);
            row.Integer(o.Size);
            row.Text(actor);
            row.Integer(now);
        }, ignoreDuplicates: true), ct);
    }

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

    private sealed class UsageRow
    {
        public long Objects { get; init; }
        public long Bytes { get; init; }
    }
}
