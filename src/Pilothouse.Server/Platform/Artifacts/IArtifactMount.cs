namespace Pilothouse.Server.Platform;

/// <summary>
/// A read-only part of the tree behind <c>mlflow-artifacts:/</c> that a module above Tracking fills: content that MLflow's clients shall be able to download though no run made it.
/// </summary>
public interface IArtifactMount
{
    /// <summary>First segment of its paths.</summary>
    string Root { get; }

    /// <summary>Every file at or below a path.</summary>
    /// <param name="path">Behind the root: <c>9f86d081.../tokenizer.json</c>; "" is the root itself.</param>
    /// <returns>Paths relative to the one asked for, "" for the file itself; empty when nothing is there.</returns>
    Task<IReadOnlyList<MountedFile>> TreeAsync(string path, CancellationToken ct);
}

/// <param name="Digest"><c>sha256:...</c></param>
/// <param name="Size">Bytes.</param>
public sealed record MountedFile(string Path, string Digest, long Size);

public static class ArtifactMountExtensions
{
    /// <summary>The files at or below a path; null when no mount has it.</summary>
    public static async Task<IReadOnlyList<MountedFile>?> FindAsync(this IEnumerable<IArtifactMount> mounts, string path, CancellationToken ct)
    {
        foreach (var mount in mounts)
        {
            if (path == mount.Root) return await mount.TreeAsync("", ct);
            if (path.StartsWith(mount.Root + "/", StringComparison.Ordinal)) return await mount.TreeAsync(path[(mount.Root.Length + 1)..], ct);
        }
        return null;
    }

    /// <exception cref="PilothouseException">InvalidArgument: the path is a mount's, which is read-only.</exception>
    public static void RefuseWrite(this IEnumerable<IArtifactMount> mounts, string path)
    {
        if (mounts.FirstOrDefault(m => path == m.Root || path.StartsWith(m.Root + "/", StringComparison.Ordinal)) is { } mount)
            throw new PilothouseException(ErrorCode.InvalidArgument, $"'{mount.Root}/' holds content that is named by its digest: it cannot be changed or deleted. Choose another path.");
    }
}
