using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>
/// Registered content in the artifact tree, by digest: <c>mlflow-artifacts:/registry/9f86d081.../config.json</c>. Where MLflow's clients download what our own API registered.
/// </summary>
internal sealed class ContentMount(RegistryStore store) : IArtifactMount
{
    public string Root => MlflowViews.ContentRoot;

    public async Task<IReadOnlyList<MountedFile>> TreeAsync(string path, CancellationToken ct)
    {
        var cut = path.IndexOf('/', StringComparison.Ordinal);
        var (hex, below) = cut < 0 ? (path, "") : (path[..cut], path[(cut + 1)..]);
        // What is registered is not listed as a whole: the registry itself is the list.
        if (!Digest.TryParse("sha256:" + hex, out var digest) || await store.FilesOfAsync(digest.ToString(), ct) is not { } files) return [];
        var all = WireJson.Read<List<ArtifactFile>>(files);
        if (below.Length == 0) return all.ConvertAll(f => new MountedFile(f.Path, f.Digest, f.Size));
        return all.Find(f => f.Path == below) is { } file ? [new MountedFile("", file.Digest, file.Size)]
            : [.. all.Where(f => f.Path.StartsWith(below + "/", StringComparison.Ordinal)).Select(f => new MountedFile(f.Path[(below.Length + 1)..], f.Digest, f.Size))];
    }
}
