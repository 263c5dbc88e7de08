using Pilothouse.Protocols.Hub;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Hub;

/// <summary>A file as the Hub shows it.</summary>
/// <param name="Oid">Git's name of it: of the file, or of the pointer that Git would hold in its place.</param>
/// <param name="Lfs">It counts as a large file.</param>
internal sealed record HubEntry(string Path, string Digest, long Size, string Oid, bool Lfs)
{
    /// <summary>SHA-256 in hex.</summary>
    public string Sha256 => Digest["sha256:".Length..];

    public int PointerSize => GitBlobId.Pointer(Sha256, Size).Length;

    /// <summary>What clients name their cached copy by.</summary>
    public string ETag => Lfs ? Sha256 : Oid;
}

/// <summary>Which files count as large, and how Git would name them.</summary>
internal sealed class HubFiles(HubStore store, IBlobStore blobs)
{
    /// <summary>Files from this size on are large whatever their name: the Hub's own limit.</summary>
    public const long LargeFrom = 10L * 1024 * 1024;

    /// <summary>Endings that the Hub's <c>.gitattributes</c> names.</summary>
    private static readonly HashSet<string> LargeEndings = new(StringComparer.OrdinalIgnoreCase)
    {
        ".7z", ".arrow", ".bin", ".bz2", ".ckpt", ".ftz", ".gguf", ".gz", ".h5", ".joblib", ".mlmodel", ".model", ".msgpack", ".npy", ".npz", ".onnx", ".ot", ".parquet", ".pb", ".pickle", ".pkl", ".pt", ".pth",
        ".rar", ".safetensors", ".tar", ".tflite", ".tgz", ".wasm", ".xz", ".zip", ".zst",
    };

    public static bool IsLarge(string path, long size) => size > 0 && (size >= LargeFrom || LargeEndings.Contains(Path.GetExtension(path)));

    public async Task<IReadOnlyList<HubEntry>> EntriesAsync(IReadOnlyList<ArtifactFile> files, CancellationToken ct)
    {
        var small = files.Where(f => !IsLarge(f.Path, f.Size)).Select(f => f.Digest).ToHashSet(StringComparer.Ordinal);
        var oids = await store.GitOidsAsync(small, ct);
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var digest in small.Where(d => !oids.ContainsKey(d)))
        {
            var content = await blobs.ReadAsync(digest, (int)LargeFrom, ct);
            oids[digest] = found[digest] = GitBlobId.Of(content);
        }
        if (found.Count > 0) await store.AddGitOidsAsync([.. found], ct);
        return [.. files.Select(f => IsLarge(f.Path, f.Size)
            ? new HubEntry(f.Path, f.Digest, f.Size, GitBlobId.Of(System.Text.Encoding.ASCII.GetBytes(GitBlobId.Pointer(f.Digest["sha256:".Length..], f.Size))), true)
            : new HubEntry(f.Path, f.Digest, f.Size, oids[f.Digest], false))];
    }
}
