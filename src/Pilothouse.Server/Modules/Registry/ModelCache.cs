using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>
/// Directories under <c>cache/models</c> that show a version's files under their own names. Hard links into the blob store: no copy, and the
/// same pages in memory for two versions that share weights. A directory appears whole or not at all and may be deleted when the server is stopped.
/// </summary>
internal sealed class ModelCache(IBlobStore blobs, ServerOptions options, Ids ids)
{
    private readonly SemaphoreSlim[] _gates = [.. Enumerable.Range(0, 16).Select(_ => new SemaphoreSlim(1, 1))];

    public async Task<string> MaterializeAsync(ModelVersion version, CancellationToken ct)
    {
        var target = Path.Combine(options.Data, "cache", "models", RegistryRules.RequireDigest(version.RequireDigest(), version.Reference).Hex);
        if (Directory.Exists(target)) return target;
        // One at a time: of two that make the same directory one would have to clean up after the other, and whoever looks meanwhile finds what is to go.
        var gate = _gates[(uint)target.GetHashCode(StringComparison.Ordinal) % (uint)_gates.Length];
        await gate.WaitAsync(ct);
        try
        {
            if (!Directory.Exists(target)) await MakeAsync(version, target, ct);
            return target;
        }
        finally
        {
            gate.Release();
        }
    }

    private async Task MakeAsync(ModelVersion version, string target, CancellationToken ct)
    {
        var temporary = Path.Combine(options.TemporaryPath, ids.New());
        try
        {
            foreach (var file in version.Files)
            {
                var path = Path.Combine(temporary, file.Path);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                Link(await blobs.LocalPathAsync(file.Digest, ct), path);
            }
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            Directory.Move(temporary, target);
        }
        catch (IOException) when (Directory.Exists(target))
        {
            // Another server over the same data was first, with the same content.
        }
        finally
        {
            if (Directory.Exists(temporary)) Directory.Delete(temporary, recursive: true);
        }
    }

    /// <summary>A file system without hard links, or a blob store on another one, gets a symbolic link, else a copy.</summary>
    private static void Link(string from, string to)
    {
        if (Posix.TryHardLink(from, to)) return;
        try
        {
            File.CreateSymbolicLink(to, Path.GetFullPath(from));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            File.Copy(from, to);
        }
    }
}
