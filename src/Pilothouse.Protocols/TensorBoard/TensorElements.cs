using System.Buffers.Binary;
using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>Elements of tensors as doubles.</summary>
internal static class TensorElements
{
    public static double[] FromContent(TfDataType type, ReadOnlySpan<byte> content, int count)
    {
        var complex = type is TfDataType.Complex64 or TfDataType.Complex128;
        var values = new double[complex ? count * 2 : count];
        var size = TfDataTypes.SizeOf(type) / (complex ? 2 : 1);
        for (var i = 0; i < values.Length; i++)
        {
            var at = content[(i * size)..];
            values[i] = type switch
            {
                TfDataType.Float or TfDataType.Complex64 => BinaryPrimitives.ReadSingleLittleEndian(at),
                TfDataType.Double or TfDataType.Complex128 => BinaryPrimitives.ReadDoubleLittleEndian(at),
                TfDataType.Int64 => BinaryPrimitives.ReadInt64LittleEndian(at),
                TfDataType.UInt64 => BinaryPrimitives.ReadUInt64LittleEndian(at),
                TfDataType.UInt32 => BinaryPrimitives.ReadUInt32LittleEndian(at),
                TfDataType.Half or TfDataType.BFloat16 => Small(type, BinaryPrimitives.ReadUInt16LittleEndian(at)),
                _ => size switch
                {
                    4 => Small(type, BinaryPrimitives.ReadInt32LittleEndian(at)),
                    2 => Small(type, BinaryPrimitives.ReadInt16LittleEndian(at)),
                    _ => Small(type, at[0]),
                },
            };
        }
        return values;
    }

    /// <summary>The elements that stand one by one, packed or not.</summary>
    public static List<double> FromList(TensorParts parts, int max)
    {
        var values = new List<double>();
        var field = TfDataTypes.FieldOf(parts.Type);
        var wire = parts.Type switch
        {
            TfDataType.Float or TfDataType.Complex64 => WireType.Fixed32,
            TfDataType.Double or TfDataType.Complex128 => WireType.Fixed64,
            _ => WireType.Varint,
        };
        var reader = new ProtoReader(parts.Message);
        while (reader.Next())
        {
            if (reader.Is(field, wire)) values.Add(One(ref reader, parts.Type, wire));
            else if (reader.Is(field, WireType.Length))
            {
                var packed = new ProtoReader(reader.Bytes());
                while (!packed.AtEnd)
                {
                    if (values.Count >= max) throw TooMany(max);
                    values.Add(One(ref packed, parts.Type, wire));
                }
            }
            else reader.Skip();
            if (values.Count > max) throw TooMany(max);
        }
        return values;
    }

    private static double One(ref ProtoReader reader, TfDataType type, WireType wire) => wire switch
    {
        WireType.Fixed32 => reader.Float(),
        WireType.Fixed64 => reader.Double(),
        _ => type switch
        {
            TfDataType.Int64 => (long)reader.Varint(),
            TfDataType.UInt64 => reader.Varint(),
            TfDataType.UInt32 => (uint)reader.Varint(),
            TfDataType.Bool => reader.Varint() != 0 ? 1 : 0,
            _ => Small(type, (int)reader.Varint()),
        },
    };

    /// <summary>An element of at most 32 bits, which <c>int_val</c> and <c>half_val</c> hold in an int.</summary>
    private static double Small(TfDataType type, int value) => type switch
    {
        TfDataType.UInt8 or TfDataType.QUInt8 => (byte)value,
        TfDataType.Int8 or TfDataType.QInt8 => (sbyte)value,
        TfDataType.UInt16 or TfDataType.QUInt16 => (ushort)value,
        TfDataType.Int16 or TfDataType.QInt16 => (short)value,
        TfDataType.Half => (double)BitConverter.UInt16BitsToHalf((ushort)value),
        TfDataType.BFloat16 => BitConverter.Int32BitsToSingle(value << 16),
        TfDataType.Bool => value != 0 ? 1 : 0,
        _ => value,
    };

    private static ProtocolFormatException TooMany(int max) => new($"The tensor holds more than {max} elements.");
}
