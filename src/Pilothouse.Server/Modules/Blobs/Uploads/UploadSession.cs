using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.TensorBoard;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Uploads;

/// <summary>
/// An upload in memory: which parts are there, and the hash of the beginning as far as it has no gap. The content lies in one sparse file; parts are written at
/// their place, so nothing is copied in the end. Runs of zeros are not written at all.
/// </summary>
internal sealed class UploadSession : IDisposable
{
    private const int BufferSize = 1024 * 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<int, uint> _received;
    private readonly HashSet<int> _busy = [];
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _hashed;
    private int _firstMissing = 1;
    private int _atOnce;

    public UploadSession(UploadStore.UploadRow row, string path, IEnumerable<UploadStore.PartRow> parts)
    {
        Row = row;
        PartsPath = path + ".parts";
        AppendPath = path + ".append";
        _received = parts.ToDictionary(p => (int)p.Number, p => (uint)p.Crc32c);
        while (_received.ContainsKey(_firstMissing)) _firstMissing++;
    }

    public UploadStore.UploadRow Row { get; }

    /// <summary>Held by who appends, hashes or completes.</summary>
    public SemaphoreSlim Gate { get; } = new(1, 1);

    /// <summary>Set by who completed or dropped it; under <see cref="Gate"/>.</summary>
    public bool Closed { get; set; }

    public string PartsPath { get; }

    public string AppendPath { get; }

    public int Parts => (int)((Row.Size + Row.PartSize - 1) / Row.PartSize);

    public bool IsInParts => File.Exists(PartsPath);

    public bool IsAppended => File.Exists(AppendPath);

    public string SpoolPath => IsAppended ? AppendPath : PartsPath;

    /// <summary>Bytes from the beginning without a gap.</summary>
    public long Offset
    {
        get
        {
            if (new FileInfo(AppendPath) is { Exists: true } appended) return Math.Min(appended.Length, Row.Size);
            lock (_lock) return Math.Min((_firstMissing - 1) * Row.PartSize, Row.Size);
        }
    }

    public IReadOnlyList<int> Received
    {
        get { lock (_lock) return [.. _received.Keys.Order()]; }
    }

    public IReadOnlyList<int> Missing(int limit)
    {
        lock (_lock) return [.. Enumerable.Range(1, Parts).Where(n => !_received.ContainsKey(n)).Take(limit)];
    }

    public long LengthOf(int number) => number == Parts ? Row.Size - (number - 1) * Row.PartSize : Row.PartSize;

    /// <summary>Claims a part for one connection.</summary>
    /// <returns>False when another is sending it.</returns>
    public bool TryBegin(int number, out uint? held)
    {
        lock (_lock)
        {
            held = _received.TryGetValue(number, out var crc) ? crc : null;
            return _busy.Add(number);
        }
    }

    public void End(int number)
    {
        lock (_lock) _busy.Remove(number);
    }

    public void Add(int number, uint crc)
    {
        lock (_lock)
        {
            _received[number] = crc;
            while (_received.ContainsKey(_firstMissing)) _firstMissing++;
        }
    }

    /// <summary>The spool went missing: nothing is there.</summary>
    public void Forget()
    {
        lock (_lock)
        {
            _received.Clear();
            _firstMissing = 1;
            Rewind();
        }
    }

    /// <summary>Reads a part, and writes it at its place.</summary>
    /// <param name="write">False = only compared: what is there already is never written over, since it may be hashed.</param>
    /// <param name="sha256">Also hashed, when the sender said this digest of it.</param>
    /// <exception cref="PilothouseException">TooLarge or InvalidArgument: another length than the part has.</exception>
    public async Task<(uint Crc32c, byte[]? Sha256)> ReceivePartAsync(Stream content, int number, bool write, bool sha256, CancellationToken ct)
    {
        var length = LengthOf(number);
        using var hash = sha256 ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        using var file = write ? OpenParts() : null;
        var crc = 0u;
        var size = await CopyAsync(content, file, (number - 1) * Row.PartSize, length, chunk =>
        {
            crc = Crc32C.Append(crc, chunk.Span);
            hash?.AppendData(chunk.Span);
        }, _ => { }, ct);
        if (size < length) throw new PilothouseException(ErrorCode.InvalidArgument, $"Part {number} has {length} bytes; {size} came. It was cut on the way: send it again.");
        // An answer means durable.
        if (file is not null) RandomAccess.FlushToDisk(file);
        return (crc, hash?.GetHashAndReset());
    }

