using System.Buffers;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client.Uploads;

/// <summary>
/// Sends of a weight file only the tensors that the server has nowhere. First a few parts are looked up: a file that shares nothing (a dense fine-tune, a new model)
/// costs hardly more than without.
/// </summary>
internal sealed class WeightUploader(PilothouseClient client, UploadOptions options, string path)
{
    /// <summary>Parts that are looked up first. Where a fifth is shared, one of them is found 97 times in 100.</summary>
    private const int Samples = 16;

    /// <summary>Less than this part shared is not worth reading a file from several places ever after.</summary>
    private const double WorthSharing = 0.05;
    private const int MaxRounds = 3;

    private long _sent;

    /// <returns>What was done; or null when the file is to be sent whole, with its digest if that is known by now.</returns>
    public async Task<(UploadedFile? Done, Digest? Digest)> TryRunAsync(FileStat stat, Digest? known, CancellationToken ct)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read, FileOptions.Asynchronous);
        WeightLayout? layout;
        await using (var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 64 * 1024)) layout = await WeightLayout.TryReadAsync(stream, ct);
        if (layout is null || layout.Parts.Count is < 2 or > WeightLayout.MaxParts) return (null, known);

        var step = Math.Max(1, layout.Parts.Count / Samples);
        var sample = new List<string>();
        for (var i = layout.Parts.Count > 1 ? 1 : 0; i < layout.Parts.Count && sample.Count < Samples; i += step) sample.Add((await HashAsync(file, layout.Parts[i], ct)).ToString());
        if ((await client.MissingPartsAsync(sample, ct)).Count == sample.Distinct().Count()) return (null, known);

        var whole = known is { } given ? Task.FromResult(given) : WholeAsync(ct);
        var digests = new Digest[layout.Parts.Count];
        await Parallel.ForAsync(0, digests.Length, new ParallelOptions { MaxDegreeOfParallelism = Math.Max(1, Environment.ProcessorCount / 2), CancellationToken = ct },
            async (i, token) => digests[i] = await HashAsync(file, layout.Parts[i], token));
        var digest = await whole;
        if (FileStat.Of(path) != stat) throw new IOException($"{path} was changed while it was being read. Send it again when it is finished.");
        return (await SendAsync(file, layout, digests, digest, stat, ct), digest);
    }

    private async Task<UploadedFile?> SendAsync(SafeFileHandle file, WeightLayout layout, Digest[] digests, Digest digest, FileStat stat, CancellationToken ct)
    {
        var recipe = new NewRecipe(digest.ToString(), stat.Size, [.. layout.Parts.Zip(digests, (part, d) => new RecipePart(d.ToString(), part.Length))], options.Project);
        var sent = new HashSet<string>(StringComparer.Ordinal);
        for (var round = 1; ; round++)
        {
            var state = await client.PutRecipeAsync(recipe, ct);
            if (state.Held)
            {
                options.Progress?.Report(new UploadProgress(path, stat.Size, stat.Size, _sent));
                return new UploadedFile(path, digest.ToString(), stat.Size, _sent, layout.Tensors.Count, CountSent(layout, digests, sent));
            }
            if (state.SharedBytes < stat.Size * WorthSharing) return null;
            if (round == MaxRounds) throw new IOException($"The server lost parts of {path} as fast as they came. Look at its log and at its garbage collection.");
            var missing = state.Missing.ToHashSet(StringComparer.Ordinal);
            var parts = layout.Parts.Zip(digests).Where(p => missing.Remove(p.Second.ToString())).ToList();
            await SendPartsAsync(file, parts, stat.Size - parts.Sum(p => p.First.Length), stat.Size, ct);
            sent.UnionWith(parts.Select(p => p.Second.ToString()));
        }
    }

    private async Task SendPartsAsync(SafeFileHandle file, List<(FilePart Part, Digest Digest)> parts, long done, long size, CancellationToken ct)
    {
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Math.Clamp(options.Connections, 1, 16), CancellationToken = ct };
        void Report(long length)
        {
            var sent = Interlocked.Add(ref _sent, length);
            options.Progress?.Report(new UploadProgress(path, done + sent, size, sent));
        }
        var small = parts.Where(p => p.Part.Length <= BlobPack.MaxBlob).Chunk(BlobPack.PreferredSize / BlobPack.MaxBlob);
        await Parallel.ForEachAsync(small, parallel, async (pack, token) =>
        {
            var body = new MemoryStream();
            foreach (var (part, digest) in pack)
            {
                var content = new byte[part.Length];
                await ReadAsync(file, part.Offset, content, token);
                BlobPack.Write(body, digest, content);
            }
            await client.PutPackAsync(body.GetBuffer().AsMemory(0, (int)body.Length), null, options.Patience, token);
            Report(pack.Sum(p => p.Part.Length));
        });
        await Parallel.ForEachAsync(parts.Where(p => p.Part.Length > BlobPack.MaxBlob), parallel, async (piece, token) =>
        {
            // At most a part (64 MiB) a connection in memory.
            var content = ArrayPool<byte>.Shared.Rent((int)piece.Part.Length);
            var memory = content.AsMemory(0, (int)piece.Part.Length);
            await ReadAsync(file, piece.Part.Offset, memory, token);
            await client.PutBlobAsync(piece.Digest, memory, null, options.Patience, token);
            ArrayPool<byte>.Shared.Return(content);
            Report(piece.Part.Length);
        });
    }

    private async Task<Digest> WholeAsync(CancellationToken ct)
    {
        await using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1024 * 1024, FileOptions.Asynchronous | FileOptions.SequentialScan);
        return await Digest.OfAsync(stream, ct);
    }

    private async Task<Digest> HashAsync(SafeFileHandle file, FilePart part, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = ArrayPool<byte>.Shared.Rent(1024 * 1024);
        for (var done = 0L; done < part.Length;)
        {
            var length = (int)Math.Min(buffer.Length, part.Length - done);
            await ReadAsync(file, part.Offset + done, buffer.AsMemory(0, length), ct);
            hash.AppendData(buffer, 0, length);
            done += length;
        }
        ArrayPool<byte>.Shared.Return(buffer);
        return Digest.FromHash(hash.GetHashAndReset());
    }

    private async Task ReadAsync(SafeFileHandle file, long offset, Memory<byte> into, CancellationToken ct)
    {
        while (into.Length > 0)
        {
            var read = await RandomAccess.ReadAsync(file, into, offset, ct);
            if (read == 0) throw new IOException($"{path} became shorter while it was being read. Send it again when it is finished.");
            (offset, into) = (offset + read, into[read..]);
        }
    }

    /// <summary>Tensors of which at least a piece lies in a part that was sent.</summary>
    private static int CountSent(WeightLayout layout, Digest[] digests, HashSet<string> sent)
    {
        var (count, first) = (0, 0);
        foreach (var tensor in layout.Tensors.Where(t => t.Length > 0))
        {
            while (layout.Parts[first].Offset + layout.Parts[first].Length <= tensor.Offset) first++;
            for (var i = first; i < digests.Length && layout.Parts[i].Offset < tensor.Offset + tensor.Length; i++)
            {
                if (!sent.Contains(digests[i].ToString())) continue;
                count++;
                break;
            }
        }
        return count;
    }
}
