namespace Pilothouse.Protocols.Streams;

/// <summary>
/// What every stream that is only read has in common. A subclass says how it reads into memory; one that can seek says so, and gives its length and position.
/// </summary>
public abstract class ReadOnlyStream : Stream
{
    public sealed override bool CanRead => true;

    public override bool CanSeek => false;

    public sealed override bool CanWrite => false;

    public override long Length => throw new NotSupportedException("The length of this stream is not known before its end.");

    public override long Position
    {
        get => throw new NotSupportedException("This stream is read once, from its beginning to its end.");
        set => throw new NotSupportedException("This stream is read once, from its beginning to its end.");
    }

    public abstract override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default);

    public sealed override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <summary>For readers that know no other way (headers, archives); streams over local files read without waiting for anyone.</summary>
    public override int Read(byte[] buffer, int offset, int count) => ReadAsync(buffer.AsMemory(offset, count), CancellationToken.None).AsTask().GetAwaiter().GetResult();

    /// <exception cref="NotSupportedException">A stream that is read once.</exception>
    public override long Seek(long offset, SeekOrigin origin) => Position = origin switch
    {
        SeekOrigin.Begin => offset,
        SeekOrigin.Current => Position + offset,
        _ => Length + offset,
    };

    public sealed override void Flush()
    {
    }

    public sealed override void SetLength(long value) => throw new NotSupportedException("This stream is only read.");

    public sealed override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("This stream is only read.");
}

/// <summary>One whose length is known and that can be read from anywhere.</summary>
/// <param name="length">Bytes.</param>
public abstract class SeekableReadOnlyStream(long length) : ReadOnlyStream
{
    private long _position;

    public sealed override bool CanSeek => true;

    public sealed override long Length => length;

    public sealed override long Position
    {
        get => _position;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            _position = value;
        }
    }
}
