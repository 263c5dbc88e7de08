using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Platform;

/// <summary>What one module knows of where things come from. Reads its own tables only.</summary>
public interface ILineageSource
{
    /// <summary>Every edge of this module's tables that touches one of the nodes, at either end.</summary>
    /// <param name="nodes">At most <see cref="Lineage.MaxAsked"/>. A commit is looked up by its SHA, whatever its project.</param>
    Task<IReadOnlyList<LineageEdge>> EdgesAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct);

    /// <summary>Titles of those of the nodes that are this module's; a node that is not there is left out.</summary>
    Task<IReadOnlyDictionary<LineageNode, LineageLabel>> DescribeAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) =>
        Task.FromResult<IReadOnlyDictionary<LineageNode, LineageLabel>>(new Dictionary<LineageNode, LineageLabel>());

    /// <summary>The node that a person means: <c>models:/NAME@ALIAS</c>, <c>PROJECT/ENVIRONMENT</c>, the first digits of a release.</summary>
    /// <returns>Null when this module has no such thing.</returns>
    Task<LineageNode?> ResolveAsync(string reference, CancellationToken ct) => Task.FromResult<LineageNode?>(null);
}

public enum LineageDirection
{
    /// <summary>What it was made from.</summary>
    Up,
    /// <summary>What came of it.</summary>
    Down,
    Both,
}

/// <summary>Where things come from and what came of them, over all modules.</summary>
public interface ILineage
{
    /// <param name="limit">Nodes at most; the graph says when there are more.</param>
    Task<LineageGraph> WalkAsync(LineageNode node, LineageDirection direction, int limit, CancellationToken ct);

    /// <summary>The releases and deployments that stand on any of the nodes, directly or not; newest kinds last, at most <see cref="Lineage.MaxHolders"/>.</summary>
    Task<IReadOnlyList<LineageNode>> HoldersAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct);

    /// <summary>The node that a reference means.</summary>
    /// <exception cref="PilothouseException">NotFound, with the forms that are understood.</exception>
    Task<LineageNode> ResolveAsync(string reference, CancellationToken ct);
}

public static class LineageExtensions
{
    /// <summary>Names in a refusal.</summary>
    private const int MaxNamed = 5;

    /// <summary>Nodes that are asked about at once: what came of them is bounded too.</summary>
    private const int HeldChunk = 1_000;

    /// <summary>The releases and deployments that stand on a node, directly or not.</summary>
    public static Task<IReadOnlyList<LineageNode>> HoldersAsync(this ILineage lineage, LineageNode node, CancellationToken ct) => lineage.HoldersAsync([node], ct);

    /// <summary>Those of many nodes on which a release or a deployment stands, and which; almost always none.</summary>
    public static async Task<Dictionary<LineageNode, string>> HeldAsync(this ILineage lineage, IEnumerable<LineageNode> nodes, CancellationToken ct)
    {
        var held = new Dictionary<LineageNode, string>();
        foreach (var chunk in nodes.Chunk(HeldChunk)) await HeldAsync(lineage, chunk, held, ct);
        return held;
    }

    /// <summary>Halves what is held until it is one.</summary>
    private static async Task HeldAsync(ILineage lineage, ArraySegment<LineageNode> nodes, Dictionary<LineageNode, string> held, CancellationToken ct)
    {
        string? by;
        try
        {
            var holders = await lineage.HoldersAsync(nodes, ct);
            by = holders.Count == 0 ? null : Names(holders);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.FailedPrecondition)
        {
            by = "too much"; // what came of them cannot all be looked at: what cannot be told counts as held
        }
        if (by is null) return;
        if (nodes.Count == 1)
        {
            held[nodes[0]] = by;
            return;
        }
        await HeldAsync(lineage, nodes[..(nodes.Count / 2)], held, ct);
        await HeldAsync(lineage, nodes[(nodes.Count / 2)..], held, ct);
    }

    /// <summary>Refuses to delete what a release or a deployment stands on.</summary>
    /// <param name="what">Begins the sentence: <c>Version 3 of the model 'assistant'</c>.</param>
    /// <exception cref="PilothouseException">FailedPrecondition, with the names of what holds it.</exception>
    public static async Task RequireFreeAsync(this ILineage lineage, IReadOnlyCollection<LineageNode> nodes, string what, CancellationToken ct)
    {
        var holders = await lineage.HoldersAsync(nodes, ct);
        if (holders.Count > 0)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"{what} cannot be deleted: {Names(holders)} stand{(holders.Count == 1 ? "s" : "")} on it. What was released stays reproducible. Nothing was changed.");
    }

    /// <summary><c>release sha256:0123456789ab, deployment support/production (4f1c...) and 3 more</c></summary>
    public static string Names(IReadOnlyList<LineageNode> holders)
    {
        var named = holders.Take(MaxNamed).Select(h => h.Kind == LineageKind.Deployment && h.Id.LastIndexOf('/') is > 0 and var cut ? $"deployment {h.Id[..cut]} ({h.Id[(cut + 1)..]})"
            : h.Kind == LineageKind.Release ? $"release {(h.Id.Length > 19 ? h.Id[..19] : h.Id)}" : h.ToString());
        return string.Join(", ", named) + (holders.Count > MaxNamed ? $" and {holders.Count - MaxNamed} more" : "");
    }
}
