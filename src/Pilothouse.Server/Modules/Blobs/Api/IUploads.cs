using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Blobs.Api;

/// <summary>
/// Uploads that outlive a cut connection and a restart of either side. Content comes in numbered parts, in parallel and in any order, or is appended at an
/// offset; it becomes a blob when the whole has the digest that was promised. The id is random: who knows it may go on with the upload.
/// </summary>
public interface IUploads
{
    /// <summary>Begins an upload. When the blob is here nothing needs to be sent; an open upload of the same caller, and the same digest or key, is gone on with.</summary>
    /// <exception cref="Platform.PilothouseException">InvalidArgument, TooLarge, RateLimited (too many are open), StorageFull (over the project's quota).</exception>
    Task<UploadState> CreateAsync(NewUpload upload, string actor, CancellationToken ct);

    /// <exception cref="Platform.PilothouseException">NotFound.</exception>
    Task<UploadState> GetAsync(string id, CancellationToken ct);

    /// <summary>Takes one part; on disk when the task completes. The same part again is harmless; another content for it is refused.</summary>
    /// <param name="checksum">As in <c>Content-Digest</c> (RFC 9530): <c>sha-256=:...:</c> or <c>crc32c=:...:</c>; null = not checked before the whole is.</param>
    /// <exception cref="Platform.PilothouseException">NotFound, InvalidArgument (no such part, too short), TooLarge, DigestMismatch, FailedPrecondition (it was begun by appending,
    /// or the part is there with another content), Unavailable (the part is being received on another connection).</exception>
    Task<UploadedPart> PutPartAsync(string id, int number, Stream content, string? checksum, CancellationToken ct);

    /// <summary>Appends what comes. When the connection is cut, what had arrived stays: ask for the state, and go on there.</summary>
    /// <exception cref="Platform.PilothouseException">NotFound, FailedPrecondition (not the offset of the state; begun in parts), TooLarge, Unavailable.</exception>
    Task<UploadState> AppendAsync(string id, long offset, Stream content, CancellationToken ct);

    /// <summary>Verifies the whole and makes it a blob. Asked again after it was done, it is done.</summary>
    /// <exception cref="Platform.PilothouseException">NotFound, FailedPrecondition (something is missing), InvalidArgument, DigestMismatch (the upload is dropped).</exception>
    Task<BlobInfo> CompleteAsync(string id, string? digest, CancellationToken ct);

    /// <summary>Forgets the upload and what came of it; one that is not there is no fault.</summary>
    Task CancelAsync(string id, CancellationToken ct);
}
