namespace Pilothouse.Server.Modules.Tracking.Api;

/// <summary>The files behind <c>mlflow-artifacts:</c> addresses, whose bytes are blobs.</summary>
public interface IArtifacts
{
    /// <summary>Every file below an address, in order of path. An address of a single file gives that file by its name.</summary>
    /// <param name="artifactUri">For example <c>mlflow-artifacts:/1/4f.../artifacts/model</c>.</param>
    /// <returns>Null when the address is not one that this server holds; empty when nothing was stored there.</returns>
    /// <exception cref="Platform.PilothouseException">TooLarge: more than 100,000 files.</exception>
    Task<IReadOnlyList<ArtifactFile>?> TreeAsync(string artifactUri, CancellationToken ct);
}

/// <param name="Path">Relative to the address asked for, with <c>/</c>.</param>
/// <param name="Digest"><c>sha256:...</c>, by which the blob store has the bytes.</param>
/// <param name="Size">Bytes.</param>
public sealed record ArtifactFile(string Path, string Digest, long Size);
