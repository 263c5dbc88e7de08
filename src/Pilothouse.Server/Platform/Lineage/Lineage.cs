using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Platform;

/// <summary>Walks the edges of all modules, level by level.</summary>
/// <param name="sources">Asked for at the first call: services that a source uses may themselves ask for holders.</param>
internal sealed class Lineage(Func<IEnumerable<ILineageSource>> sources) : ILineage
{
    /// <summary>Nodes of one answer.</summary>
    public const int MaxNodes = 2_000;

    /// <summary>Nodes that are asked about in one call of a source.</summary>
    public const int MaxAsked = 500;

    /// <summary>Releases and deployments that are named.</summary>
    public const int MaxHolders = 100;

    /// <summary>Nodes that are looked at for holders.</summary>
    private const int MaxSearched = 20_000;

    /// <summary>Edges of one answer.</summary>
    private const int MaxEdges = 10_000;

    private const int MaxReference = 600;

    private readonly Lazy<IReadOnlyList<ILineageSource>> _sources = new(() => [.. sources()]);

    public async Task<LineageGraph> WalkAsync(LineageNode node, LineageDirection direction, int limit, CancellationToken ct)
    {
        limit = Math.Clamp(limit, 1, MaxNodes);
        var depths = new Dictionary<LineageNode, int> { [node] = 0 };
        var edges = new HashSet<LineageEdge>();
        var truncated = false;
        if (direction != LineageDirection.Down) truncated |= await WalkAsync([node], up: true, depths, edges, limit, null, ct);
        if (direction != LineageDirection.Up) truncated |= await WalkAsync([node], up: false, depths, edges, limit, null, ct);
        Tighten(depths, edges);
        return await DescribeAsync(node, depths, edges, truncated, ct);
    }

