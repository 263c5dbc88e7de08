using System.Buffers.Binary;
using System.Text;

namespace Pilothouse.Protocols.Wire;

/// <summary>Wire types of protobuf that are still in use.</summary>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Length = 2,
    Fixed32 = 5,
}

/// <summary>
/// Reads protobuf's wire format in place: a nested message is a slice, so nothing is copied and no claimed length is allocated.
/// See <see href="https://protobuf.dev/programming-guides/encoding/"/>.
/// </summary>
internal ref struct ProtoReader(ReadOnlySpan<byte> message)
{
    private ReadOnlySpan<byte> _rest = message;

    public int Field { get; private set; }

    public WireType Type { get; private set; }

    /// <summary>True behind the last byte, which ends a packed list.</summary>
    public readonly bool AtEnd => _rest.IsEmpty;

    /// <summary>Moves to the next field; false at the end of the message.</summary>
    public bool Next()
    {
        if (_rest.IsEmpty)
            return false;
        var tag = Varint();
        var type = (int)(tag & 7);
        var field = tag >> 3;
        if (field is 0 or > 536_870_911 || type is not (0 or 1 or 2 or 5))
            throw new ProtocolFormatException($"The protobuf message has an invalid field tag ({tag}).");
        (Field, Type) = ((int)field, (WireType)type);
        return true;
    }

    /// <summary>True when this is the given field with the given type. A known field of another type is skipped as unknown, as protobuf demands.</summary>
    public readonly bool Is(int field, WireType type) => Field == field && Type == type;

    public void Skip()
    {
        switch (Type)
        {
            case WireType.Varint: Varint(); break;
            case WireType.Fixed64: Take(8); break;
            case WireType.Fixed32: Take(4); break;
            default: Bytes(); break;
        }
    }

    public ulong Varint()
    {
        // Nearly all tags and lengths have one byte.
        if (_rest.Length > 0 && _rest[0] < 0x80)
        {
            var small = _rest[0];
            _rest = _rest[1..];
            return small;
        }
        ulong value = 0;
        for (var i = 0; i < 10; i++)
        {
            if (i >= _rest.Length)
                break;
            var b = _rest[i];
            value |= (ulong)(b & 0x7F) << (7 * i);
            if (b < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return value;
            }
        }

        throw new ProtocolFormatException("The protobuf message ends in a number, or has one longer than 64 bits.");
    }

    public ulong Fixed64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public double Double() => BinaryPrimitives.ReadDoubleLittleEndian(Take(8));

    public uint Fixed32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public float Float() => BinaryPrimitives.ReadSingleLittleEndian(Take(4));

    public ReadOnlySpan<byte> Bytes()
    {
        var length = Varint();
        return length <= (ulong)_rest.Length ? Take((int)length) : throw Truncated();
    }

    /// <summary>A text; bytes that are not UTF-8 become U+FFFD instead of failing a whole batch.</summary>
    public string Text() => Encoding.UTF8.GetString(Bytes());

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _rest.Length)
            throw Truncated();
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }

    private static ProtocolFormatException Truncated() => new("The protobuf message is truncated.");
}

/// <summary>Writes protobuf's wire format.</summary>
internal sealed class ProtoWriter
{
    private byte[] _bytes = new byte[64];
    private int _length;

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    public byte[] ToArray() => Written.ToArray();

    /// <summary>Starts over with the same memory.</summary>
    public ProtoWriter Clear()
    {
        _length = 0;
        return this;
    }

    public ProtoWriter Varint(int field, ulong value)
    {
        Raw((ulong)field << 3);
        Raw(value);
        return this;
    }

    public ProtoWriter Double(int field, double value)
    {
        Raw(((ulong)field << 3) | 1);
        BinaryPrimitives.WriteDoubleLittleEndian(Take(8), value);
        return this;
    }

    public ProtoWriter Float(int field, float value)
    {
        Raw(((ulong)field << 3) | 5);
        BinaryPrimitives.WriteSingleLittleEndian(Take(4), value);
        return this;
    }

    public ProtoWriter Bytes(int field, ReadOnlySpan<byte> value)
    {
        Raw(((ulong)field << 3) | 2);
        Raw((ulong)value.Length);
        value.CopyTo(Take(value.Length));
        return this;
    }

    public ProtoWriter Text(int field, string value) => Bytes(field, Encoding.UTF8.GetBytes(value));

    private void Raw(ulong value)
    {
        var into = Take(10);
        var used = 0;
        for (; value >= 0x80; value >>= 7) into[used++] = (byte)(value | 0x80);
        into[used++] = (byte)value;
        _length -= 10 - used;
    }

    private Span<byte> Take(int count)
    {
        if (_length + count > _bytes.Length) Array.Resize(ref _bytes, Math.Max(_length + count, 2 * _bytes.Length));
        _length += count;
        return _bytes.AsSpan(_length - count, count);
    }
}
