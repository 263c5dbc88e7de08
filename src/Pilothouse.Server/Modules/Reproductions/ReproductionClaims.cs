using Pilothouse.Data;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Reproductions;

/// <summary>Statements and reports of reproductions. They are evidence about runs and releases, of no project.</summary>
internal sealed class ReproductionClaims(Db db) : IBlobClaims
{
    private const int PageSize = 2_000;

    public async Task ReadAsync(Action<BlobClaim> see, CancellationToken ct)
    {
        for (var after = ""; ;)
        {
            var page = await db.ReadAsync(session => session.QueryAsync<Row>("SELECT id AS Id, statement_digest AS Statement, report_digest AS Report FROM rpd_reproduction WHERE id > @after ORDER BY id LIMIT @limit", new { after, limit = PageSize }), ct);
            foreach (var row in page)
            {
                see(new BlobClaim(null, row.Statement, $"statement of reproduction {row.Id}") { Kind = "reports" });
                see(new BlobClaim(null, row.Report, $"report of reproduction {row.Id}") { Kind = "reports" });
            }
            if (page.Count < PageSize) return;
            after = page[^1].Id;
        }
    }

    private sealed class Row
    {
        public string Id { get; set; } = "";
        public string Statement { get; set; } = "";
        public string Report { get; set; } = "";
    }
}
