using Pilothouse.Data;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Packaging;

/// <summary>Manifests of releases and of the evidence about them. What a manifest lists, other modules name; the garbage collection reads the manifests themselves.</summary>
internal sealed class PackagingClaims(Db db) : IBlobClaims
{
    private const int PageSize = 2_000;

    public async Task ReadAsync(Action<BlobClaim> see, CancellationToken ct)
    {
        await PagesAsync("SELECT digest AS Digest, project AS Project FROM pkg_release WHERE digest > @after ORDER BY digest LIMIT @limit", "release", see, ct);
        await PagesAsync("SELECT DISTINCT e.digest AS Digest, r.project AS Project FROM pkg_evidence e JOIN pkg_release r ON r.digest = e.release_digest WHERE e.digest > @after ORDER BY e.digest LIMIT @limit", "evidence", see, ct);
    }

    private async Task PagesAsync(string sql, string what, Action<BlobClaim> see, CancellationToken ct)
    {
        var after = "";
        while (true)
        {
            var page = await db.ReadAsync(session => session.QueryAsync<Row>(sql, new { after, limit = PageSize }), ct);
            foreach (var row in page) see(new BlobClaim(row.Project, row.Digest, $"{what} of {row.Project}") { Kind = "releases and evidence" });
            if (page.Count < PageSize) return;
            after = page[^1].Digest;
        }
    }

    private sealed class Row
    {
        public string Digest { get; set; } = "";
        public string Project { get; set; } = "";
    }
}
