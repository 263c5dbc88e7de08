using Pilothouse.Data;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>SQL of <c>reg_edge</c>: where versions come from.</summary>
internal static class RegistryEdges
{
    /// <summary>Rows of one answer.</summary>
    private const int MaxRows = 5_000;

    /// <summary>Adds what a new version was made from; part of the write that registers it.</summary>
    /// <param name="type">model, prompt, dataset or suite.</param>
    public static async Task AddAsync(DbSession session, string type, string name, long version, IEnumerable<(LineageNode From, string Relation)> edges)
    {
        foreach (var (from, relation) in edges)
        {
            await session.ExecuteAsync("""
                INSERT INTO reg_edge (object_type, name, version, relation, source_kind, source_id) VALUES (@type, @name, @version, @relation, @Kind, @Id) ON CONFLICT DO NOTHING
                """, new { type, name, version, relation, from.Kind, from.Id });
        }
    }

    public static async Task<List<LineageEdge>> FindAsync(DbSession session, IReadOnlyCollection<LineageNode> nodes)
    {
        var rows = new List<Row>();
        const string columns = "SELECT object_type AS Type, name AS Name, version AS Version, relation AS Relation, source_kind AS SourceKind, source_id AS SourceId FROM reg_edge";
        foreach (var kind in nodes.GroupBy(n => n.Kind))
        {
            var ids = kind.Select(n => n.Id).ToArray();
            if (kind.Key == LineageKind.Commit) // whatever project a version noted, or none
                rows.AddRange(await session.QueryAsync<Row>($"{columns} WHERE source_kind = 'commit' AND {session.Dialect.In("substr(source_id, length(source_id) - 39)", "@ids")} LIMIT {MaxRows}", new { ids = kind.Select(n => n.Sha).Distinct().ToArray() }));
            else
                rows.AddRange(await session.QueryAsync<Row>($"{columns} WHERE source_kind = @kind AND {session.Dialect.In("source_id", "@ids")} LIMIT {MaxRows}", new { kind = kind.Key, ids }));
            if (kind.Key is LineageKind.Model or LineageKind.Prompt or LineageKind.Dataset or LineageKind.Suite)
            {
                var names = kind.Select(n => n.Id[..n.Id.LastIndexOf('/')]).Distinct().ToArray();
                var wanted = ids.ToHashSet(StringComparer.Ordinal);
                rows.AddRange((await session.QueryAsync<Row>($"{columns} WHERE object_type = @kind AND {session.Dialect.In("name", "@names")} LIMIT {MaxRows}", new { kind = kind.Key, names })).Where(r => wanted.Contains($"{r.Name}/{r.Version}")));
            }
        }
        return rows.ConvertAll(r => new LineageEdge(new LineageNode(r.SourceKind, r.SourceId), LineageNode.Version(r.Type, r.Name, r.Version), r.Relation));
    }

    /// <summary>The object is called otherwise from now on, at both ends.</summary>
    public static async Task RenameAsync(DbSession session, string type, string name, string newName)
    {
        await session.ExecuteAsync("DELETE FROM reg_edge WHERE object_type = @type AND name = @newName", new { type, newName });
        await session.ExecuteAsync("UPDATE reg_edge SET name = @newName WHERE object_type = @type AND name = @name", new { type, name, newName });
        await session.ExecuteAsync("UPDATE reg_edge SET source_id = @newName || substr(source_id, @behind) WHERE source_kind = @type AND substr(source_id, 1, @length) = @prefix",
            new { type, newName, behind = name.Length + 1, length = name.Length + 1, prefix = name + "/" });
    }

    private sealed class Row
    {
        public string Type { get; init; } = "";
        public string Name { get; init; } = "";
        public long Version { get; init; }
        public string Relation { get; init; } = "";
        public string SourceKind { get; init; } = "";
        public string SourceId { get; init; } = "";
    }
}
