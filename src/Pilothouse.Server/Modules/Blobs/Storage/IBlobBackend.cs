using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Server.Modules.Blobs.Storage;

/// <summary>How the content of a digest is kept.</summary>
internal enum BlobForm
{
    /// <summary>Its bytes.</summary>
    Whole,

    /// <summary>A JSON document that says of which parts of other blobs it is made.</summary>
    Recipe,
}

/// <summary>What a store keeps under a digest.</summary>
/// <param name="Size">Bytes it takes in the store.</param>
/// <param name="UsedMs">Epoch milliseconds when it was stored or last looked for.</param>
internal sealed record StoredObject(Digest Digest, BlobForm Form, long Size, long UsedMs);

/// <summary>Where bytes lie: a disk or an object store. Knows no hashing and no recipes; what it is given is verified.</summary>
internal interface IBlobBackend
{
    /// <summary>Size of an object, null when it is not there. Whoever asks may be about to name it: it is noted as used.</summary>
    Task<long?> TouchAsync(Digest digest, BlobForm form, CancellationToken ct);

    /// <summary>Takes a file that is synced to disk; the file may be gone afterwards. The object appears whole or not at all, and is durable.</summary>
    Task CommitAsync(string file, Digest digest, BlobForm form, CancellationToken ct);

    /// <summary>Takes many small files, which need not be synced; they are durable when the task completes.</summary>
    Task CommitManyAsync(IReadOnlyList<(string File, Digest Digest)> files, CancellationToken ct);

    /// <summary>Opens for reading, seekable; null when it is not there.</summary>
    Task<Stream?> OpenAsync(Digest digest, BlobForm form, CancellationToken ct);

    /// <summary>Reads a whole object; null when it is not there, or larger.</summary>
    Task<byte[]?> ReadAsync(Digest digest, int maxBytes, CancellationToken ct);

    /// <summary>Path of a local file that is the object; null when it is not there, or not local.</summary>
    string? LocalPath(Digest digest);

    /// <summary>Deletes an object that was not used since a time.</summary>
    /// <returns>Its size, 0 when it was not there; null when it was used later and so stays.</returns>
    Task<long?> TryDeleteAsync(Digest digest, BlobForm form, long unusedSinceMs, bool dryRun, CancellationToken ct);

    /// <summary>Everything there is of a form.</summary>
    IAsyncEnumerable<StoredObject> ListAsync(BlobForm form, CancellationToken ct);
}
