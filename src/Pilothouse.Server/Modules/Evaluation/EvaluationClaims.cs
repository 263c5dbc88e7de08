using System.Collections.Concurrent;
using System.Text;
using Pilothouse.Data;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Reports of evaluations, and the blobs with their cases, which only the reports name.</summary>
internal sealed class EvaluationClaims(Db db, IBlobStore blobs) : IBlobClaims
{
    private const int PageSize = 1_000;
    private const int MaxReport = 64 * 1024 * 1024;
    private const int MaxKnown = 100_000;

    /// <summary>Cases by report: a report never changes, so it is read once.</summary>
    private readonly ConcurrentDictionary<string, string> _cases = new(StringComparer.Ordinal);

    public async Task ReadAsync(Action<BlobClaim> see, CancellationToken ct)
    {
        for (var after = ""; ;)
        {
            var page = await db.ReadAsync(session => session.QueryAsync<Row>("SELECT id AS Id, project AS Project, digest AS Digest FROM evl_evaluation WHERE id > @after AND digest IS NOT NULL ORDER BY id LIMIT @limit", new { after, limit = PageSize }), ct);
            foreach (var row in page)
            {
                see(new BlobClaim(row.Project, row.Digest, $"report of evaluation {row.Id}") { Kind = "reports" });
                if (await CasesAsync(row.Digest, ct) is { Length: > 0 } cases) see(new BlobClaim(row.Project, cases, $"cases of evaluation {row.Id}") { Kind = "reports" });
            }
            if (page.Count < PageSize) return;
            after = page[^1].Id;
        }
    }

    /// <returns>Null when the report is not there: what it named cannot be told.</returns>
    private async Task<string?> CasesAsync(string digest, CancellationToken ct)
    {
        if (_cases.TryGetValue(digest, out var known)) return known;
        try
        {
            var cases = WireJson.Read<EvaluationReport>(Encoding.UTF8.GetString(await blobs.ReadAsync(digest, MaxReport, ct))).CasesDigest;
            if (_cases.Count < MaxKnown) _cases[digest] = cases;
            return cases;
        }
        catch (Exception e) when (e is PilothouseException or System.Text.Json.JsonException or IOException)
        {
            return null; // the scrub names the report itself
        }
    }

    private sealed class Row
    {
        public string Id { get; set; } = "";
        public string Project { get; set; } = "";
        public string Digest { get; set; } = "";
    }
}
