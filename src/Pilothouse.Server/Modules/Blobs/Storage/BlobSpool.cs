using System.Buffers;
using System.Security.Cryptography;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Storage;

/// <summary>Files on their way into the store, below <c>tmp/blobs</c>. What lies there when the server starts was cut short and goes.</summary>
internal sealed class BlobSpool
{
    private const int BufferSize = 1024 * 1024;
    private readonly string _directory;
    private readonly Ids _ids;

    public BlobSpool(ServerOptions options, Ids ids)
    {
        _ids = ids;
        _directory = Path.Combine(options.TemporaryPath, "blobs");
        if (Directory.Exists(_directory)) Directory.Delete(_directory, recursive: true);
        Directory.CreateDirectory(_directory);
    }

    public string NewPath() => Path.Combine(_directory, _ids.New());

    /// <summary>Writes and syncs a new file, hashing on the way.</summary>
    public static async Task<(Digest Digest, long Size)> WriteAsync(Stream content, string path, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        await using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.Asynchronous);
        // Two buffers: while one is written to disk the next is read and hashed.
        var buffers = new[] { ArrayPool<byte>.Shared.Rent(BufferSize), ArrayPool<byte>.Shared.Rent(BufferSize) };
        var pending = Task.CompletedTask;
        try
        {
            long size = 0;
            for (var turn = 0; ; turn ^= 1)
            {
                var read = await content.ReadAtLeastAsync(buffers[turn].AsMemory(0, BufferSize), BufferSize, throwOnEndOfStream: false, ct);
                await pending;
                if (read == 0) break;
                pending = file.WriteAsync(buffers[turn], 0, read, ct);
                hash.AppendData(buffers[turn], 0, read);
                size += read;
            }
            file.Flush(flushToDisk: true);
            return (Digest.FromHash(hash.GetHashAndReset()), size);
        }
        finally
        {
            await pending.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default); // a buffer that is still being written must not go back to the pool
            foreach (var buffer in buffers) ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
