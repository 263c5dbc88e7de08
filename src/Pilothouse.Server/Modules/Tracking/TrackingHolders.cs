using Pilothouse.Data;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Whether a release or a deployment stands on what is in an experiment.</summary>
internal sealed class TrackingHolders(Db db, ILineage lineage)
{
    /// <summary>Things that are asked about at once: what came of them is bounded too.</summary>
    private const int PageSize = 1_000;

    /// <summary>Refuses to delete an experiment of whose runs or models one is held.</summary>
    /// <exception cref="PilothouseException">FailedPrecondition, with the names of what holds it.</exception>
    public async Task RequireFreeAsync(long experiment, CancellationToken ct)
    {
        foreach (var (table, kind) in ((string, string)[])[("trk_run", LineageKind.Run), ("trk_model", LineageKind.LoggedModel)])
        {
            for (var after = 0L; ;)
            {
                var page = await db.ReadAsync(session => session.QueryAsync<Row>($"SELECT num AS Num, id AS Id FROM {table} WHERE experiment = @experiment AND lifecycle = 'active' AND num > @after ORDER BY num LIMIT {PageSize}", new { experiment, after }), ct);
                if (page.Count == 0) break;
                await lineage.RequireFreeAsync([.. page.Select(r => new LineageNode(kind, r.Id))], $"A run or model of the experiment {experiment}", ct);
                after = page[^1].Num;
            }
        }
    }

    private sealed class Row
    {
        public long Num { get; init; }
        public string Id { get; init; } = "";
    }
}
