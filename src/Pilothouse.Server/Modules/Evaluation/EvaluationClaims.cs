using System.Collections.Concurrent;
using System.Text;
using Pilothouse.Data;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Reports of evaluations, and the blobs with their cases and recordings, which only the reports name.</summary>
internal sealed class EvaluationClaims(Db db, IBlobStore blobs) : IBlobClaims
{
    private const int PageSize = 1_000;
    private const int MaxReport = 64 * 1024 * 1024;
    private const int MaxKnown = 100_000;

    /// <summary>What each report names: it never changes, so it is read once.</summary>
    private readonly ConcurrentDictionary<string, (string? Cases, string? Recording)> _named = new(StringComparer.Ordinal);

    public async Task ReadAsync(Action<BlobClaim> see, CancellationToken ct)
    {
        for (var after = ""; ;)
        {
            var page = await db.ReadAsync(session => session.QueryAsync<Row>("SELECT id AS Id, project AS Project, digest AS Digest FROM evl_evaluation WHERE id > @after AND digest IS NOT NULL ORDER BY id LIMIT @limit", new { after, limit = PageSize }), ct);
            foreach (var row in page)
            {
                see(new BlobClaim(row.Project, row.Digest, $"report of evaluation {row.Id}") { Kind = "reports" });
                var (cases, recording) = await NamedAsync(row.Digest, ct);
                if (cases is { Length: > 0 }) see(new BlobClaim(row.Project, cases, $"cases of evaluation {row.Id}") { Kind = "reports" });
                if (recording is { Length: > 0 }) see(new BlobClaim(row.Project, recording, $"recording of evaluation {row.Id}") { Kind = "reports" });
            }
            if (page.Count < PageSize) return;
            after = page[^1].Id;
        }
    }

    /// <returns>Nulls when the report is not there: what it named cannot be told.</returns>
    private async Task<(string? Cases, string? Recording)> NamedAsync(string digest, CancellationToken ct)
    {
        if (_named.TryGetValue(digest, out var known)) return known;
        try
        {
            var report = WireJson.Read<EvaluationReport>(Encoding.UTF8.GetString(await blobs.ReadAsync(digest, MaxReport, ct)));
            var named = (report.CasesDigest, report.Recording);
            if (_named.Count < MaxKnown) _named[digest] = named;
            return named;
        }
        catch (Exception e) when (e is PilothouseException or System.Text.Json.JsonException or IOException)
        {
            return (null, null); // the scrub names the report itself
        }
    }

    private sealed class Row
    {
        public string Id { get; set; } = "";
        public string Project { get; set; } = "";
        public string Digest { get; set; } = "";
    }
}
