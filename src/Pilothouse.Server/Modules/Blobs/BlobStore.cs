using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Storage;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs;

/// <summary>
/// Content by digest over a backend. It streams into a temporary file while it is hashed, is fsynced, and only then handed over: a blob is there whole or not at
/// all, whatever kills the server.
/// </summary>
internal sealed class BlobStore(IBlobBackend backend, BlobSpool spool) : IBlobStore, IBlobPacks
{
    /// <summary>On this machine's disk, as a server without options has it.</summary>
    internal static BlobStore OnDisk(ServerOptions options, Ids ids, TimeProvider time) => new(new DiskBackend(options, time), new BlobSpool(options, ids));

    public async Task<BlobInfo> PutAsync(Stream content, string? expected, CancellationToken ct)
    {
        if (expected is not null) _ = Parse(expected);
        var temporary = spool.NewPath();
        try
        {
            var (digest, size) = await BlobSpool.WriteAsync(content, temporary, ct);
            if (expected is not null && digest.ToString() != expected)
                throw new PilothouseException(ErrorCode.DigestMismatch, $"The content received ({size} bytes) has the digest {digest}, not {expected}: it was cut or changed on the way. Nothing was stored; send it again.");
            return await AdoptAsync(temporary, digest, size, ct);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>Takes a file whose digest was verified and which is synced to disk.</summary>
    public async Task<BlobInfo> AdoptAsync(string file, Digest digest, long size, CancellationToken ct)
    {
        if (await backend.TouchAsync(digest, BlobForm.Whole, ct) is null) await backend.CommitAsync(file, digest, BlobForm.Whole, ct);
        return new BlobInfo(digest.ToString(), size);
    }

    public async Task<int> PutPackAsync(Stream pack, CancellationToken ct)
    {
        var files = new List<(string File, Digest Digest)>();
        try
        {
            await foreach (var (digest, content) in BlobPack.ReadAsync(pack, ct))
            {
                if (await backend.TouchAsync(digest, BlobForm.Whole, ct) is not null || files.Exists(f => f.Digest == digest)) continue;
                var temporary = spool.NewPath();
                files.Add((temporary, digest));
                await File.WriteAllBytesAsync(temporary, content, ct);
            }
            await backend.CommitManyAsync(files, ct);
            return files.Count;
        }
        finally
        {
            foreach (var (file, _) in files) File.Delete(file);
        }
    }

    public async Task<BlobInfo?> FindAsync(string digest, CancellationToken ct) =>
        await backend.TouchAsync(Parse(digest), BlobForm.Whole, ct) is { } size ? new BlobInfo(digest, size) : null;

    public async Task<Stream> OpenReadAsync(string digest, CancellationToken ct) => await backend.OpenAsync(Parse(digest), BlobForm.Whole, ct) ?? throw Missing(digest);

    public Task<string> LocalPathAsync(string digest, CancellationToken ct) => backend.LocalPath(Parse(digest)) is { } path ? Task.FromResult(path) : throw Missing(digest);

    /// <summary>The text of a JSON document; null for anything else, and for what is larger.</summary>
    public async Task<string?> ReadDocumentAsync(Digest digest, int maxBytes, CancellationToken ct)
    {
        await using var stream = await backend.OpenAsync(digest, BlobForm.Whole, ct);
        if (stream is null || stream.Length is 0 || stream.Length > maxBytes || stream.ReadByte() is not ('{' or '[')) return null;
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(ct);
    }

    public Task<long?> TryDeleteAsync(Digest digest, long unusedSinceMs, bool dryRun, CancellationToken ct) => backend.TryDeleteAsync(digest, BlobForm.Whole, unusedSinceMs, dryRun, ct);

    /// <exception cref="PilothouseException">InvalidArgument: not a SHA-256 digest. Checked to the letter, since it becomes a path.</exception>
    internal static Digest Parse(string digest) => Digest.TryParse(digest, out var parsed)
        ? parsed
        : throw new PilothouseException(ErrorCode.InvalidArgument, $"'{(digest.Length > 80 ? digest[..80] : digest)}' is not a digest. Write sha256: and 64 lower-case hex digits.");

    private static PilothouseException Missing(string digest) => new(ErrorCode.NotFound, $"There is no blob {digest} on this server. Upload it first.");
}
