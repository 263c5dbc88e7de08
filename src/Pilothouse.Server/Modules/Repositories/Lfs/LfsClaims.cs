using Pilothouse.Data;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Repositories.Lfs;

/// <summary>LFS objects of projects.</summary>
internal sealed class LfsClaims(Db db) : IBlobClaims
{
    private const int PageSize = 5_000;

    public async Task ReadAsync(Action<BlobClaim> see, CancellationToken ct)
    {
        var after = new Row();
        while (true)
        {
            var page = await db.ReadAsync(session => session.QueryAsync<Row>(
                "SELECT project AS Project, oid AS Oid FROM rep_lfs_object WHERE (project, oid) > (@Project, @Oid) ORDER BY project, oid LIMIT @limit", new { after.Project, after.Oid, limit = PageSize }), ct);
            foreach (var row in page) see(new BlobClaim(row.Project, $"sha256:{row.Oid}", $"LFS object of {row.Project}") { Kind = "Git LFS" });
            if (page.Count < PageSize) return;
            after = page[^1];
        }
    }

    private sealed class Row
    {
        public string Project { get; set; } = "";
        public string Oid { get; set; } = "";
    }
}
