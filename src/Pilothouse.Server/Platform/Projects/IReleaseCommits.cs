namespace Pilothouse.Server.Platform.Projects;

/// <summary>Where releases come from. Declared here and implemented by Packaging, so that evaluations can test a release by its digest.</summary>
public interface IReleaseCommits
{
    /// <param name="release">Digest (or a prefix of at least 8 hex digits), or <c>latest</c>.</param>
    /// <exception cref="PilothouseException">NotFound: the project has no such release.</exception>
    Task<ReleaseOrigin> FindAsync(string project, string release, CancellationToken ct);
}

public sealed record ReleaseOrigin(string Digest, string Commit);
