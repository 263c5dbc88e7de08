using System.Text.RegularExpressions;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Edges of runs: the commit they ran at, their parent run, the data and logged models they read, the logged models they made.</summary>
internal sealed partial class TrackingLineage(Db db) : ILineageSource
{
    private const string CommitTag = "mlflow.source.git.commit";

    /// <summary>Rows of one statement.</summary>
    private const int MaxRows = 5_000;

    public Task<IReadOnlyList<LineageEdge>> EdgesAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => db.ReadAsync<IReadOnlyList<LineageEdge>>(async session =>
    {
        var asked = nodes.ToLookup(n => n.Kind, n => n);
        var edges = new List<LineageEdge>();
        var runs = asked[LineageKind.Run].Select(n => n.Id).ToArray();
        var models = asked[LineageKind.LoggedModel].Select(n => n.Id).ToArray();
        if (runs.Length > 0)
        {
            await TagsAsync(session, edges, "r.id", runs);
            await DatasetsAsync(session, edges, session.Dialect.In("r.id", "@values"), runs);
            await ModelsAsync(session, edges, session.Dialect.In("r.id", "@values"), session.Dialect.In("source_run", "@values"), runs);
            // Runs below them: the tag of the child names the parent.
            foreach (var row in await TaggedAsync(session, RunTags.ParentRun, runs)) edges.Add(new LineageEdge(LineageNode.Run(row.Value), LineageNode.Run(row.Run), "parent run"));
        }
        if (models.Length > 0) await ModelsAsync(session, edges, session.Dialect.In("x.model", "@values"), session.Dialect.In("id", "@values"), models);
        if (asked[LineageKind.Commit].ToList() is { Count: > 0 } commits)
        {
            foreach (var row in await TaggedAsync(session, CommitTag, [.. commits.Select(c => c.Sha).Distinct()]))
                edges.AddRange(commits.Where(c => c.Sha == row.Value).Select(c => new LineageEdge(c, LineageNode.Run(row.Run), "ran at")));
        }
        if (asked[LineageKind.Dataset].Select(n => "datasets:/" + n.Id).ToArray() is { Length: > 0 } datasets) await DatasetsAsync(session, edges, session.Dialect.In("substr(d.source, 1, 256)", "@values"), datasets);
        foreach (var input in asked[LineageKind.Input])
        {
            var cut = input.Id.LastIndexOf('/');
            if (cut > 0) await DatasetsAsync(session, edges, "d.digest = @digest AND d.name = @name", [], input.Id[(cut + 1)..], input.Id[..cut]);
        }
        return edges;
    }, ct);

    public Task<IReadOnlyDictionary<LineageNode, LineageLabel>> DescribeAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => db.ReadAsync<IReadOnlyDictionary<LineageNode, LineageLabel>>(async session =>
    {
        var labels = new Dictionary<LineageNode, LineageLabel>();
        if (Ids(nodes, LineageKind.Run) is { Length: > 0 } runs)
            foreach (var row in await session.QueryAsync<LabelRow>($"SELECT id AS Id, name AS Name, status AS Status, lifecycle AS Lifecycle, start_ms AS TimeMs FROM trk_run WHERE {session.Dialect.In("id", "@ids")}", new { ids = runs }))
                labels[LineageNode.Run(row.Id)] = row.ToLabel();
        if (Ids(nodes, LineageKind.LoggedModel) is { Length: > 0 } models)
            foreach (var row in await session.QueryAsync<LabelRow>($"SELECT id AS Id, name AS Name, model_type AS Status, lifecycle AS Lifecycle, created_ms AS TimeMs FROM trk_model WHERE {session.Dialect.In("id", "@ids")}", new { ids = models }))
                labels[new LineageNode(LineageKind.LoggedModel, row.Id)] = row.ToLabel();
        foreach (var input in nodes.Where(n => n.Kind == LineageKind.Input)) labels[input] = new LineageLabel(input.Id[..Math.Max(1, input.Id.LastIndexOf('/'))], $"not registered, digest {input.Sha}", null);
        return labels;
    }, ct);

    /// <summary><c>runs:/ID</c>, a run's id, or a logged model's.</summary>
    public async Task<LineageNode?> ResolveAsync(string reference, CancellationToken ct)
    {
        var id = reference.StartsWith("runs:/", StringComparison.Ordinal) ? reference["runs:/".Length..].Trim('/') : reference;
        if (id.StartsWith("models:/m-", StringComparison.Ordinal)) id = id["models:/".Length..];
        if (!IdPattern().IsMatch(id)) return null;
        return await db.ReadAsync(async session =>
            await session.ScalarAsync<long>("SELECT COUNT(*) FROM trk_run WHERE id = @id", new { id }) > 0 ? LineageNode.Run(id)
            : await session.ScalarAsync<long>("SELECT COUNT(*) FROM trk_model WHERE id = @id", new { id }) > 0 ? new LineageNode(LineageKind.LoggedModel, id) : null, ct);
    }

