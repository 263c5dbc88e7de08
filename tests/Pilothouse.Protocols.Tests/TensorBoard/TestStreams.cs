namespace Pilothouse.Protocols.Tests.TensorBoard;

/// <summary>A stream that can only be read.</summary>
internal abstract class ReadOnlyStream : Stream
{
    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override void Flush() => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));
}

/// <summary>Gives one byte at a time.</summary>
internal sealed class DrippingStream(byte[] bytes) : ReadOnlyStream
{
    private int _at;

    public override int Read(Span<byte> buffer)
    {
        if (_at == bytes.Length) return 0;
        buffer[0] = bytes[_at++];
        return 1;
    }
}

internal sealed class ZeroStream(long length) : ReadOnlyStream
{
    private long _left = length;

    public override int Read(Span<byte> buffer)
    {
        var count = (int)Math.Min(buffer.Length, _left);
        buffer[..count].Clear();
        _left -= count;
        return count;
    }
}

internal sealed class JoinedStream(params Stream[] parts) : ReadOnlyStream
{
    private readonly Queue<Stream> _parts = new(parts);

    public override int Read(Span<byte> buffer)
    {
        while (_parts.TryPeek(out var part))
        {
            if (part.Read(buffer) is var read and > 0) return read;
            _parts.Dequeue();
        }
        return 0;
    }
}
