using System.Buffers;
using System.Security.Cryptography;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs;

/// <summary>
/// Blobs as files. Content streams into a temporary file while it is hashed, is fsynced, then renamed to its digest:
/// a blob is there whole or not at all, whatever kills the server.
/// </summary>
internal sealed class DiskBlobStore(ServerOptions options, Ids ids) : IBlobStore
{
    private const int BufferSize = 1024 * 1024;

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
            if (!File.Exists(path))
            {
                var directory = Path.GetDirectoryName(path)!;
                Directory.CreateDirectory(directory);
                File.Move(temporary, path, overwrite: true);
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
        var file = new FileInfo(PathOf(digest));
        return Task.FromResult(file.Exists ? new BlobInfo(digest, file.Length) : null);
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
