using System.Buffers.Binary;
using System.Text;

namespace Pilothouse.Protocols.Artifacts;

/// <summary>Reads GGUF's primitive values. Lists grow with what was really read, so a huge claimed count costs nothing.</summary>
internal sealed class GgufCursor(Stream stream)
{
    private const int MaxText = 16 * 1024 * 1024;
    private const int MaxArrayDepth = 4;
    private const int MaxElements = 8_000_000;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly byte[] _buffer = new byte[1 << 16];
    private readonly byte[] _scratch = new byte[8];
    private readonly long _length = stream.Length - stream.Position;
    private int _start;
    private int _end;
    private int _elements;

    public long Position { get; private set; }

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Bytes(4));

    public ulong UInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Bytes(8));

    public long Long(string what)
    {
        var value = UInt64();
        return value <= long.MaxValue ? (long)value : throw new ProtocolFormatException($"A GGUF {what} of {value} is impossible.");
    }

    public int Count(int max, string what)
    {
        var value = UInt64();
        return value <= (ulong)max ? (int)value : throw new ProtocolFormatException($"The GGUF file claims {value} {what}, more than {max}.");
    }

    public string Text()
    {
        var length = UInt64();
        if (length > MaxText)
            throw new ProtocolFormatException($"The GGUF file claims a text of {length} bytes, more than {MaxText}.");
        if ((long)length > _length - Position)
            throw Truncated();
        var bytes = new byte[length];
        ReadFully(bytes);
        try
        {
            return Strict.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            // Byte-level vocabularies written by older converters hold raw bytes.
            return Encoding.Latin1.GetString(bytes);
        }
    }

    public object Value() => Value(UInt32(), 0);

    private object Value(uint type, int depth) => type switch
    {
        0 => (long)Bytes(1)[0],
        1 => (long)(sbyte)Bytes(1)[0],
        2 => (long)BinaryPrimitives.ReadUInt16LittleEndian(Bytes(2)),
        3 => (long)BinaryPrimitives.ReadInt16LittleEndian(Bytes(2)),
        4 => (long)UInt32(),
        5 => (long)BinaryPrimitives.ReadInt32LittleEndian(Bytes(4)),
        6 => (double)BinaryPrimitives.ReadSingleLittleEndian(Bytes(4)),
        7 => Bytes(1)[0] switch
        {
            0 => false,
            1 => true,
            var b => throw new ProtocolFormatException($"A GGUF boolean of {b} is neither 0 nor 1."),
        },
        8 => Text(),
        9 => Array(depth + 1),
        10 => UInt64() is var u && u <= long.MaxValue ? (long)u : u,
        11 => BinaryPrimitives.ReadInt64LittleEndian(Bytes(8)),
        12 => BinaryPrimitives.ReadDoubleLittleEndian(Bytes(8)),
        _ => throw new ProtocolFormatException($"The GGUF value type {type} does not exist."),
    };

    private List<object> Array(int depth)
    {
        if (depth > MaxArrayDepth)
            throw new ProtocolFormatException($"GGUF arrays are nested deeper than {MaxArrayDepth}.");
        var type = UInt32();
        var count = UInt64();
        var values = new List<object>();
        for (var i = 0UL; i < count; i++)
        {
            if (++_elements > MaxElements)
                throw new ProtocolFormatException($"The GGUF metadata holds more than {MaxElements} array elements.");
            values.Add(Value(type, depth));
        }

        return values;
    }

    private ReadOnlySpan<byte> Bytes(int count)
    {
        ReadFully(_scratch.AsSpan(0, count));
        return _scratch.AsSpan(0, count);
    }

    private void ReadFully(Span<byte> into)
    {
        for (var done = 0; done < into.Length;)
        {
            if (_start == _end)
            {
                _start = 0;
                _end = stream.Read(_buffer);
                if (_end == 0)
                    throw Truncated();
            }

            var count = Math.Min(_end - _start, into.Length - done);
            _buffer.AsSpan(_start, count).CopyTo(into[done..]);
            _start += count;
            done += count;
        }

        Position += into.Length;
    }

    private ProtocolFormatException Truncated() => new($"The GGUF file ends at byte {Position}, in the middle of its header: it is truncated.");
}

/// <summary>Size of a block of elements of a GGML type.</summary>
internal sealed record GgmlType(string Name, int BlockElements, int BlockBytes)
{
    private static readonly Dictionary<uint, GgmlType> Known = new()
    {
        [0] = new("F32", 1, 4),
        [1] = new("F16", 1, 2),
        [2] = new("Q4_0", 32, 18),
        [3] = new("Q4_1", 32, 20),
        [6] = new("Q5_0", 32, 22),
        [7] = new("Q5_1", 32, 24),
        [8] = new("Q8_0", 32, 34),
        [9] = new("Q8_1", 32, 36),
        [10] = new("Q2_K", 256, 84),
        [11] = new("Q3_K", 256, 110),
        [12] = new("Q4_K", 256, 144),
        [13] = new("Q5_K", 256, 176),
        [14] = new("Q6_K", 256, 210),
        [15] = new("Q8_K", 256, 292),
        [16] = new("IQ2_XXS", 256, 66),
        [17] = new("IQ2_XS", 256, 74),
        [18] = new("IQ3_XXS", 256, 98),
        [19] = new("IQ1_S", 256, 50),
        [20] = new("IQ4_NL", 32, 18),
        [21] = new("IQ3_S", 256, 110),
        [22] = new("IQ2_S", 256, 82),
        [23] = new("IQ4_XS", 256, 136),
        [24] = new("I8", 1, 1),
        [25] = new("I16", 1, 2),
        [26] = new("I32", 1, 4),
        [27] = new("I64", 1, 8),
        [28] = new("F64", 1, 8),
        [29] = new("IQ1_M", 256, 56),
        [30] = new("BF16", 1, 2),
        [34] = new("TQ1_0", 256, 54),
        [35] = new("TQ2_0", 256, 66),
        [39] = new("MXFP4", 32, 17),
    };

    /// <returns>The type, or null for an id that is not known here.</returns>
    public static GgmlType? Find(uint id) => Known.GetValueOrDefault(id);
}
