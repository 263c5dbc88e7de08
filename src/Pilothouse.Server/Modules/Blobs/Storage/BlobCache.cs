using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Storage;

/// <summary>
/// Local copies, below <c>cache/blobs</c>, of what is no local file: contents made of parts, and blobs of an object store. Bounded; the ones longest unused go first.
/// A copy that is in use (mapped, or linked into a model's directory) stays on the disk until it is let go. May be deleted when the server is stopped.
/// </summary>
internal sealed class BlobCache(ServerOptions server, IOptions<BlobsOptions> options, Ids ids, TimeProvider time)
{
    /// <summary>One copy at a time of a digest; entries go when the copying is done.</summary>
    private readonly ConcurrentDictionary<Digest, SemaphoreSlim> _copying = new();
    private readonly Lock _evicting = new();

    private string Root => Path.Combine(server.Data, "cache", "blobs");

    /// <summary>Path of a local file with the content, verified when it was copied.</summary>
    /// <exception cref="IOException">The content is not what its digest says: it is damaged.</exception>
    public async Task<string> GetAsync(Digest digest, Func<CancellationToken, Task<Stream>> open, CancellationToken ct)
    {
        var path = Path.Combine(Root, digest.Hex[..2], digest.Hex);
        if (TryUse(path)) return path;
        var gate = _copying.GetOrAdd(digest, _ => new SemaphoreSlim(1, 1));
        await gate.WaitAsync(ct);
        try
        {
            if (TryUse(path)) return path;
            var temporary = Path.Combine(server.TemporaryPath, ids.New());
            try
            {
                await using var content = await open(ct);
                MakeRoom(content.Length);
                var (actual, _) = await BlobSpool.WriteAsync(content, temporary, ct);
                if (actual != digest) throw new IOException($"The blob {digest} on this server now has the digest {actual}: the disk is damaged, or someone changed it. Run: pilothouse blobs scrub");
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.Move(temporary, path, overwrite: true);
                return path;
            }
            finally
            {
                File.Delete(temporary);
            }
        }
        finally
        {
            gate.Release();
            _copying.TryRemove(digest, out _);
        }
    }

    private bool TryUse(string path)
    {
        try
        {
            if (!File.Exists(path)) return false;
            File.SetLastAccessTimeUtc(path, time.GetUtcNow().UtcDateTime);
            return true;
        }
        catch (FileNotFoundException)
        {
            return false; // evicted this moment
        }
    }

    private void MakeRoom(long size)
    {
        if (!Directory.Exists(Root)) return;
        lock (_evicting)
        {
            var files = new DirectoryInfo(Root).GetFiles("*", SearchOption.AllDirectories).OrderBy(f => f.LastAccessTimeUtc).ToList();
            var total = files.Sum(f => f.Length) + size;
            foreach (var file in files.TakeWhile(_ => total > options.Value.CacheBytes))
            {
                total -= file.Length;
                file.Delete();
            }
        }
    }
}
