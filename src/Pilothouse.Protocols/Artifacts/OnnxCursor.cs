using System.Text;

namespace Pilothouse.Protocols.Artifacts;

/// <summary>Walks the fields of nested protobuf messages in a seekable file. What is not asked for is stepped over without being loaded.</summary>
internal sealed class OnnxCursor(Stream stream, int maxFields)
{
    private readonly byte[] _buffer = new byte[16 * 1024];
    private readonly long _length = stream.Length;
    private long _bufferStart;
    private int _buffered;
    private int _fields;

    public long Position { get; private set; }

    /// <summary>Wire type of the field that <see cref="Next"/> found.</summary>
    public int Wire { get; private set; }

    /// <summary>Value of a field of wire type 0.</summary>
    public ulong Value { get; private set; }

    /// <summary>The next field of a message. Its content, and all that is read of it, begins at <see cref="Position"/>.</summary>
    /// <param name="at">Where the field begins; set to where the one after it does.</param>
    /// <param name="end">First byte behind the message.</param>
    /// <param name="field">Its number; 0 for one whose wire type holds nothing that is looked at.</param>
    /// <param name="length">Bytes of a field of wire type 2.</param>
    /// <returns>False at the end of the message.</returns>
    public bool Next(ref long at, long end, out int field, out long length)
    {
        Position = at;
        (field, length, Value) = (0, 0, 0);
        if (at >= end) return false;
        if (++_fields > maxFields) throw new ProtocolFormatException($"The ONNX file has more than {maxFields} fields.");
        var key = Varint(end);
        Wire = (int)(key & 7);
        switch (Wire)
        {
            case 0:
                Value = Varint(end);
                field = Number(key);
                at = Position;
                break;
            case 1 or 5:
                at = Position + (Wire == 1 ? 8 : 4);
                break;
            case 2:
                var bytes = Varint(end);
                if (bytes > (ulong)(end - Position)) throw Cut();
                (field, length) = (Number(key), (long)bytes);
                at = Position + length;
                break;
            default:
                throw new ProtocolFormatException("The file is not an ONNX model: it is not protobuf.");
        }
        return at <= end ? true : throw Cut();
    }

    /// <summary>The text of the field found last; a longer one is cut.</summary>
    public string Text(long length, int max)
    {
        if (Wire != 2) throw new ProtocolFormatException("A field of the ONNX file that should be text is a number.");
        var bytes = new byte[Math.Min(length, max)];
        for (var i = 0; i < bytes.Length; i++) bytes[i] = Byte(_length);
        return Encoding.UTF8.GetString(bytes);
    }

    public ulong Varint(long end)
    {
        var result = 0UL;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var next = Byte(end);
            result |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return result;
        }
        throw new ProtocolFormatException("The file is not an ONNX model: it is not protobuf.");
    }

    private static int Number(ulong key) => (int)Math.Min(key >> 3, int.MaxValue);

    private byte Byte(long end)
    {
        if (Position >= end || Position >= _length) throw Cut();
        if (Position < _bufferStart || Position >= _bufferStart + _buffered)
        {
            stream.Seek(Position, SeekOrigin.Begin);
            (_bufferStart, _buffered) = (Position, stream.Read(_buffer));
            if (_buffered == 0) throw Cut();
        }
        return _buffer[Position++ - _bufferStart];
    }

    private static ProtocolFormatException Cut() => new("The ONNX file ends inside a field: it is truncated, or not an ONNX model.");
}
