using Pilothouse.Protocols.Streams;

namespace Pilothouse.Server.Modules.Blobs.Storage;

/// <summary>An object as a seekable stream: a request from the position on is made when something is read; a break in the middle is gone on with once.</summary>
/// <param name="open">Opens the object from a byte on.</param>
internal sealed class S3Stream(Func<long, CancellationToken, Task<Stream>> open, long length) : SeekableReadOnlyStream(length)
{
    /// <summary>A short way forward is read over instead of asking anew.</summary>
    private const long ReadOver = 64 * 1024;

    private Stream? _current;
    private long _at;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length == 0 || Position >= Length) return 0;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var stream = await PlacedAsync(cancellationToken);
                var read = await stream.ReadAsync(buffer, cancellationToken);
                if (read == 0) throw new IOException($"The object store sent {Position} of {Length} bytes.");
                Position += read;
                _at += read;
                return read;
            }
            catch (Exception e) when (attempt == 1 && e is IOException or HttpRequestException)
            {
                await DropAsync();
            }
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) _current?.Dispose();
        base.Dispose(disposing);
    }

    private async Task<Stream> PlacedAsync(CancellationToken ct)
    {
        if (_current is not null && (_at > Position || Position - _at > ReadOver)) await DropAsync();
        if (_current is null)
        {
            _current = await open(Position, ct);
            _at = Position;
        }
        if (_at < Position)
        {
            var over = new byte[Position - _at];
            await _current.ReadExactlyAsync(over, ct);
            _at = Position;
        }
        return _current;
    }

    private async Task DropAsync()
    {
        if (_current is not null) await _current.DisposeAsync();
        _current = null;
    }
}
