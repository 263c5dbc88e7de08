using Pilothouse.Data;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Which releases and deployments stand on runs and logged models, many at a time.</summary>
internal sealed class TrackingHolders(Db db, ILineage lineage)
{
    /// <summary>Things that are asked about at once: what came of them is bounded too.</summary>
    private const int PageSize = 1_000;

    /// <summary>Names of one answer.</summary>
    private const int MaxNamed = 5;

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

    /// <summary>Those of the nodes on which a release or a deployment stands, and which.</summary>
    public async Task<Dictionary<LineageNode, string>> FindAsync(IEnumerable<LineageNode> nodes, CancellationToken ct)
    {
        var held = new Dictionary<LineageNode, string>();
        foreach (var chunk in nodes.Chunk(PageSize)) await FindAsync(chunk, held, ct);
        return held;
    }

    /// <summary>Halves what is held until it is one: almost always nothing is.</summary>
    private async Task FindAsync(ArraySegment<LineageNode> nodes, Dictionary<LineageNode, string> held, CancellationToken ct)
    {
        string? by;
        try
        {
            var holders = await lineage.HoldersAsync(nodes, ct);
            by = holders.Count == 0 ? null : LineageExtensions.Names([.. holders.Take(MaxNamed)]);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.FailedPrecondition)
        {
            by = e.Message; // too much came of them to tell: what cannot be told stays
        }
        if (by is null) return;
        if (nodes.Count == 1)
        {
            held[nodes[0]] = by;
            return;
        }
        await FindAsync(nodes[..(nodes.Count / 2)], held, ct);
        await FindAsync(nodes[(nodes.Count / 2)..], held, ct);
    }

    private sealed class Row
    {
        public long Num { get; init; }
        public string Id { get; init; } = "";
    }
}
