using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Packaging;

/// <summary>Where releases come from, for those below. Stands apart from <see cref="ReleaseService"/>, which asks evaluations for evidence: evaluations ask here.</summary>
internal sealed class ReleaseCommits(ReleaseStore store) : IReleaseCommits
{
    private const int MinPrefix = 8;

    public async Task<ReleaseOrigin> FindAsync(string project, string release, CancellationToken ct)
    {
        if (release == "latest")
            return await store.ListAsync(project, 1, ct) is [var newest, ..] ? new ReleaseOrigin(newest.Digest, newest.Commit) : throw new PilothouseException(ErrorCode.NotFound, $"{project} has no release yet. Make one: pilothouse release create.");
        var hex = release.StartsWith("sha256:", StringComparison.Ordinal) ? release[7..] : release;
        if (hex.Length is < MinPrefix or > 64 || !hex.All(char.IsAsciiHexDigitLower)) throw new PilothouseException(ErrorCode.InvalidArgument, $"'{(release.Length > 100 ? release[..100] : release)}' does not name a release. Give its digest, the first {MinPrefix} or more digits of it, or latest.");
        return (await store.FindAsync("sha256:" + hex, ct)).Where(r => r.Project == project).ToArray() switch
        {
            [var one] => new ReleaseOrigin(one.Digest, one.Commit),
            [] => throw new PilothouseException(ErrorCode.NotFound, $"{project} has no release {release}."),
            _ => throw new PilothouseException(ErrorCode.InvalidArgument, $"Several releases of {project} begin with {hex}. Give more digits."),
        };
    }
}
