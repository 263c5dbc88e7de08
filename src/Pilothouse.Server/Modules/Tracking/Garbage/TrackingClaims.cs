using Pilothouse.Data;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Tracking.Garbage;

/// <summary>Artifacts and media of runs. They belong to experiments, not to projects.</summary>
internal sealed class TrackingClaims(Db db) : IBlobClaims
{
    private const int PageSize = 5_000;

    public IReadOnlySet<string> LeafTables => GarbageService.LeafTables;

    public async Task ReadAsync(Action<BlobClaim> see, CancellationToken ct)
    {
        await PagesAsync("SELECT path AS Name, digest AS Digest FROM trk_artifact WHERE path > @after AND digest IS NOT NULL ORDER BY path LIMIT @limit", row => see(new BlobClaim(null, row.Digest, $"artifact {row.Name}") { Kind = "run artifacts" }), ct);
        await PagesAsync("SELECT DISTINCT blob AS Name, blob AS Digest FROM trk_media WHERE blob > @after ORDER BY blob LIMIT @limit", row => see(new BlobClaim(null, row.Digest, "media of a run") { Kind = "media of runs" }), ct);
    }

    private async Task PagesAsync(string sql, Action<Row> see, CancellationToken ct)
    {
        var after = "";
        while (true)
        {
            var page = await db.ReadAsync(session => session.QueryAsync<Row>(sql, new { after, limit = PageSize }), ct);
            page.ForEach(see);
            if (page.Count < PageSize) return;
            after = page[^1].Name;
        }
    }

    private sealed class Row
    {
        public string Name { get; set; } = "";
        public string Digest { get; set; } = "";
    }
}
