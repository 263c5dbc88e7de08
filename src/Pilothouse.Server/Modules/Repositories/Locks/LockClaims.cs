using Pilothouse.Data;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Repositories.Locks;

/// <summary>What the locks of a project's commits pin.</summary>
internal sealed class LockClaims(Db db) : IBlobClaims
{
    private const int PageSize = 5_000;

    public async Task ReadAsync(Action<BlobClaim> see, CancellationToken ct)
    {
        var after = new Row();
        while (true)
        {
            var page = await db.ReadAsync(session => session.QueryAsync<Row>(
                "SELECT project AS Project, digest AS Digest FROM rep_lock_blob WHERE (project, digest) > (@Project, @Digest) ORDER BY project, digest LIMIT @limit", new { after.Project, after.Digest, limit = PageSize }), ct);
            foreach (var row in page) see(new BlobClaim(row.Project, row.Digest, $"pinned by a lock of {row.Project}") { Kind = "tracked files" });
            if (page.Count < PageSize) return;
            after = page[^1];
        }
    }

    private sealed class Row
    {
        public string Project { get; set; } = "";
        public string Digest { get; set; } = "";
    }
}
