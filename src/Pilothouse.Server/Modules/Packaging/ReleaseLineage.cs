using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Packaging;

/// <summary>Edges of releases: everything that one lists, and the evidence about it.</summary>
internal sealed class ReleaseLineage(Db db) : ILineageSource
{
    private static readonly LineageEdges Edges = new("pkg_edge", "release_digest", LineageKind.Release);

    private const int MinPrefix = 8;

    /// <summary>Notes what a release was made from; part of the write that records it.</summary>
    public static Task AddAsync(DbSession session, string release, IEnumerable<(LineageNode From, string Relation)> edges) => Edges.AddAsync(session, release, edges);

    /// <summary>What a component stands for; files of the commit are in the commit.</summary>
    public static IEnumerable<(LineageNode From, string Relation)> Of(IEnumerable<ReleaseComponent> components) =>
        components.Select(c => (Node: LineageNode.FromReference(c.Reference), Relation: c.Type == "model" ? "contains" : $"{c.Type} of")).Where(e => e.Node is not null).Select(e => (e.Node!, e.Relation));

    public Task<IReadOnlyList<LineageEdge>> EdgesAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => db.ReadAsync<IReadOnlyList<LineageEdge>>(async session =>
    {
        var edges = new List<LineageEdge>();
        foreach (var kind in nodes.GroupBy(n => n.Kind))
        {
            var ids = kind.Select(n => n.Id).ToArray();
            var isRelease = kind.Key == LineageKind.Release;
            if (isRelease || kind.Key == LineageKind.Commit)
            {
                var shas = kind.Select(n => n.Sha).Distinct().ToArray();
                var releases = await session.QueryAsync<Row>($"SELECT digest AS Digest, project AS Project, commit_id AS CommitId FROM pkg_release WHERE {(isRelease ? session.Dialect.In("digest", "@ids") : session.Dialect.In("commit_id", "@shas"))} LIMIT {LineageEdges.MaxRows}", new { ids, shas });
                edges.AddRange(releases.Select(r => new LineageEdge(LineageNode.Commit(r.Project, r.CommitId), new LineageNode(LineageKind.Release, r.Digest), "released")));
            }
            edges.AddRange(await Edges.FindAsync(session, kind));
        }
        return edges;
    }, ct);

    public Task<IReadOnlyDictionary<LineageNode, LineageLabel>> DescribeAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => db.ReadAsync<IReadOnlyDictionary<LineageNode, LineageLabel>>(async session =>
    {
        var labels = new Dictionary<LineageNode, LineageLabel>();
        var ids = nodes.Where(n => n.Kind == LineageKind.Release).Select(n => n.Id).ToArray();
        var shas = nodes.Where(n => n.Kind == LineageKind.Commit).Select(n => n.Sha).ToArray();
        if (ids.Length + shas.Length == 0) return labels;
        var rows = await session.QueryAsync<LabelRow>($"""
            SELECT digest AS Digest, project AS Project, commit_id AS CommitId, commit_subject AS Subject, created_ms AS CreatedMs FROM pkg_release
            WHERE {session.Dialect.In("digest", "@ids")} OR {session.Dialect.In("commit_id", "@shas")} LIMIT {LineageEdges.MaxRows}
            """, new { ids, shas });
        var wanted = nodes.ToHashSet();
        foreach (var row in rows)
        {
            labels[new LineageNode(LineageKind.Release, row.Digest)] = new LineageLabel(row.Subject.Length > 0 ? row.Subject : row.Digest, $"release of {row.Project}", row.CreatedMs);
            if (LineageNode.Commit(row.Project, row.CommitId) is var commit && wanted.Contains(commit)) labels[commit] = new LineageLabel(row.Subject.Length > 0 ? row.Subject : row.CommitId, row.Project, null);
        }
        return labels;
    }, ct);

    /// <summary>A digest, or its first 8 or more digits, with or without <c>sha256:</c>.</summary>
    public async Task<LineageNode?> ResolveAsync(string reference, CancellationToken ct)
    {
        var hex = reference.StartsWith("sha256:", StringComparison.Ordinal) ? reference["sha256:".Length..] : reference;
        if (hex.Length is < MinPrefix or > 64 || !hex.All(char.IsAsciiHexDigitLower)) return null;
        var prefix = "sha256:" + hex;
        var found = await db.ReadAsync(session => session.QueryAsync<string>("SELECT digest FROM pkg_release WHERE substr(digest, 1, @length) = @prefix LIMIT 2", new { prefix, length = prefix.Length }), ct);
        return found is [var one] ? new LineageNode(LineageKind.Release, one) : null;
    }

    private sealed class Row
    {
        public string Digest { get; init; } = "";
        public string Project { get; init; } = "";
        public string CommitId { get; init; } = "";
    }

    private sealed class LabelRow
    {
        public string Digest { get; init; } = "";
        public string Project { get; init; } = "";
        public string CommitId { get; init; } = "";
        public string Subject { get; init; } = "";
        public long CreatedMs { get; init; }
    }
}