    /// <summary>Appends what comes; the caller holds the gate and has checked the offset. What was written stays, whatever happens.</summary>
    public async Task AppendAsync(Stream content, CancellationToken ct)
    {
        using var file = File.OpenHandle(AppendPath, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous);
        var start = RandomAccess.GetLength(file);
        var landed = start;
        var inStep = _hashed == start;
        try
        {
            await CopyAsync(content, file, start, Row.Size - start, chunk =>
            {
                if (!inStep) return;
                _hash.AppendData(chunk.Span);
                _hashed += chunk.Length;
            }, size => landed = start + size, ct);
        }
        catch (PilothouseException)
        {
            landed = start; // more than the upload has: none of it counts
            throw;
        }
        finally
        {
            if (_hashed > landed) Rewind();
            RandomAccess.SetLength(file, landed); // zeros at the end were not written
            RandomAccess.FlushToDisk(file);
        }
    }

    /// <summary>Hashes on where there is no gap; at most so many bytes. The caller holds the gate.</summary>
    public async Task HashAsync(long maxBytes, CancellationToken ct)
    {
        var end = Math.Min(Offset, _hashed + maxBytes);
        if (_hashed >= end) return;
        using var file = File.OpenHandle(SpoolPath, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous | FileOptions.SequentialScan);
        var buffer = ArrayPool<byte>.Shared.Rent(BufferSize);
        try
        {
            while (_hashed < end)
            {
                var read = await RandomAccess.ReadAsync(file, buffer.AsMemory(0, (int)Math.Min(BufferSize, end - _hashed)), _hashed, ct);
                if (read == 0) throw new IOException($"The spool of the upload {Row.Id} ends at {_hashed}, before {end}.");
                _hash.AppendData(buffer, 0, read);
                _hashed += read;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Digest of the whole; afterwards hashing begins anew. The caller holds the gate and has hashed to the end.</summary>
    public Digest TakeDigest()
    {
        _hashed = 0;
        return Digest.FromHash(_hash.GetHashAndReset());
    }

    public void DeleteSpool()
    {
        File.Delete(PartsPath);
        File.Delete(AppendPath);
    }

    public void Dispose()
    {
        _hash.Dispose();
        Gate.Dispose();
    }

    private void Rewind()
    {
        _hashed = 0;
        _ = _hash.GetHashAndReset();
    }

    private SafeFileHandle OpenParts()
    {
        var file = File.OpenHandle(PartsPath, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous);
        if (Interlocked.Exchange(ref _atOnce, 1) == 0 && RandomAccess.GetLength(file) < Row.Size) RandomAccess.SetLength(file, Row.Size);
        return file;
    }

    /// <summary>Two buffers: while one is written the next is read and hashed.</summary>
    /// <param name="see">Called with what came.</param>
    /// <param name="landed">Called with the number of bytes written so far.</param>
    private static async Task<long> CopyAsync(Stream content, SafeFileHandle? file, long position, long length, Action<ReadOnlyMemory<byte>> see, Action<long> landed, CancellationToken ct)
    {
        var buffers = new[] { ArrayPool<byte>.Shared.Rent(BufferSize), ArrayPool<byte>.Shared.Rent(BufferSize) };
        var pending = Task.CompletedTask;
        var size = 0L;
        try
        {
            for (var turn = 0; ; turn ^= 1)
            {
                var read = await ReadSomeAsync(content, buffers[turn].AsMemory(0, BufferSize), ct);
                await pending;
                landed(size);
                if (read == 0) return size;
                if (size + read > length) throw new PilothouseException(ErrorCode.TooLarge, $"More came than the {length} bytes that belong here. Send exactly those.");
                var chunk = buffers[turn].AsMemory(0, read);
                // A hole reads as zeros: what is sparse stays sparse. Nothing was there before, or it would not be written.
                pending = file is null || !chunk.Span.ContainsAnyExcept((byte)0) ? Task.CompletedTask : RandomAccess.WriteAsync(file, chunk, position + size, CancellationToken.None).AsTask();
                see(chunk);
                size += read;
            }
        }
        finally
        {
            await pending.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default); // a buffer that is still being written must not go back to the pool
            if (pending.IsCompletedSuccessfully) landed(size);
            foreach (var buffer in buffers) ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    /// <summary>Fills the buffer; when the sender is cut off in between, what came is given first and the fault at the next call.</summary>
    private static async Task<int> ReadSomeAsync(Stream content, Memory<byte> buffer, CancellationToken ct)
    {
        var filled = 0;
        try
        {
            while (filled < buffer.Length)
            {
                var read = await content.ReadAsync(buffer[filled..], ct);
                if (read == 0) break;
                filled += read;
            }
        }
        catch (Exception e) when (filled > 0 && e is IOException or OperationCanceledException)
        {
            // The next read fails the same way.
        }
        return filled;
    }
}
