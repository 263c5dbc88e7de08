namespace Pilothouse.Protocols.V1;

/// <summary>
/// <c>POST /api/v1/recipes</c>: this content is these parts, one behind the other. While parts are missing the answer lists them; send them as blobs and ask again.
/// When none is missing the whole is verified and the blob is there, without its parts being stored twice.
/// </summary>
/// <param name="Digest">Of the whole.</param>
/// <param name="Size">Bytes of the whole.</param>
public sealed record NewRecipe(string Digest, long Size, IReadOnlyList<RecipePart> Parts, string? Project = null);

/// <param name="Digest">SHA-256 of the part.</param>
public sealed record RecipePart(string Digest, long Size);

/// <param name="Held">True = the blob is there.</param>
/// <param name="Missing">Digests of the parts to send, each once.</param>
/// <param name="SharedBytes">Bytes of the content that other blobs hold already.</param>
public sealed record RecipeState(bool Held, IReadOnlyList<string> Missing, long SharedBytes);

/// <summary>One tensor of a stored weight file. <c>GET /api/v1/blobs/{digest}/tensors</c>.</summary>
/// <param name="Dtype">As the file names it: <c>BF16</c>, <c>Q8_0</c>.</param>
/// <param name="Shape">Outermost first.</param>
/// <param name="Offset">Byte position in the file.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Digest">SHA-256 of its bytes: two tensors with the same are the same.</param>
public sealed record TensorDigest(string Name, string Dtype, IReadOnlyList<long> Shape, long Offset, long Length, string Digest);

/// <param name="Format"><c>safetensors</c> or <c>gguf</c>.</param>
/// <param name="Tensors">In the order of their bytes.</param>
public sealed record BlobTensors(string Format, IReadOnlyList<TensorDigest> Tensors);
