using Pilothouse.Data;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Edges of evaluations: commit, base line, and the models, data sets and suites they used.</summary>
internal sealed class EvaluationLineage(Db db) : ILineageSource
{
    private static readonly LineageEdges Edges = new("evl_edge", "evaluation_id", LineageKind.Evaluation);

    /// <summary>Notes what an evaluation uses; part of the write that records it.</summary>
    public static Task AddAsync(DbSession session, string id, IEnumerable<(LineageNode From, string Relation)> edges) => Edges.AddAsync(session, id, edges);

    public Task<IReadOnlyList<LineageEdge>> EdgesAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => db.ReadAsync<IReadOnlyList<LineageEdge>>(async session =>
    {
        var edges = new List<LineageEdge>();
        const string evaluations = "SELECT id AS Id, project AS Project, commit_id AS CommitId, baseline_commit AS BaselineCommit FROM evl_evaluation";
        foreach (var kind in nodes.GroupBy(n => n.Kind))
        {
            var ids = kind.Select(n => n.Id).ToArray();
            if (kind.Key == LineageKind.Evaluation) Add(await session.QueryAsync<Row>($"{evaluations} WHERE {session.Dialect.In("id", "@ids")}", new { ids }));
            if (kind.Key == LineageKind.Commit)
            {
                var shas = kind.Select(n => n.Sha).Distinct().ToArray();
                Add(await session.QueryAsync<Row>($"{evaluations} WHERE {session.Dialect.In("commit_id", "@shas")} OR {session.Dialect.In("baseline_commit", "@shas")} LIMIT {LineageEdges.MaxRows}", new { shas }));
            }
            edges.AddRange(await Edges.FindAsync(session, kind));
        }
        return edges;

        void Add(List<Row> rows)
        {
            foreach (var row in rows)
            {
                var evaluation = new LineageNode(LineageKind.Evaluation, row.Id);
                edges.Add(new LineageEdge(LineageNode.Commit(row.Project, row.CommitId), evaluation, "evaluated"));
                if (row.BaselineCommit is { } baseline) edges.Add(new LineageEdge(LineageNode.Commit(row.Project, baseline), evaluation, "base line"));
            }
        }
    }, ct);

    public Task<IReadOnlyDictionary<LineageNode, LineageLabel>> DescribeAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => db.ReadAsync<IReadOnlyDictionary<LineageNode, LineageLabel>>(async session =>
    {
        var ids = nodes.Where(n => n.Kind == LineageKind.Evaluation).Select(n => n.Id).ToArray();
        if (ids.Length == 0) return new Dictionary<LineageNode, LineageLabel>();
        var rows = await session.QueryAsync<LabelRow>($"SELECT id AS Id, project AS Project, status AS Status, verdict AS Verdict, created_ms AS CreatedMs FROM evl_evaluation WHERE {session.Dialect.In("id", "@ids")}", new { ids });
        return rows.ToDictionary(r => new LineageNode(LineageKind.Evaluation, r.Id), r => new LineageLabel($"evaluation of {r.Project}", r.Verdict ?? r.Status, r.CreatedMs));
    }, ct);

    public async Task<LineageNode?> ResolveAsync(string reference, CancellationToken ct)
    {
        var id = reference.StartsWith("evaluations:/", StringComparison.Ordinal) ? reference["evaluations:/".Length..] : reference;
        return await db.ReadAsync(session => session.ScalarAsync<long>("SELECT COUNT(*) FROM evl_evaluation WHERE id = @id", new { id }), ct) > 0 ? new LineageNode(LineageKind.Evaluation, id) : null;
    }

    private sealed class Row
    {
        public string Id { get; init; } = "";
        public string Project { get; init; } = "";
        public string CommitId { get; init; } = "";
        public string? BaselineCommit { get; init; }
    }

    private sealed class LabelRow
    {
        public string Id { get; init; } = "";
        public string Project { get; init; } = "";
        public string Status { get; init; } = "";
        public string? Verdict { get; init; }
        public long CreatedMs { get; init; }
    }
}
