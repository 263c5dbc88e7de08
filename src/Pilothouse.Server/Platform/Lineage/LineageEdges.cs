using Pilothouse.Data;

namespace Pilothouse.Server.Platform;

/// <summary>A module's table of what its things were made from: <c>relation, source_kind, source_id</c> beside the id of the thing.</summary>
/// <param name="Table">Of the module's own; written in its code, never given by a caller.</param>
/// <param name="Key">Column with the id of the thing.</param>
/// <param name="Kind">Of the thing, one of <see cref="LineageKind"/>.</param>
internal sealed record LineageEdges(string Table, string Key, string Kind)
{
    /// <summary>Rows of one answer.</summary>
    public const int MaxRows = 5_000;

    /// <summary>Notes what a thing was made from; part of the write that records it.</summary>
    public async Task AddAsync(DbSession session, string id, IEnumerable<(LineageNode From, string Relation)> edges)
    {
        foreach (var (from, relation) in edges.Distinct())
            await session.ExecuteAsync($"INSERT INTO {Table} ({Key}, relation, source_kind, source_id) VALUES (@id, @relation, @Kind, @source) ON CONFLICT DO NOTHING", new { id, relation, from.Kind, source = from.Id });
    }

    /// <summary>Edges that touch one of the nodes, at either end.</summary>
    /// <param name="asked">Nodes of one kind.</param>
    public async Task<IEnumerable<LineageEdge>> FindAsync(DbSession session, IGrouping<string, LineageNode> asked)
    {
        var rows = await session.QueryAsync<Row>($"""
            SELECT {Key} AS Id, relation AS Relation, source_kind AS Kind, source_id AS SourceId FROM {Table}
            WHERE {(asked.Key == Kind ? session.Dialect.In(Key, "@ids") : $"source_kind = @kind AND {session.Dialect.In("source_id", "@ids")}")} LIMIT {MaxRows}
            """, new { kind = asked.Key, ids = asked.Select(n => n.Id).ToArray() });
        return rows.Select(e => new LineageEdge(new LineageNode(e.Kind, e.SourceId), new LineageNode(Kind, e.Id), e.Relation));
    }

    private sealed class Row
    {
        public string Id { get; init; } = "";
        public string Relation { get; init; } = "";
        public string Kind { get; init; } = "";
        public string SourceId { get; init; } = "";
    }
}
