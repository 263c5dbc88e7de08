using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Repositories;

/// <summary>What a branch or a tag has now is held.</summary>
internal sealed class HeadClaims(RepositoryService repositories) : ICommitClaims
{
    private static readonly string[] Held = ["refs/heads/", "refs/tags/"];

    public async Task<IReadOnlyCollection<string>> HeldAsync(string project, IReadOnlyCollection<string> commits, CancellationToken ct)
    {
        var heads = (await repositories.RefsAsync(project, ct)).Where(r => Held.Any(prefix => r.Key.StartsWith(prefix, StringComparison.Ordinal))).Select(r => r.Value).ToHashSet(StringComparer.Ordinal);
        return [.. commits.Where(heads.Contains)];
    }
}
