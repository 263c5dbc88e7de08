using System.Text;

namespace Pilothouse.Protocols.Parquet;

/// <summary>
/// Reads Thrift's compact protocol from foreign bytes: every length is held against what is left, depth is bounded.
/// See <see href="https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md"/>.
/// </summary>
internal ref struct CompactThrift(ReadOnlySpan<byte> bytes)
{
    public const int True = 1, False = 2, Byte = 3, I16 = 4, I32 = 5, I64 = 6, Double = 7, Binary = 8, List = 9, Set = 10, Map = 11, Struct = 12;

    private const int MaxDepth = 32;

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }

    /// <summary>The next field of a struct; its value must be read or skipped.</summary>
    /// <param name="id">Id of the field before it; set to its own.</param>
    /// <returns>False at the end of the struct.</returns>
    public bool Field(ref int id, out int type)
    {
        var head = Next();
        type = head & 0x0F;
        if (head == 0) return false;
        id = head >> 4 is var delta and > 0 ? id + delta : (short)ZigZag(Varint());
        return true;
    }

    public long Integer(int type) => type is I16 or I32 or I64 ? ZigZag(Varint()) : throw Fault($"has a field of type {type} where an integer belongs");

    public int Int32(int type) => Integer(type) is var value && value is >= int.MinValue and <= int.MaxValue ? (int)value : throw Fault($"has the number {value} where 32 bits are the limit");

    public bool Boolean(int type) => type is True or False ? type == True : throw Fault($"has a field of type {type} where a boolean belongs");

    public string Text(int type, int max)
    {
        if (type != Binary) throw Fault($"has a field of type {type} where text belongs");
        var length = Length();
        if (length > max) throw Fault($"has a text of {length} bytes, more than {max}");
        var text = Encoding.UTF8.GetString(_bytes.Slice(Position, length));
        Position += length;
        return text;
    }

    /// <summary>Begin of a list: each element takes at least one byte, so a count beyond what is left is refused at once.</summary>
    public int ListOf(int type, int element)
    {
        if (type != List) throw Fault($"has a field of type {type} where a list belongs");
        var (count, found) = ListHead();
        return count == 0 || found == element ? count : throw Fault($"has a list of type {found} where {element} belongs");
    }

    public void Skip(int type) => Skip(type, 0);

    private void Skip(int type, int depth)
    {
        if (depth > MaxDepth) throw Fault($"is nested deeper than {MaxDepth}");
        switch (type)
        {
            case True or False: break;
            case Byte: Next(); break;
            case I16 or I32 or I64: Varint(); break;
            case Double: Step(8); break;
            case Binary: Step(Length()); break;
            case List or Set:
                var (count, element) = ListHead();
                for (var i = 0; i < count; i++) SkipElement(element, depth + 1);
                break;
            case Map:
                var pairs = Length();
                if (pairs == 0) break;
                var types = Next();
                for (var i = 0; i < pairs; i++)
                {
                    SkipElement(types >> 4, depth + 1);
                    SkipElement(types & 0x0F, depth + 1);
                }
                break;
            case Struct:
                for (var id = 0; Field(ref id, out var inner);) Skip(inner, depth + 1);
                break;
            default: throw Fault($"has a field of unknown type {type}");
        }
    }

    /// <summary>A boolean stands in a field's head, but takes a byte as an element.</summary>
    private void SkipElement(int type, int depth)
    {
        if (type is True or False) Next();
        else Skip(type, depth);
    }

    private (int Count, int Element) ListHead()
    {
        var head = Next();
        var count = head >> 4;
        if (count == 15) count = Length();
        return count <= _bytes.Length - Position ? (count, head & 0x0F) : throw Fault($"claims a list of {count} elements");
    }

    private int Length() => Varint() is var length && length <= (ulong)(_bytes.Length - Position) ? (int)length : throw Fault($"claims {length} bytes where {_bytes.Length - Position} are left");

    private ulong Varint()
    {
        var result = 0UL;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var next = Next();
            result |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return result;
        }
        throw Fault("has a number without an end");
    }

    private static long ZigZag(ulong value) => (long)(value >> 1) ^ -(long)(value & 1);

    private void Step(int bytes) => Position = bytes <= _bytes.Length - Position ? Position + bytes : throw Fault("is truncated");

    private int Next() => Position < _bytes.Length ? _bytes[Position++] : throw Fault("is truncated");

    private static ProtocolFormatException Fault(string what) => new($"The Parquet metadata {what}.");
}
