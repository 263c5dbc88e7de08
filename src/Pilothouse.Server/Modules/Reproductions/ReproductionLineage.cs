using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Reproductions;

/// <summary>A run that repeats another came from it.</summary>
internal sealed class ReproductionLineage(ReproductionStore store) : ILineageSource
{
    public async Task<IReadOnlyList<LineageEdge>> EdgesAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct)
    {
        var runs = nodes.Where(n => n.Kind == LineageKind.Run).Select(n => n.Id).ToList();
        if (runs.Count == 0) return [];
        return [.. (await store.PairsAsync(runs, ct)).Select(p => new LineageEdge(LineageNode.Run(p.Original), LineageNode.Run(p.Repeated), "repeated by"))];
    }
}
