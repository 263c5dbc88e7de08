using Pilothouse.Data;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Fairness;

/// <summary>Edges of fairness reports: commit, and the models and data sets they used.</summary>
internal sealed class FairnessLineage(Db db) : ILineageSource
{
    private static readonly LineageEdges Edges = new("fai_edge", "report_id", LineageKind.Fairness);

    /// <summary>Notes what a report uses; part of the write that records it.</summary>
    public static Task AddAsync(DbSession session, string id, IEnumerable<(LineageNode From, string Relation)> edges) => Edges.AddAsync(session, id, edges);

    public Task<IReadOnlyList<LineageEdge>> EdgesAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => db.ReadAsync<IReadOnlyList<LineageEdge>>(async session =>
    {
        var edges = new List<LineageEdge>();
        foreach (var kind in nodes.GroupBy(n => n.Kind))
        {
            var ids = kind.Select(n => n.Id).ToArray();
            var isReport = kind.Key == LineageKind.Fairness;
            if (isReport || kind.Key == LineageKind.Commit)
            {
                var shas = kind.Select(n => n.Sha).Distinct().ToArray();
                var reports = await session.QueryAsync<Row>($"SELECT id AS Id, project AS Project, commit_id AS CommitId FROM fai_report WHERE {(isReport ? session.Dialect.In("id", "@ids") : session.Dialect.In("commit_id", "@shas"))} LIMIT {LineageEdges.MaxRows}", new { ids, shas });
                edges.AddRange(reports.Select(r => new LineageEdge(LineageNode.Commit(r.Project, r.CommitId), new LineageNode(LineageKind.Fairness, r.Id), "checked")));
            }
            edges.AddRange(await Edges.FindAsync(session, kind));
        }
        return edges;
    }, ct);

    public Task<IReadOnlyDictionary<LineageNode, LineageLabel>> DescribeAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => db.ReadAsync<IReadOnlyDictionary<LineageNode, LineageLabel>>(async session =>
    {
        var ids = nodes.Where(n => n.Kind == LineageKind.Fairness).Select(n => n.Id).ToArray();
        if (ids.Length == 0) return new Dictionary<LineageNode, LineageLabel>();
        var rows = await session.QueryAsync<LabelRow>($"SELECT id AS Id, project AS Project, verdict AS Verdict, created_ms AS CreatedMs FROM fai_report WHERE {session.Dialect.In("id", "@ids")}", new { ids });
        return rows.ToDictionary(r => new LineageNode(LineageKind.Fairness, r.Id), r => new LineageLabel($"fairness of {r.Project}", r.Verdict, r.CreatedMs));
    }, ct);

    public async Task<LineageNode?> ResolveAsync(string reference, CancellationToken ct)
    {
        var id = reference.StartsWith("fairness:/", StringComparison.Ordinal) ? reference["fairness:/".Length..] : reference;
        return await db.ReadAsync(session => session.ScalarAsync<long>("SELECT COUNT(*) FROM fai_report WHERE id = @id", new { id }), ct) > 0 ? new LineageNode(LineageKind.Fairness, id) : null;
    }

    private sealed class Row
    {
        public string Id { get; init; } = "";
        public string Project { get; init; } = "";
        public string CommitId { get; init; } = "";
    }

    private sealed class LabelRow
    {
        public string Id { get; init; } = "";
        public string Project { get; init; } = "";
        public string Verdict { get; init; } = "";
        public long CreatedMs { get; init; }
    }
}
