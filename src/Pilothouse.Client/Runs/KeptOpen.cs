using Pilothouse.Protocols.Streams;

namespace Pilothouse.Client.Runs;

/// <summary>A stream that an HTTP request may dispose without closing the one below, which is read again when the request failed.</summary>
internal sealed class KeptOpen(Stream inner) : ReadOnlyStream
{
    public override bool CanSeek => inner.CanSeek;

    public override long Length => inner.Length;

    public override long Position
    {
        get => inner.Position;
        set => inner.Position = value;
    }

    public override int Read(byte[] buffer, int offset, int count) => inner.Read(buffer, offset, count);

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);
}
