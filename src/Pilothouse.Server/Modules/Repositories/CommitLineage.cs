using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories;

/// <summary>Commits by name. Which commit came from which is Git's own graph, not shown here.</summary>
internal sealed class CommitLineage(IRepositories repositories) : ILineageSource
{
    private const string Scheme = "git:";
    private const int ShaLength = 40;

    public Task<IReadOnlyList<LineageEdge>> EdgesAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => Task.FromResult<IReadOnlyList<LineageEdge>>([]);

    /// <summary><c>git:PROJECT/REVISION</c>, or <c>git:SHA40</c> of whatever project.</summary>
    public async Task<LineageNode?> ResolveAsync(string reference, CancellationToken ct)
    {
        if (!reference.StartsWith(Scheme, StringComparison.Ordinal)) return null;
        var rest = reference[Scheme.Length..];
        var cut = rest.IndexOf('/', StringComparison.Ordinal);
        if (cut > 0) return LineageNode.Commit(rest[..cut], await repositories.ResolveAsync(rest[..cut], rest[(cut + 1)..], ct));
        return rest.Length == ShaLength && rest.All(char.IsAsciiHexDigitLower) ? LineageNode.Commit(null, rest) : null;
    }
}