    public async Task<IReadOnlyList<LineageNode>> HoldersAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct)
    {
        var depths = nodes.Distinct().ToDictionary(n => n, _ => 0);
        var holders = new List<LineageNode>();
        var more = await WalkAsync([.. depths.Keys], up: false, depths, [], MaxSearched + nodes.Count, found =>
        {
            if (found.Kind is LineageKind.Release or LineageKind.Deployment) holders.Add(found);
            return holders.Count < MaxHolders;
        }, ct);
        if (more && holders.Count == 0)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"More than {MaxSearched} things came of it: whether a release stands on one of them cannot be told. Delete those first that nothing came of.");
        return holders;
    }

    public async Task<LineageNode> ResolveAsync(string reference, CancellationToken ct)
    {
        if (reference.Length is 0 or > MaxReference || reference.Any(char.IsControl)) throw Unknown(reference);
        foreach (var source in _sources.Value)
            if (await source.ResolveAsync(reference, ct) is { } node) return node;
        throw Unknown(reference);
    }

    private static PilothouseException Unknown(string reference) => new(ErrorCode.NotFound,
        $"'{(reference.Length > 100 ? reference[..100] : reference)}' names nothing here. Write models:/NAME/VERSION, prompts:/..., datasets:/..., suites:/... (or NAME@ALIAS), runs:/ID, git:COMMIT, a release's digest, evaluations:/ID, fairness:/ID, or PROJECT/ENVIRONMENT.");

    /// <summary>Adds what hangs on the start nodes, nearest first.</summary>
    /// <param name="found">Called for each new node; false ends the walk. Null = go on.</param>
    /// <returns>True when there was more than the limit.</returns>
    private async Task<bool> WalkAsync(IReadOnlyList<LineageNode> start, bool up, Dictionary<LineageNode, int> depths, HashSet<LineageEdge> edges, int limit, Func<LineageNode, bool>? found, CancellationToken ct)
    {
        var seen = new HashSet<LineageNode>(start);
        var level = start;
        for (var depth = up ? -1 : 1; level.Count > 0; depth += up ? -1 : 1)
        {
            var next = new List<LineageNode>();
            foreach (var asked in level.Chunk(MaxAsked))
            {
                var here = new Frontier(asked);
                foreach (var source in _sources.Value)
                {
                    foreach (var edge in await source.EdgesAsync(asked, ct))
                    {
                        var (near, far) = up ? (edge.To, edge.From) : (edge.From, edge.To);
                        if (!here.Has(near) || far == near) continue;
                        if (!seen.Contains(far))
                        {
                            if (depths.Count >= limit || edges.Count >= MaxEdges) return true;
                            seen.Add(far);
                            depths.TryAdd(far, depth);
                            next.Add(far);
                            if (found?.Invoke(far) == false) return true;
                        }
                        if (found is null) edges.Add(edge);
                        depths.TryAdd(near, depth + (up ? 1 : -1));
                    }
                }
            }
            level = next;
        }
        return false;
    }

    /// <summary>A commit without a project is that of the one project that has it.</summary>
    private static void Tighten(Dictionary<LineageNode, int> depths, HashSet<LineageEdge> edges)
    {
        foreach (var loose in depths.Keys.Where(n => n.IsLoose).ToList())
        {
            if (depths.Keys.Where(n => n is { Kind: LineageKind.Commit, IsLoose: false } && n.Sha == loose.Sha).Take(2).ToList() is not [var known]) continue;
            depths.Remove(loose);
            foreach (var edge in edges.Where(e => e.From == loose || e.To == loose).ToList())
            {
                edges.Remove(edge);
                edges.Add(edge with { From = edge.From == loose ? known : edge.From, To = edge.To == loose ? known : edge.To });
            }
        }
    }

    private async Task<LineageGraph> DescribeAsync(LineageNode root, Dictionary<LineageNode, int> depths, HashSet<LineageEdge> edges, bool truncated, CancellationToken ct)
    {
        var labels = new Dictionary<LineageNode, LineageLabel>();
        foreach (var asked in depths.Keys.Chunk(MaxAsked))
            foreach (var source in _sources.Value)
                foreach (var (node, label) in await source.DescribeAsync(asked, ct)) labels[node] = label;
        if (!depths.ContainsKey(root)) root = depths.Keys.First(n => n.Kind == LineageKind.Commit && n.Sha == root.Sha);
        var nodes = depths.OrderBy(d => d.Value).ThenBy(d => d.Key.Kind, StringComparer.Ordinal).ThenBy(d => d.Key.Id, StringComparer.Ordinal).Select(d => View(d.Key, d.Value, labels.GetValueOrDefault(d.Key))).ToList();
        return new LineageGraph(root.ToString(), nodes, [.. edges.Select(e => new LineageLink(e.From.ToString(), e.To.ToString(), e.Relation))
            .OrderBy(e => e.From, StringComparer.Ordinal).ThenBy(e => e.To, StringComparer.Ordinal).ThenBy(e => e.Relation, StringComparer.Ordinal)], truncated);
    }

    private static LineageVertex View(LineageNode node, int depth, LineageLabel? label) =>
        new(node.ToString(), node.Kind, node.Id, label?.Title ?? (node.Kind == LineageKind.Commit ? Short(node) : node.Id), label?.Detail, label?.TimeMs, depth, label?.IsDeleted ?? false);

    private static string Short(LineageNode commit) => (commit.IsLoose ? "" : commit.Id[..(commit.Id.LastIndexOf('/') + 1)]) + (commit.Sha.Length > 12 ? commit.Sha[..12] : commit.Sha);

    /// <summary>The nodes that were asked about. A commit without a project matches one with, and the other way round.</summary>
    private sealed class Frontier(IReadOnlyCollection<LineageNode> nodes)
    {
        private readonly HashSet<LineageNode> _nodes = [.. nodes];
        private readonly HashSet<string> _commits = [.. nodes.Where(n => n.Kind == LineageKind.Commit).Select(n => n.Sha)];
        private readonly HashSet<string> _loose = [.. nodes.Where(n => n.IsLoose).Select(n => n.Sha)];

        public bool Has(LineageNode node) => _nodes.Contains(node) || node.Kind == LineageKind.Commit && (node.IsLoose ? _commits : _loose).Contains(node.Sha);
    }
}
