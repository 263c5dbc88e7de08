using System.Text.Json;
using System.Text.Json.Serialization;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Server.Modules.Blobs.Recipes;

/// <summary>A stretch of a whole blob.</summary>
/// <param name="Blob">Stored as it is, never a recipe itself: a recipe is one level deep.</param>
internal sealed record RecipePiece(
    [property: JsonPropertyName("blob"), JsonConverter(typeof(DigestJsonConverter))] Digest Blob,
    [property: JsonPropertyName("offset")] long Offset,
    [property: JsonPropertyName("size")] long Size);

/// <summary>
/// How a content is put together from stretches of other blobs: <c>{"format":"pilothouse.recipe.v1","size":1073741824,"pieces":[{"blob":"sha256:..","offset":0,"size":4096}]}</c>.
/// A JSON document that names its blobs, so the garbage collection follows it like any other.
/// </summary>
internal sealed class Recipe
{
    public const string FormatName = "pilothouse.recipe.v1";

    /// <summary>Bytes of the document: as much as the garbage collection reads.</summary>
    public const int MaxDocument = 4 * 1024 * 1024;

    public Recipe(IReadOnlyList<RecipePiece> pieces)
    {
        Pieces = Joined(pieces);
        Starts = new long[Pieces.Count];
        for (var i = 0; i < Pieces.Count; i++)
        {
            Starts[i] = Size;
            Size += Pieces[i].Size;
        }
    }

    public long Size { get; }

    public IReadOnlyList<RecipePiece> Pieces { get; }

    /// <summary>Where each piece begins in the whole.</summary>
    public long[] Starts { get; }

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(new Wire(FormatName, Size, Pieces));

    /// <exception cref="InvalidDataException">Damaged: the store writes only valid ones.</exception>
    public static Recipe Parse(ReadOnlySpan<byte> document)
    {
        try
        {
            var wire = JsonSerializer.Deserialize<Wire>(document);
            if (wire is not { Format: FormatName, Pieces: not null } || wire.Pieces.Any(p => p is null || p.Offset < 0 || p.Size < 0)) throw new InvalidDataException("It is no recipe.");
            var recipe = new Recipe(wire.Pieces);
            return recipe.Size == wire.Size ? recipe : throw new InvalidDataException("Its pieces do not give its size.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"It is no JSON: {e.Message}", e);
        }
    }

    /// <summary>Neighbours in the same blob become one: an unchanged run of tensors is one piece.</summary>
    private static List<RecipePiece> Joined(IReadOnlyList<RecipePiece> pieces)
    {
        var joined = new List<RecipePiece>(pieces.Count);
        foreach (var piece in pieces)
        {
            if (piece.Size == 0) continue;
            if (joined.Count > 0 && joined[^1] is var last && last.Blob == piece.Blob && last.Offset + last.Size == piece.Offset) joined[^1] = last with { Size = last.Size + piece.Size };
            else joined.Add(piece);
        }
        return joined;
    }

    private sealed record Wire(
        [property: JsonPropertyName("format")] string Format,
        [property: JsonPropertyName("size")] long Size,
        [property: JsonPropertyName("pieces")] IReadOnlyList<RecipePiece> Pieces);
}
