using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client.Uploads;

/// <summary>
/// Sends one large file: read once, hashed on the way, sent in parts on several connections while it is read. An upload that was cut (by either side) goes on where
/// it stopped, found by the file's path, size, times and inode.
/// </summary>
internal sealed class FileUploader(PilothouseClient client, UploadOptions options, string path)
{
    private long _done;
    private long _sent;

    /// <param name="known">The digest, when it is known; else it is computed while the file is read.</param>
    /// <exception cref="IOException">The file cannot be read, or was changed meanwhile.</exception>
    /// <exception cref="PilothouseApiException">The server refused it, or stayed away for longer than the patience.</exception>
    public async Task<UploadedFile> RunAsync(FileStat stat, Digest? known, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            var state = await client.CreateUploadAsync(new NewUpload(stat.Size, known?.ToString(), attempt == 1 ? Key(stat) : null, options.Project), ct);
            if (state.Held) return new UploadedFile(path, state.Digest!, stat.Size, _sent);
            try
            {
                var digest = await SendAsync(state, stat, known, ct);
                return new UploadedFile(path, digest.ToString(), stat.Size, _sent);
            }
            catch (PilothouseApiException e) when (attempt == 1 && e.Code is "DIGEST_MISMATCH" or "FAILED_PRECONDITION" or "NOT_FOUND")
            {
                // What was there of an earlier try is of another content, or it was dropped meanwhile: once more from the beginning.
                await client.CancelUploadAsync(state.Id, ct);
                _sent = 0;
            }
        }
    }

    private async Task<Digest> SendAsync(UploadState state, FileStat stat, Digest? known, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.Asynchronous | FileOptions.SequentialScan);
        var received = state.Received.ToHashSet();
        _done = state.Received.Sum(n => LengthOf(state, n));
        // Bound of the memory: the parts on the connections, the one that is read, and one that waits.
        using var buffers = new BufferPool(Math.Clamp(options.Connections, 1, 16) + 2, (int)Math.Min(state.PartSize, state.Size));
        var queue = Channel.CreateBounded<(int Number, byte[] Buffer)>(1);
        var workers = Enumerable.Range(0, Math.Clamp(options.Connections, 1, 16)).Select(_ => WorkAsync(state, queue.Reader, buffers, stop)).ToArray();
        Digest digest;
        try
        {
            digest = await ReadAsync(state, file, received, known, queue.Writer, buffers, stop.Token);
            queue.Writer.Complete();
            if (FileStat.Of(path) != stat) throw new IOException($"{path} was changed while it was being sent. Send it again when it is finished.");
            // While the last parts are still under way: someone else may have brought it.
            if (known is null && await client.HasBlobAsync(digest.ToString(), ct))
            {
                await stop.CancelAsync();
                await Task.WhenAll(workers).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
                await client.CancelUploadAsync(state.Id, ct);
                return digest;
            }
            await Task.WhenAll(workers);
        }
        catch
        {
            queue.Writer.TryComplete();
            await stop.CancelAsync();
            await Task.WhenAll(workers).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            // The fault of a connection, not the cancellation that followed from it.
            if (!ct.IsCancellationRequested && workers.FirstOrDefault(w => w.IsFaulted) is { } failed) await failed;
            throw;
        }
        await client.CompleteUploadAsync(state.Id, digest.ToString(), options.Patience, ct);
        return digest;
    }

    private async Task<Digest> ReadAsync(UploadState state, SafeFileHandle file, HashSet<int> received, Digest? known, ChannelWriter<(int, byte[])> queue, BufferPool buffers, CancellationToken ct)
    {
        using var hash = known is null ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        for (var number = 1; number <= state.Parts; number++)
        {
            if (hash is null && received.Contains(number)) continue;
            var buffer = await buffers.RentAsync(ct);
            var length = LengthOf(state, number);
            var filled = 0;
            while (filled < length)
            {
                var read = await RandomAccess.ReadAsync(file, buffer.AsMemory(filled, (int)length - filled), (number - 1) * state.PartSize + filled, ct);
                if (read == 0) throw new IOException($"{path} became shorter while it was being sent. Send it again when it is finished.");
                // Hashed as it is read, while it is in the processor's cache.
                hash?.AppendData(buffer, filled, read);
                filled += read;
            }
            if (received.Contains(number)) buffers.Return(buffer);
            else await queue.WriteAsync((number, buffer), ct);
        }
        return known ?? Digest.FromHash(hash!.GetHashAndReset());
    }

    private async Task WorkAsync(UploadState state, ChannelReader<(int Number, byte[] Buffer)> queue, BufferPool buffers, CancellationTokenSource stop)
    {
        try
        {
            await foreach (var (number, buffer) in queue.ReadAllAsync(stop.Token))
            {
                var part = buffer.AsMemory(0, (int)LengthOf(state, number));
                var crc = new byte[4];
                BinaryPrimitives.WriteUInt32BigEndian(crc, Crc32C.Compute(part.Span));
                await client.PutPartAsync(state.Id, number, part, $"crc32c=:{Convert.ToBase64String(crc)}:", options.Patience, stop.Token);
                buffers.Return(buffer);
                var sent = Interlocked.Add(ref _sent, part.Length);
                var done = Interlocked.Add(ref _done, part.Length);
                options.Progress?.Report(new UploadProgress(path, done, state.Size, sent));
            }
        }
        catch
        {
            await stop.CancelAsync();
            throw;
        }
    }

    private static long LengthOf(UploadState state, int number) => Math.Min(state.PartSize, state.Size - (number - 1) * state.PartSize);

    /// <summary>Not the path itself: it is nobody else's business. Other bytes, other times: another key.</summary>
    private string Key(FileStat stat) =>
        Convert.ToBase64String(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes($"{Environment.MachineName}\n{Path.GetFullPath(path)}\n{stat.Size}\n{stat.ModifiedNs}\n{stat.ChangedNs}\n{stat.Inode}")), 0, 18);

    private sealed class BufferPool(int count, int size) : IDisposable
    {
        private readonly SemaphoreSlim _free = new(count, count);
        private readonly ConcurrentBag<byte[]> _buffers = [];

        public async Task<byte[]> RentAsync(CancellationToken ct)
        {
            await _free.WaitAsync(ct);
            return _buffers.TryTake(out var buffer) ? buffer : GC.AllocateUninitializedArray<byte>(size);
        }

        public void Return(byte[] buffer)
        {
            _buffers.Add(buffer);
            _free.Release();
        }

        public void Dispose() => _free.Dispose();
    }
}
