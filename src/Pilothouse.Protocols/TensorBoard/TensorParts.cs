using System.Buffers.Binary;
using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>The fields of a <c>TensorProto</c>, found in place.</summary>
internal readonly ref struct TensorParts
{
    public TfDataType Type { get; private init; }

    /// <summary><c>TensorShapeProto</c>; empty = one element.</summary>
    public ReadOnlySpan<byte> Shape { get; private init; }

    /// <summary>All elements, raw; empty = they stand one by one.</summary>
    public ReadOnlySpan<byte> Content { get; private init; }

    /// <summary>The whole message, for the elements that stand one by one.</summary>
    public ReadOnlySpan<byte> Message { get; private init; }

    /// <summary>The number when the message holds exactly one float, which is what scalars are.</summary>
    public float? OneFloat { get; private init; }

    public static TensorParts Parse(ReadOnlySpan<byte> proto)
    {
        var type = TfDataType.Invalid;
        ReadOnlySpan<byte> shape = default, content = default;
        var (floats, value) = (0, 0f);
        var reader = new ProtoReader(proto);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Varint)) type = (TfDataType)(int)reader.Varint();
            else if (reader.Is(2, WireType.Length)) shape = TfMessage.Merge(shape, reader.Bytes());
            else if (reader.Is(4, WireType.Length)) content = reader.Bytes();
            else if (reader.Is(5, WireType.Fixed32)) (floats, value) = (floats + 1, reader.Float());
            else if (reader.Is(5, WireType.Length))
            {
                var packed = reader.Bytes();
                floats += packed.Length == 4 ? 1 : 2;
                if (packed.Length == 4) value = BinaryPrimitives.ReadSingleLittleEndian(packed);
            }
            else reader.Skip();
        }
        if (content.Length == 4 && type == TfDataType.Float) (floats, value) = (1, BinaryPrimitives.ReadSingleLittleEndian(content));
        return new TensorParts { Type = type, Shape = shape, Content = content, Message = proto, OneFloat = floats == 1 && (content.Length is 0 or 4) ? value : null };
    }

    /// <summary>True when the shape has one element: no dimensions, or only ones.</summary>
    public bool IsOneElement()
    {
        var reader = new ProtoReader(Shape);
        while (reader.Next())
        {
            if (reader.Is(2, WireType.Length))
            {
                if (Dimension(reader.Bytes()) != 1) return false;
            }
            else if (reader.Is(3, WireType.Varint) && reader.Varint() != 0) return false;
            else if (!reader.Is(3, WireType.Varint)) reader.Skip();
        }
        return true;
    }

    public long[] ReadShape(int maxRank)
    {
        var sizes = new List<long>();
        var reader = new ProtoReader(Shape);
        while (reader.Next())
        {
            if (reader.Is(2, WireType.Length))
            {
                if (sizes.Count == maxRank) throw new ProtocolFormatException($"The tensor has more than {maxRank} dimensions.");
                sizes.Add(Dimension(reader.Bytes()));
            }
            else if (reader.Is(3, WireType.Varint))
            {
                if (reader.Varint() != 0) throw new ProtocolFormatException("The tensor's rank is unknown.");
            }
            else reader.Skip();
        }
        return [.. sizes];
    }

    public List<byte[]> ReadStrings(int max)
    {
        var texts = new List<byte[]>();
        var reader = new ProtoReader(Message);
        while (reader.Next())
        {
            if (!reader.Is(8, WireType.Length))
            {
                reader.Skip();
                continue;
            }
            if (texts.Count == max) throw new ProtocolFormatException($"The tensor holds more than {max} texts.");
            texts.Add(reader.Bytes().ToArray());
        }
        return texts;
    }

    private static long Dimension(ReadOnlySpan<byte> message)
    {
        var size = 0L;
        var reader = new ProtoReader(message);
        while (reader.Next())
        {
            if (reader.Is(1, WireType.Varint)) size = (long)reader.Varint();
            else reader.Skip();
        }
        return size;
    }
}
