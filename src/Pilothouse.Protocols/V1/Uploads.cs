namespace Pilothouse.Protocols.V1;

/// <summary><c>POST /api/v1/uploads</c>: begins an upload, or finds the open one of the same content or key.</summary>
/// <param name="Size">Bytes of the whole content.</param>
/// <param name="Digest"><c>sha256:</c> + 64 hex digits; null when the sender hashes while it sends: it is said at the end then.</param>
/// <param name="Key">Name by which the sender finds its upload again after a restart when it does not know the digest; up to 200 characters.</param>
/// <param name="Project">Whose quota the content counts for.</param>
public sealed record NewUpload(long Size, string? Digest = null, string? Key = null, string? Project = null);

/// <summary>Where an upload stands.</summary>
/// <param name="Id">Secret of the upload; empty when the server holds the content already.</param>
/// <param name="Held">True = nothing needs to be sent.</param>
/// <param name="PartSize">Bytes of each part but the last.</param>
/// <param name="Parts">Number of parts; they are numbered from 1.</param>
/// <param name="Received">Numbers of the parts that are there, ascending.</param>
/// <param name="Offset">Bytes from the beginning that are there without a gap: where to append.</param>
/// <param name="ExpiresMs">Epoch milliseconds when it is forgotten unless something arrives.</param>
public sealed record UploadState(string Id, long Size, string? Digest, bool Held, long PartSize, int Parts, IReadOnlyList<int> Received, long Offset, long ExpiresMs);

/// <summary>Answer to a part.</summary>
/// <param name="Crc32c">Checksum of what arrived, 8 hex digits.</param>
public sealed record UploadedPart(int Number, long Size, string Crc32c);

/// <summary><c>POST /api/v1/uploads/{id}/complete</c>.</summary>
/// <param name="Digest">Digest of the whole; needed when it was not said at the beginning.</param>
public sealed record CompleteUpload(string? Digest = null);

/// <summary><c>POST /api/v1/blobs/have</c>: which of these are here?</summary>
/// <param name="Digests">Up to 10,000.</param>
public sealed record HaveBlobs(IReadOnlyList<string> Digests);

/// <param name="Missing">Those that are not here, each once.</param>
public sealed record MissingBlobs(IReadOnlyList<string> Missing);
