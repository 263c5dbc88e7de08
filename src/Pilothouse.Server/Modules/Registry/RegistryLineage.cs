using Pilothouse.Data;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Edges of models, prompts, data sets and suites: the run, commit, data, base model and logged model they were made from.</summary>
internal sealed class RegistryLineage(Db db, RegistryStore store) : ILineageSource
{
    private static readonly (string Scheme, string Type)[] Schemes = [(RegistryReference.Models, ObjectType.Model), (RegistryReference.Prompts, ObjectType.Prompt), (RegistryReference.Suites, ObjectType.Suite)];

    public Task<IReadOnlyList<LineageEdge>> EdgesAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) =>
        db.ReadAsync<IReadOnlyList<LineageEdge>>(async session => await RegistryEdges.FindAsync(session, nodes), ct);

    public Task<IReadOnlyDictionary<LineageNode, LineageLabel>> DescribeAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => db.ReadAsync<IReadOnlyDictionary<LineageNode, LineageLabel>>(async session =>
    {
        var labels = new Dictionary<LineageNode, LineageLabel>();
        foreach (var kind in nodes.Where(n => n.Kind is LineageKind.Model or LineageKind.Prompt or LineageKind.Suite or LineageKind.Dataset).GroupBy(n => n.Kind))
        {
            var names = kind.Select(n => n.Id[..n.Id.LastIndexOf('/')]).Distinct().ToArray();
            var rows = kind.Key == LineageKind.Dataset
                ? await session.QueryAsync<Row>($"SELECT 'dataset' AS Type, name AS Name, version AS Version, format AS Kind, description AS Description, created_ms AS CreatedMs, deleted_ms AS DeletedMs FROM reg_dataset_version WHERE {session.Dialect.In("name", "@names")}", new { names })
                : await session.QueryAsync<Row>($"SELECT object_type AS Type, name AS Name, version AS Version, kind AS Kind, description AS Description, created_ms AS CreatedMs, deleted_ms AS DeletedMs FROM reg_version WHERE object_type = @type AND {session.Dialect.In("name", "@names")}", new { type = kind.Key, names });
            var wanted = kind.ToHashSet();
            foreach (var row in rows)
            {
                if (LineageNode.Version(row.Type, row.Name, row.Version) is var node && wanted.Contains(node))
                    labels[node] = new LineageLabel($"{row.Name} version {row.Version}", row.Description is { Length: > 0 } text ? $"{row.Kind} · {(text.Length > 120 ? text[..120] + "..." : text)}" : row.Kind, row.CreatedMs) { IsDeleted = row.DeletedMs is not null };
            }
        }
        return labels;
    }, ct);

    /// <summary><c>models:/NAME/VERSION</c>, <c>NAME@ALIAS</c>, <c>NAME/latest</c>; a deleted version too, by its number.</summary>
    public async Task<LineageNode?> ResolveAsync(string reference, CancellationToken ct)
    {
        if (RegistryReference.TryParse(reference, RegistryReference.Datasets, out var data) && data.Alias is null)
        {
            var found = await db.ReadAsync(session => session.ScalarAsync<long?>("SELECT MAX(version) FROM reg_dataset_version WHERE name = @Name AND (CAST(@Version AS BIGINT) IS NULL AND deleted_ms IS NULL OR version = @Version)", new { data.Name, data.Version }), ct);
            return found is { } number ? LineageNode.Version(LineageKind.Dataset, data.Name, number) : null;
        }
        foreach (var (scheme, type) in Schemes)
        {
            if (!RegistryReference.TryParse(reference, scheme, out var parsed)) continue;
            var name = await store.CurrentNameAsync(type, parsed.Name, ct) ?? parsed.Name;
            var version = parsed.Alias is { } alias ? await store.AliasAsync(type, name, alias, ct) : parsed.Version ?? (await store.FindVersionAsync(type, name, null, ct))?.Version;
            return version is { } given && await store.WasRegisteredAsync(type, name, given, ct) ? LineageNode.Version(type, name, given) : null;
        }
        return null;
    }

    private sealed class Row
    {
        public string Type { get; init; } = "";
        public string Name { get; init; } = "";
        public long Version { get; init; }
        public string Kind { get; init; } = "";
        public string? Description { get; init; }
        public long CreatedMs { get; init; }
        public long? DeletedMs { get; init; }
    }
}
