using CsCheck;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Tests.Platform;

/// <summary>The walk over the edges of several sources.</summary>
public class LineageTests
{
    private static readonly LineageNode Data = LineageNode.Version(LineageKind.Dataset, "heldout", 1);
    private static readonly LineageNode Model = LineageNode.Version(LineageKind.Model, "assistant", 3);
    private static readonly LineageNode Release = new(LineageKind.Release, "sha256:aa");
    private static readonly LineageNode Deployment = new(LineageKind.Deployment, "support/production/r1");
    private static readonly string Sha = new('a', 40);

    [Fact]
    public async Task Walk_goes_both_ways_over_all_sources_and_not_sideways()
    {
        var sibling = LineageNode.Version(LineageKind.Model, "triage", 1);
        var lineage = Of([new(Data, Model, "trained on"), new(Data, sibling, "trained on")], [new(Model, Release, "contains"), new(Release, Deployment, "deployed")]);
        var graph = await lineage.WalkAsync(Model, LineageDirection.Both, 100, default);
        Assert.Equal(["dataset:heldout/1 -1", "model:assistant/3 0", "release:sha256:aa 1", "deployment:support/production/r1 2"], graph.Nodes.Select(n => $"{n.Key} {n.Depth}"));
        Assert.Equal(3, graph.Edges.Count);
        Assert.False(graph.Truncated);
        Assert.Equal(4, (await lineage.WalkAsync(Data, LineageDirection.Down, 4, default)).Nodes.Count);
        Assert.True((await lineage.WalkAsync(Data, LineageDirection.Down, 4, default)).Truncated);
    }

    [Fact]
    public async Task Walk_in_a_circle_ends()
    {
        var other = LineageNode.Version(LineageKind.Model, "other", 1);
        var graph = await Of([[new(Model, other, "base model"), new(other, Model, "base model"), new(Model, Model, "base model")]]).WalkAsync(Model, LineageDirection.Both, 100, default);
        Assert.Equal(2, graph.Nodes.Count);
    }

    [Fact]
    public async Task Commit_without_a_project_is_the_one_of_the_project_that_has_it()
    {
        var run = LineageNode.Run("r");
        var lineage = Of([new(LineageNode.Commit(null, Sha), run, "ran at"), new(run, Model, "made by")], [new(LineageNode.Commit("support", Sha), Release, "released"), new(Model, Release, "contains")]);
        var up = await lineage.WalkAsync(Release, LineageDirection.Up, 100, default);
        Assert.Single(up.Nodes, n => n.Kind == LineageKind.Commit && n.Id == $"support/{Sha}");
        Assert.Contains(up.Edges, e => e.From == $"commit:support/{Sha}" && e.To == "run:r");
        var down = await lineage.WalkAsync(LineageNode.Commit("support", Sha), LineageDirection.Down, 100, default);
        Assert.Contains(down.Nodes, n => n.Key == "model:assistant/3");
        Assert.Contains(Release, await lineage.HoldersAsync(LineageNode.Commit(null, Sha), default));
    }

    [Fact]
    public async Task Holders_are_the_releases_and_deployments_below_however_far()
    {
        var lineage = Of([[new(Data, Model, "trained on"), new(Model, Release, "contains"), new(Release, Deployment, "deployed")]]);
        Assert.Equal([Release, Deployment], await lineage.HoldersAsync(Data, default));
        Assert.Equal([Deployment], await lineage.HoldersAsync(Release, default));
        Assert.Empty(await lineage.HoldersAsync(Deployment, default));
        var refused = await Assert.ThrowsAsync<PilothouseException>(() => lineage.RequireFreeAsync([Data], "Version 1 of the data set 'heldout'", default));
        Assert.Equal(ErrorCode.FailedPrecondition, refused.Code);
        Assert.Contains("release sha256:aa, deployment support/production (r1)", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Walk_of_any_graph_finds_what_a_search_of_its_edges_finds() => Gen.Int[0, 12].Array[2].Array[0, 40].Sample(pairs =>
    {
        LineageEdge[] edges = [.. pairs.Select(p => new LineageEdge(Node(p[0]), Node(p[1]), "x"))];
        var graph = Of([.. edges.Take(edges.Length / 2)], [.. edges.Skip(edges.Length / 2)]).WalkAsync(Node(0), LineageDirection.Down, 1000, default).GetAwaiter().GetResult();
        var reached = new HashSet<LineageNode> { Node(0) };
        while (edges.Any(e => reached.Contains(e.From) && reached.Add(e.To))) { }
        return graph.Nodes.Select(n => n.Key).Order().SequenceEqual(reached.Select(n => n.ToString()).Order());

        static LineageNode Node(int i) => LineageNode.Version(LineageKind.Model, $"m{i}", 1);
    });

    private static Lineage Of(params LineageEdge[][] sources) => new(() => sources.Select(edges => (ILineageSource)new Source(edges)));

    private sealed class Source(LineageEdge[] edges) : ILineageSource
    {
        public Task<IReadOnlyList<LineageEdge>> EdgesAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => Task.FromResult<IReadOnlyList<LineageEdge>>(
            [.. edges.Where(e => nodes.Any(n => Same(n, e.From) || Same(n, e.To)))]);

        private static bool Same(LineageNode a, LineageNode b) => a == b || a.Kind == LineageKind.Commit && b.Kind == LineageKind.Commit && a.Sha == b.Sha;
    }
}
