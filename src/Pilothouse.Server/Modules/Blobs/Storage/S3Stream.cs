namespace Pilothouse.Server.Modules.Blobs.Storage;

/// <summary>An object as a seekable stream: a request from the position on is made when something is read; a break in the middle is gone on with once.</summary>
/// <param name="open">Opens the object from a byte on.</param>
internal sealed class S3Stream(Func<long, CancellationToken, Task<Stream>> open, long length) : Stream
{
    /// <summary>A short way forward is read over instead of asking anew.</summary>
    private const long ReadOver = 64 * 1024;

    private Stream? _current;
    private long _at;
    private long _position;

    public override bool CanRead => true;

    public override bool CanSeek => true;

    public override bool CanWrite => false;

    public override long Length => length;

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
        if (buffer.Length == 0 || _position >= length) return 0;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                var stream = await PlacedAsync(cancellationToken);
                var read = await stream.ReadAsync(buffer, cancellationToken);
                if (read == 0) throw new IOException($"The object store sent {_position} of {length} bytes.");
                _position += read;
                _at += read;
                return read;
            }
            catch (Exception e) when (attempt == 1 && e is IOException or HttpRequestException)
            {
                await DropAsync();
            }
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>For readers of headers that know no other way.</summary>
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count), CancellationToken.None).AsTask().GetAwaiter().GetResult();

    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => _position + offset,
        _ => length + offset,
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

    private async Task<Stream> PlacedAsync(CancellationToken ct)
    {
        if (_current is not null && (_at > _position || _position - _at > ReadOver)) await DropAsync();
        if (_current is null)
        {
            _current = await open(_position, ct);
            _at = _position;
        }
        if (_at < _position)
        {
            var over = new byte[_position - _at];
            await _current.ReadExactlyAsync(over, ct);
            _at = _position;
        }
        return _current;
    }

    private async Task DropAsync()
    {
        if (_current is not null) await _current.DisposeAsync();
        _current = null;
    }
}
