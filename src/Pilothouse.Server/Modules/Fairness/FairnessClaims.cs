using Pilothouse.Data;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Fairness;

/// <summary>Fairness reports.</summary>
internal sealed class FairnessClaims(Db db) : IBlobClaims
{
    private const int PageSize = 2_000;

    public async Task ReadAsync(Action<BlobClaim> see, CancellationToken ct)
    {
        for (var after = ""; ;)
        {
            var page = await db.ReadAsync(session => session.QueryAsync<Row>("SELECT id AS Id, project AS Project, digest AS Digest FROM fai_report WHERE id > @after ORDER BY id LIMIT @limit", new { after, limit = PageSize }), ct);
            foreach (var row in page) see(new BlobClaim(row.Project, row.Digest, $"fairness report {row.Id}") { Kind = "reports" });
            if (page.Count < PageSize) return;
            after = page[^1].Id;
        }
    }

    private sealed class Row
    {
        public string Id { get; set; } = "";
        public string Project { get; set; } = "";
        public string Digest { get; set; } = "";
    }
}
