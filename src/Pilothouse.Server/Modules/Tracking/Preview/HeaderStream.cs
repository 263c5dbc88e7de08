using Pilothouse.Protocols;
using Pilothouse.Protocols.Streams;

namespace Pilothouse.Server.Modules.Tracking.Preview;

/// <summary>
/// A file as the reader of a header sees it: whole in length, but only so many bytes of it may be read. A header that claims more is a fault of the file, and a reader that a
/// crafted file sends in circles comes to an end.
/// </summary>
internal sealed class HeaderStream(Stream inner, long maxRead) : ReadOnlyStream
{
    private long _read;
    private int _calls;

    /// <summary>Reads and seeks together; a reader without a buffer needs one a byte.</summary>
    private const int MaxCalls = 20_000_000;

    public override bool CanSeek => true;
    public override long Length => inner.Length;
    public override long Position { get => inner.Position; set => inner.Position = value; }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer) => Count(inner.Read(buffer));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => Count(await inner.ReadAsync(buffer, cancellationToken));

    public override long Seek(long offset, SeekOrigin origin)
    {
        Count(0);
        return inner.Seek(offset, origin);
    }

    private int Count(int bytes)
    {
        if ((_read += bytes) > maxRead || ++_calls > MaxCalls) throw new ProtocolFormatException($"The header needs more than {maxRead / (1024 * 1024)} MiB to be read: it is not shown. Download the file to look at it.");
        return bytes;
    }
}
