using Pilothouse.Data;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>Edges of rollouts: the release that one brought to its environment.</summary>
internal sealed class DeploymentLineage(Db db) : ILineageSource
{
    /// <summary>Rows of one answer.</summary>
    private const int MaxRows = 5_000;

    private const string Columns = "SELECT id AS Id, project AS Project, environment AS Environment, kind AS Kind, release_digest AS Release, status AS Status, created_by AS CreatedBy, created_ms AS CreatedMs FROM dep_rollout";

    public Task<IReadOnlyList<LineageEdge>> EdgesAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => db.ReadAsync<IReadOnlyList<LineageEdge>>(async session =>
    {
        var ids = nodes.Where(n => n.Kind == LineageKind.Deployment).Select(n => n.Sha).ToArray();
        var releases = nodes.Where(n => n.Kind == LineageKind.Release).Select(n => n.Id).ToArray();
        if (ids.Length + releases.Length == 0) return [];
        var rows = await session.QueryAsync<Row>($"{Columns} WHERE {session.Dialect.In("id", "@ids")} OR {session.Dialect.In("release_digest", "@releases")} ORDER BY id DESC LIMIT {MaxRows}", new { ids, releases });
        return rows.ConvertAll(r => new LineageEdge(new LineageNode(LineageKind.Release, r.Release), r.Node, r.Kind == "rollback" ? "rolled back to" : "deployed"));
    }, ct);

    public Task<IReadOnlyDictionary<LineageNode, LineageLabel>> DescribeAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => db.ReadAsync<IReadOnlyDictionary<LineageNode, LineageLabel>>(async session =>
    {
        var ids = nodes.Where(n => n.Kind == LineageKind.Deployment).Select(n => n.Sha).ToArray();
        if (ids.Length == 0) return new Dictionary<LineageNode, LineageLabel>();
        var rows = await session.QueryAsync<Row>($"{Columns} WHERE {session.Dialect.In("id", "@ids")}", new { ids });
        return rows.ToDictionary(r => r.Node, r => new LineageLabel($"{r.Project}/{r.Environment}", $"{r.Kind}, {r.Status.Replace('_', ' ')}, by {r.CreatedBy}", r.CreatedMs));
    }, ct);

    /// <summary><c>PROJECT/ENVIRONMENT</c> is the rollout that it stands on; <c>PROJECT/ENVIRONMENT/ROLLOUT</c> and a rollout's id are that one.</summary>
    public Task<LineageNode?> ResolveAsync(string reference, CancellationToken ct) => db.ReadAsync(async session =>
    {
        if (reference.Split('/') is [{ Length: > 0 } project, { Length: > 0 } environment]
            && await session.ScalarAsync<string>("SELECT COALESCE(stable_rollout_id, rollout_id) FROM dep_environment WHERE project = @project AND name = @environment", new { project, environment }) is { } stable)
            return new LineageNode(LineageKind.Deployment, $"{project}/{environment}/{stable}");
        var id = reference[(reference.LastIndexOf('/') + 1)..];
        return (await session.FirstOrDefaultAsync<Row>($"{Columns} WHERE id = @id", new { id }))?.Node is { } node && (node.Id == reference || id == reference) ? node : null;
    }, ct);

    private sealed class Row
    {
        public string Id { get; init; } = "";
        public string Project { get; init; } = "";
        public string Environment { get; init; } = "";
        public string Kind { get; init; } = "";
        public string Release { get; init; } = "";
        public string Status { get; init; } = "";
        public string CreatedBy { get; init; } = "";
        public long CreatedMs { get; init; }

        public LineageNode Node => new(LineageKind.Deployment, $"{Project}/{Environment}/{Id}");
    }
}