    private static async Task TagsAsync(DbSession session, List<LineageEdge> edges, string column, string[] values)
    {
        var rows = await session.QueryAsync<TagRow>($"""
            SELECT r.id AS Run, t.key AS Key, t.value AS Value FROM trk_run r JOIN trk_tag t ON t.run = r.num
            WHERE {session.Dialect.In(column, "@values")} AND t.key IN ('{CommitTag}', '{RunTags.ParentRun}') LIMIT {MaxRows}
            """, new { values });
        foreach (var row in rows.Where(r => r.Value.Length > 0))
        {
            if (row.Key == RunTags.ParentRun) edges.Add(new LineageEdge(LineageNode.Run(row.Value), LineageNode.Run(row.Run), "parent run"));
            else if (IdPattern().IsMatch(row.Value)) edges.Add(new LineageEdge(LineageNode.Commit(null, row.Value), LineageNode.Run(row.Run), "ran at"));
        }
    }

    private static Task<List<TagRow>> TaggedAsync(DbSession session, string key, string[] values) => session.QueryAsync<TagRow>($"""
        SELECT r.id AS Run, t.key AS Key, t.value AS Value FROM trk_tag t JOIN trk_run r ON r.num = t.run
        WHERE t.key = @key AND {session.Dialect.In("substr(t.value, 1, 200)", "@values")} AND r.lifecycle <> '{Lifecycle.Purged}' LIMIT {MaxRows}
        """, new { key, values });

    private static async Task DatasetsAsync(DbSession session, List<LineageEdge> edges, string condition, string[] values, string? digest = null, string? name = null)
    {
        var rows = await session.QueryAsync<InputRow>($"""
            SELECT r.id AS Run, d.name AS Name, d.digest AS Digest, d.source AS Source, t.value AS Context FROM trk_input i JOIN trk_run r ON r.num = i.run JOIN trk_dataset d ON d.num = i.dataset
            LEFT JOIN trk_input_tag t ON t.run = i.run AND t.dataset = i.dataset AND t.key = '{RunInputStore.ContextTag}'
            WHERE {condition} AND r.lifecycle <> '{Lifecycle.Purged}' LIMIT {MaxRows}
            """, new { values, digest, name });
        foreach (var row in rows)
        {
            var from = LineageNode.FromReference(row.Source) is { Kind: LineageKind.Dataset } registered ? registered : new LineageNode(LineageKind.Input, $"{row.Name}/{row.Digest}");
            edges.Add(new LineageEdge(from, LineageNode.Run(row.Run), row.Context is { Length: > 0 } context ? $"read for {context}" : "read"));
        }
    }

    private static async Task ModelsAsync(DbSession session, List<LineageEdge> edges, string uses, string made, string[] values)
    {
        var read = await session.QueryAsync<ModelRow>($"SELECT r.id AS Run, x.model AS Model FROM trk_model_input x JOIN trk_run r ON r.num = x.run WHERE {uses} LIMIT {MaxRows}", new { values });
        var output = await session.QueryAsync<ModelRow>($"SELECT r.id AS Run, x.model AS Model FROM trk_model_output x JOIN trk_run r ON r.num = x.run WHERE {uses} LIMIT {MaxRows}", new { values });
        var source = await session.QueryAsync<ModelRow>($"SELECT source_run AS Run, id AS Model FROM trk_model WHERE {made} AND source_run <> '' AND lifecycle <> '{Lifecycle.Purged}' LIMIT {MaxRows}", new { values });
        edges.AddRange(read.Select(r => new LineageEdge(new LineageNode(LineageKind.LoggedModel, r.Model), LineageNode.Run(r.Run), "read")));
        edges.AddRange(output.Concat(source).Select(r => new LineageEdge(LineageNode.Run(r.Run), new LineageNode(LineageKind.LoggedModel, r.Model), "made")));
    }

    private static string[] Ids(IEnumerable<LineageNode> nodes, string kind) => [.. nodes.Where(n => n.Kind == kind).Select(n => n.Id)];

    [GeneratedRegex(@"\A[A-Za-z0-9][\w\-]{0,255}\z")]
    private static partial Regex IdPattern();

    private sealed class TagRow
    {
        public string Run { get; init; } = "";
        public string Key { get; init; } = "";
        public string Value { get; init; } = "";
    }

    private sealed class InputRow
    {
        public string Run { get; init; } = "";
        public string Name { get; init; } = "";
        public string Digest { get; init; } = "";
        public string Source { get; init; } = "";
        public string? Context { get; init; }
    }

    private sealed class ModelRow
    {
        public string Run { get; init; } = "";
        public string Model { get; init; } = "";
    }

    private sealed class LabelRow
    {
        public string Id { get; init; } = "";
        public string Name { get; init; } = "";
        public string Status { get; init; } = "";
        public string Lifecycle { get; init; } = "";
        public long TimeMs { get; init; }

        public LineageLabel ToLabel() => new(Name.Length > 0 ? Name : Id, Status.Length > 0 ? Status : null, TimeMs) { IsDeleted = Lifecycle != Tracking.Lifecycle.Active };
    }
}
