using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Blobs.Api;

/// <summary>The tensors of stored weight files (safetensors, GGUF) with their digests: what changed between two versions, and whether one is made from the other.</summary>
public interface ITensors
{
    /// <summary>Tensors with their digests; computed once, usually right after the upload, and kept.</summary>
    /// <returns>Null for a blob that is no weight file, or whose header does not hold.</returns>
    /// <exception cref="Platform.PilothouseException">NotFound: no such blob.</exception>
    Task<BlobTensors?> FindAsync(string digest, CancellationToken ct);
}
