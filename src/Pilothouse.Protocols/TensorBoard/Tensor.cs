using System.Buffers.Binary;
using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>A decoded tensor: numbers as doubles (complex ones as pairs), texts as bytes, row by row.</summary>
/// <param name="Numbers">Null for <see cref="TfDataType.String"/>. 64-bit integers beyond 2^53 lose their last digits.</param>
/// <param name="Strings">Null for all other types.</param>
public sealed record Tensor(TfDataType Type, IReadOnlyList<long> Shape, double[]? Numbers, byte[][]? Strings)
{
    /// <summary>Elements of a tensor that is decoded; larger ones stay as they are.</summary>
    public const int MaxElements = 4 * 1024 * 1024;

    private const int MaxRank = 254; // TensorFlow's limit

    public static Tensor Of(IReadOnlyList<long> shape, params byte[][] strings) => new(TfDataType.String, shape, null, strings);

    /// <summary>Decodes a <c>TensorProto</c>. Missing elements repeat the last one, as in TensorFlow.</summary>
    /// <exception cref="ProtocolFormatException">It is no tensor, of a type that is not decoded, or its content contradicts its shape.</exception>
    public static Tensor Decode(ReadOnlySpan<byte> proto)
    {
        var parts = TensorParts.Parse(proto);
        var shape = parts.ReadShape(MaxRank);
        var count = Count(shape);
        if (parts.Type == TfDataType.String) return new Tensor(parts.Type, shape, null, ReadStrings(parts, count));
        var size = TfDataTypes.SizeOf(parts.Type);
        if (size == 0) throw new ProtocolFormatException($"Tensors of type {parts.Type.NameOf()} are not decoded.");
        return new Tensor(parts.Type, shape, parts.Content.IsEmpty ? FromList(parts, count) : FromContent(parts, count, size), null);
    }

    /// <summary>The only element of a tensor that has one number, without allocating.</summary>
    /// <param name="fault">Why there is none.</param>
    internal static bool TryScalar(ReadOnlySpan<byte> proto, out double value, out string fault)
    {
        (value, fault) = (0, "");
        var parts = TensorParts.Parse(proto);
        if (!parts.IsOneElement())
            fault = "is a tensor of more or less than one element";
        else if (parts.Type == TfDataType.Float && parts.OneFloat is { } number)
        {
            value = number;
            return true;
        }
        else if (parts.Type is TfDataType.String or TfDataType.Complex64 or TfDataType.Complex128 || TfDataTypes.SizeOf(parts.Type) == 0)
            fault = $"has the type {parts.Type.NameOf()}, which is no number";
        else
        {
            value = Decode(proto).Numbers![0];
            return true;
        }
        return false;
    }

    /// <summary>As a <c>TensorProto</c>; numbers are written as <see cref="Type"/>, which is float or double.</summary>
    public byte[] Encode()
    {
        var writer = new ProtoWriter().Varint(1, (ulong)Type);
        var dimensions = new ProtoWriter();
        foreach (var size in Shape) dimensions.Bytes(2, size == 0 ? [] : new ProtoWriter().Varint(1, (ulong)size).ToArray());
        writer.Bytes(2, dimensions.ToArray());
        foreach (var text in Strings ?? []) writer.Bytes(8, text);
        if (Numbers is not { Length: > 0 } numbers) return writer.ToArray();
        var wide = Type == TfDataType.Double;
        var content = new byte[numbers.Length * (wide ? 8 : 4)];
        for (var i = 0; i < numbers.Length; i++)
        {
            if (wide) BinaryPrimitives.WriteDoubleLittleEndian(content.AsSpan(i * 8), numbers[i]);
            else BinaryPrimitives.WriteSingleLittleEndian(content.AsSpan(i * 4), (float)numbers[i]);
        }
        return writer.Bytes(4, content).ToArray();
    }

    private static int Count(long[] shape)
    {
        UInt128 count = 1;
        foreach (var size in shape)
        {
            if (size < 0) throw new ProtocolFormatException("The tensor has a dimension of unknown or negative size.");
            count *= (ulong)size;
            if (count > ulong.MaxValue) count = ulong.MaxValue;
        }
        if (shape.Contains(0)) return 0;
        return count <= MaxElements ? (int)count : throw new ProtocolFormatException($"The tensor says it has {count} elements; up to {MaxElements} are decoded.");
    }

    private static double[] FromContent(TensorParts parts, int count, int size)
    {
        if (parts.Content.Length != (long)count * size)
            throw new ProtocolFormatException($"The tensor's shape asks for {count} elements of {size} bytes, but it holds {parts.Content.Length} bytes.");
        return TensorElements.FromContent(parts.Type, parts.Content, count);
    }

    private static double[] FromList(TensorParts parts, int count)
    {
        var perElement = parts.Type is TfDataType.Complex64 or TfDataType.Complex128 ? 2 : 1;
        var list = TensorElements.FromList(parts, MaxElements * perElement);
        if (list.Count > (long)count * perElement) throw new ProtocolFormatException($"The tensor's shape asks for {count} elements, but it holds {list.Count / perElement}.");
        var numbers = new double[count * perElement];
        list.CopyTo(numbers);
        if (list.Count >= perElement)
            for (var i = list.Count; i < numbers.Length; i++) numbers[i] = numbers[i - perElement];
        return numbers;
    }

    private static byte[][] ReadStrings(TensorParts parts, int count)
    {
        var texts = parts.ReadStrings(MaxElements);
        if (texts.Count > count) throw new ProtocolFormatException($"The tensor's shape asks for {count} texts, but it holds {texts.Count}.");
        // A text repeated a million times is one text in memory.
        var last = texts.Count > 0 ? texts[^1] : [];
        while (texts.Count < count) texts.Add(last);
        return [.. texts];
    }
}
