using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Server.Modules.Blobs.Recipes;

/// <summary>Reads a recipe as one content. Seekable; holds one blob open at a time.</summary>
/// <param name="open">Opens a whole blob, seekable.</param>
internal sealed class RecipeStream(Recipe recipe, Func<Digest, CancellationToken, Task<Stream>> open) : Stream
{
    private Stream? _current;
    private Digest _currentBlob;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => recipe.Size;

    public override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }

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
        _position += read;
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>For readers of headers that know no other way; blobs on disk open and read without waiting for anyone.</summary>
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count), CancellationToken.None).AsTask().GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => Length + offset,
    };

    public override void Flush()
    {
    }

    public override void SetLength(long value) => throw new NotSupportedException("Blobs never change.");

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Blobs never change.");

    protected override void Dispose(bool disposing)
    {
        if (disposing) _current?.Dispose();
        base.Dispose(disposing);
    }

    /// <returns>Null at the end.</returns>
    private (Digest Blob, long Offset, int Length)? Locate(int wanted)
    {
        if (_position >= recipe.Size) return null;
        var index = Array.BinarySearch(recipe.Starts, _position);
        if (index < 0) index = ~index - 1;
        var piece = recipe.Pieces[index];
        var inside = _position - recipe.Starts[index];
        return (piece.Blob, piece.Offset + inside, (int)Math.Min(wanted, piece.Size - inside));
    }
}
