namespace Pilothouse.Protocols.V1;

/// <summary>Where a thing comes from, and what came of it.</summary>
/// <param name="Root">Key of the thing asked for.</param>
/// <param name="Nodes">By depth: the farthest ancestors first.</param>
/// <param name="Truncated">There is more than the limit.</param>
public sealed record LineageGraph(string Root, IReadOnlyList<LineageVertex> Nodes, IReadOnlyList<LineageLink> Edges, bool Truncated);

/// <param name="Key"><c>KIND:ID</c>, by which edges name it.</param>
/// <param name="Kind">commit, run, logged_model, input, dataset, model, prompt, suite, evaluation, fairness, release, deployment.</param>
/// <param name="Id">By kind: PROJECT/SHA, an id, NAME/VERSION, a digest, PROJECT/ENVIRONMENT/ROLLOUT.</param>
/// <param name="Title">What people call it; its id when there is no better.</param>
/// <param name="TimeMs">When it came to be; epoch milliseconds.</param>
/// <param name="Depth">Steps from the root: negative towards its origin, positive towards what came of it.</param>
public sealed record LineageVertex(string Key, string Kind, string Id, string Title, string? Detail, long? TimeMs, int Depth, bool IsDeleted);

/// <summary><paramref name="To"/> was made from, or uses, <paramref name="From"/>.</summary>
public sealed record LineageLink(string From, string To, string Relation);

/// <summary>A release or deployment that stands on something, which therefore must not go.</summary>
/// <param name="Kind">Kind of node, as in <see cref="LineageVertex"/>.</param>
public sealed record LineageHolder(string Kind, string Id);
