using System.Buffers;
using System.Security.Cryptography;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs;

/// <summary>
/// Blobs as files. Content streams into a temporary file while it is hashed, is fsynced, then renamed to its digest:
/// a blob is there whole or not at all, whatever kills the server.
/// </summary>
internal sealed class DiskBlobStore(ServerOptions options, Ids ids, TimeProvider time) : IBlobStore
{
    private const int BufferSize = 1024 * 1024;

    /// <summary>Whoever looks for a blob may be about to name it: its file is marked as used, but not more often than this.</summary>
    private static readonly TimeSpan TouchInterval = TimeSpan.FromMinutes(10);

    /// <summary>Storing or finding a blob and deleting it exclude each other.</summary>
    private readonly Lock[] _gates = [.. Enumerable.Range(0, 64).Select(_ => new Lock())];

    public async Task<BlobInfo> PutAsync(Stream content, string? expected, CancellationToken ct)
    {
        if (expected is not null) _ = PathOf(expected);
        var temporary = Path.Combine(options.TemporaryPath, ids.New());
        try
        {
            var (digest, size) = await WriteAsync(content, temporary, ct);
            if (expected is not null && digest != expected)
                throw new PilothouseException(ErrorCode.DigestMismatch, $"The content received ({size} bytes) has the digest {digest}, not {expected}: it was cut or changed on the way. Nothing was stored; send it again.");
            var path = PathOf(digest);
            if (!TryTouch(path))
            {
                var directory = Path.GetDirectoryName(path)!;
                Directory.CreateDirectory(directory);
                lock (GateOf(path))
                {
                    File.Move(temporary, path, overwrite: true);
                    File.SetLastWriteTimeUtc(path, time.GetUtcNow().UtcDateTime);
                }
                Posix.SyncDirectory(directory);
            }
            return new BlobInfo(digest, size);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    public Task<BlobInfo?> FindAsync(string digest, CancellationToken ct)
    {
        var path = PathOf(digest);
        return Task.FromResult(TryTouch(path) ? new BlobInfo(digest, new FileInfo(path).Length) : null);
    }

    /// <summary>Deletes a blob that was not used since a time.</summary>
    /// <returns>Its size, 0 when it was not there; null when it was used later and so stays.</returns>
    public long? TryDelete(string digest, long unusedSinceMs, bool dryRun)
    {
        var path = PathOf(digest);
        lock (GateOf(path))
        {
            var file = new FileInfo(path);
            if (!file.Exists) return 0;
            if (file.LastWriteTimeUtc > DateTimeOffset.FromUnixTimeMilliseconds(unusedSinceMs).UtcDateTime) return null;
            var size = file.Length;
            if (!dryRun) file.Delete();
            return size;
        }
    }

    /// <summary>The text of a JSON document; null for anything else, and for what is larger.</summary>
    public async Task<string?> ReadDocumentAsync(string digest, int maxBytes, CancellationToken ct)
    {
        var file = new FileInfo(PathOf(digest));
        if (!file.Exists || file.Length is 0 || file.Length > maxBytes) return null;
        await using var stream = file.OpenRead();
        if (stream.ReadByte() is not ('{' or '[')) return null;
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(ct);
    }

    public Task<Stream> OpenReadAsync(string digest, CancellationToken ct)
    {
        try
        {
            return Task.FromResult<Stream>(new FileStream(PathOf(digest), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, 128 * 1024, FileOptions.Asynchronous));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw Missing(digest);
        }
    }

    public Task<string> LocalPathAsync(string digest, CancellationToken ct)
    {
        var path = PathOf(digest);
        return File.Exists(path) ? Task.FromResult(path) : throw Missing(digest);
    }

    /// <returns>False when there is no such blob.</returns>
    private bool TryTouch(string path)
    {
        lock (GateOf(path))
        {
            var file = new FileInfo(path);
            if (!file.Exists) return false;
            var now = time.GetUtcNow().UtcDateTime;
            if (now - file.LastWriteTimeUtc > TouchInterval) file.LastWriteTimeUtc = now;
            return true;
        }
    }

    private Lock GateOf(string path) => _gates[(uint)string.GetHashCode(path, StringComparison.Ordinal) % (uint)_gates.Length];

    /// <exception cref="PilothouseException">InvalidArgument: not a SHA-256 digest. Checked to the letter, since it becomes a path.</exception>
    private string PathOf(string digest)
    {
        if (digest.Length != 71 || !digest.StartsWith("sha256:", StringComparison.Ordinal) || digest.AsSpan(7).ContainsAnyExcept(LowerHex))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"'{(digest.Length > 80 ? digest[..80] : digest)}' is not a digest. Write sha256: and 64 lower-case hex digits.");
        return Path.Combine(options.BlobsPath, "sha256", digest[7..9], digest[9..11], digest[7..]);
    }

    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    private static async Task<(string Digest, long Size)> WriteAsync(Stream content, string path, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.Asynchronous);
        // Two buffers: while one is written to disk the next is read and hashed.
        var buffers = new[] { ArrayPool<byte>.Shared.Rent(BufferSize), ArrayPool<byte>.Shared.Rent(BufferSize) };
        try
        {
            long size = 0;
            var pending = Task.CompletedTask;
            for (var turn = 0; ; turn ^= 1)
            {
                var read = await content.ReadAtLeastAsync(buffers[turn], BufferSize, throwOnEndOfStream: false, ct);
                await pending;
                if (read == 0) break;
                pending = file.WriteAsync(buffers[turn], 0, read, ct);
                hash.AppendData(buffers[turn], 0, read);
                size += read;
            }
            file.Flush(flushToDisk: true);
            return ("sha256:" + Convert.ToHexStringLower(hash.GetHashAndReset()), size);
        }
        finally
        {
            foreach (var buffer in buffers) ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static PilothouseException Missing(string digest) => new(ErrorCode.NotFound, $"There is no blob {digest} on this server. Upload it first.");
}
