using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Streams;

namespace Pilothouse.Server.Modules.Blobs.Recipes;

/// <summary>Reads a recipe as one content. Seekable; holds one blob open at a time.</summary>
/// <param name="open">Opens a whole blob, seekable.</param>
internal sealed class RecipeStream(Recipe recipe, Func<Digest, CancellationToken, Task<Stream>> open) : SeekableReadOnlyStream(recipe.Size)
{
    private Stream? _current;
    private Digest _currentBlob;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length == 0 || Locate(buffer.Length) is not { } at) return 0;
        if (_current is null || _currentBlob != at.Blob)
        {
            if (_current is not null) await _current.DisposeAsync();
            _current = null;
            _current = await open(at.Blob, cancellationToken);
            _currentBlob = at.Blob;
        }
        if (_current.Position != at.Offset) _current.Position = at.Offset;
        var read = await _current.ReadAsync(buffer[..at.Length], cancellationToken);
        if (read == 0) throw new IOException($"The blob {at.Blob} ends at {at.Offset}, before what is made of it: it is damaged.");
        Position += read;
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _current?.Dispose();
        base.Dispose(disposing);
    }

    /// <returns>Null at the end.</returns>
    private (Digest Blob, long Offset, int Length)? Locate(int wanted)
    {
        if (Position >= recipe.Size) return null;
        var index = Array.BinarySearch(recipe.Starts, Position);
        if (index < 0) index = ~index - 1;
        var piece = recipe.Pieces[index];
        var inside = Position - recipe.Starts[index];
        return (piece.Blob, piece.Offset + inside, (int)Math.Min(wanted, piece.Size - inside));
    }
}
