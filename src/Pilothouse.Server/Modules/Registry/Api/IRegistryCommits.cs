using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Registry.Api;

/// <summary>
/// Versions that follow one another as commits do: any files, a version for each change, even when it brings older content back; the version that it changes must still be the newest.
/// </summary>
public interface IRegistryCommits
{
    /// <param name="files">All files of the new version; their blobs are stored.</param>
    /// <param name="project">Whose quota the files count for; null = none.</param>
    /// <param name="expectedLatest">0 = there must be none yet.</param>
    /// <returns>The new version, or the newest when it has these files.</returns>
    /// <exception cref="Platform.PilothouseException">FailedPrecondition: another version came first. StorageFull: over the project's quota.</exception>
    Task<ModelVersion> CommitModelAsync(string name, IReadOnlyList<ArtifactFile> files, string? description, IReadOnlyList<string> datasets, string? baseModel, string? project, int expectedLatest, string actor, CancellationToken ct);

    /// <summary>As <see cref="CommitModelAsync"/>; there may be no rows in it yet.</summary>
    Task<DatasetVersion> CommitDatasetAsync(string name, IReadOnlyList<ArtifactFile> files, string? description, string? project, int expectedLatest, string actor, CancellationToken ct);
}
