using System.Buffers.Binary;
using Pilothouse.Protocols;

namespace Pilothouse.Datasets.Parquet;

/// <summary>Decoded values of a page or dictionary: numbers by their bits, texts as places in a buffer.</summary>
internal sealed class ParquetValues
{
    private const int Boolean = 0, Int32 = 1, Int64 = 2, Int96 = 3, Float = 4, Double = 5, ByteArray = 6, Fixed = 7;
    private const int Plain = 0, RunLength = 3, DeltaPacked = 5, DeltaLength = 6, DeltaBytes = 7, SplitStream = 9;

    /// <summary>Bytes of texts that prefixes may unfold to.</summary>
    private const int MaxUnfolded = 256 * 1024 * 1024;

    /// <summary>Of booleans, integers and, by their bits, floating point numbers.</summary>
    public long[] Numbers { get; private init; } = [];

    public byte[] Buffer { get; private init; } = [];

    public (int Start, int Length)[] Slices { get; private init; } = [];

    /// <param name="count">Values there are; held against a bound before.</param>
    public static ParquetValues Read(ref ByteCursor at, int type, int? fixedLength, int encoding, int count) => encoding switch
    {
        Plain => ReadPlain(ref at, type, fixedLength, count),
        RunLength when type == Boolean => Booleans(ref at, count),
        DeltaPacked when type is Int32 or Int64 => new ParquetValues { Numbers = Exactly(ParquetRuns.Delta(ref at, count), count) },
        DeltaLength when type == ByteArray => Lengths(ref at, count),
        DeltaBytes when type is ByteArray or Fixed => Prefixes(ref at, count),
        SplitStream when type is Int32 or Int64 or Float or Double or Fixed => Split(ref at, type, fixedLength, count),
        _ => throw new ProtocolFormatException($"A page of the Parquet file has the encoding {encoding} for values of type {type}, which is not read here."),
    };

    private static ParquetValues ReadPlain(ref ByteCursor at, int type, int? fixedLength, int count)
    {
        Room(ref at, type, fixedLength, count);
        switch (type)
        {
            case Boolean:
                var start = at.Take((count + 7) / 8);
                var bits = new long[count];
                for (var i = 0; i < count; i++) bits[i] = at.Bytes[start + i / 8] >> (i & 7) & 1;
                return new ParquetValues { Numbers = bits };
            case Int32 or Float or Int64 or Double:
                var numbers = new long[count];
                for (var i = 0; i < count; i++) numbers[i] = type is Int32 or Float ? at.Int32() : at.Int64();
                return new ParquetValues { Numbers = numbers };
            default:
                var slices = new (int, int)[count];
                for (var i = 0; i < count; i++)
                {
                    var length = type == ByteArray ? at.Int32() : type == Int96 ? 12 : fixedLength!.Value;
                    slices[i] = (at.Take(length), length);
                }
                return new ParquetValues { Buffer = at.Bytes, Slices = slices };
        }
    }

    /// <summary>Refuses a count that cannot be before anything is allocated for it.</summary>
    private static void Room(ref ByteCursor at, int type, int? fixedLength, int count)
    {
        if (type == Fixed && fixedLength is not > 0) throw new ProtocolFormatException("A Parquet column of fixed length does not say its length.");
        long bits = type switch { Boolean => 1, Int32 or Float or ByteArray => 32, Int64 or Double => 64, Int96 => 96, _ => fixedLength!.Value * 8L };
        if (count * bits > at.Left * 8L) throw ByteCursor.Fault();
    }

    private static ParquetValues Booleans(ref ByteCursor at, int count)
    {
        var length = at.Int32();
        var start = at.Take(length);
        var inner = new ByteCursor(at.Bytes, start, start + length);
        return new ParquetValues { Numbers = Array.ConvertAll(ParquetRuns.Hybrid(ref inner, 1, count), v => (long)v) };
    }

    private static ParquetValues Lengths(ref ByteCursor at, int count)
    {
        var lengths = Exactly(ParquetRuns.Delta(ref at, count), count);
        var slices = new (int, int)[count];
        for (var i = 0; i < count; i++)
        {
            if (lengths[i] < 0 || lengths[i] > at.Left) throw ByteCursor.Fault();
            slices[i] = (at.Take((int)lengths[i]), (int)lengths[i]);
        }
        return new ParquetValues { Buffer = at.Bytes, Slices = slices };
    }

    private static ParquetValues Prefixes(ref ByteCursor at, int count)
    {
        var shared = Exactly(ParquetRuns.Delta(ref at, count), count);
        var rest = Lengths(ref at, count);
        var slices = new (int Start, int Length)[count];
        using var buffer = new MemoryStream();
        for (var i = 0; i < count; i++)
        {
            var previous = i == 0 ? default : slices[i - 1];
            if (shared[i] < 0 || shared[i] > previous.Length || buffer.Length > MaxUnfolded) throw ByteCursor.Fault();
            slices[i] = ((int)buffer.Length, (int)shared[i] + rest.Slices[i].Length);
            if (shared[i] > 0) buffer.Write(buffer.GetBuffer().AsSpan(previous.Start, (int)shared[i]).ToArray());
            buffer.Write(rest.Buffer, rest.Slices[i].Start, rest.Slices[i].Length);
        }
        return new ParquetValues { Buffer = buffer.ToArray(), Slices = slices };
    }

    private static ParquetValues Split(ref ByteCursor at, int type, int? fixedLength, int count)
    {
        Room(ref at, type, fixedLength, count);
        var width = type is Int32 or Float ? 4 : type is Int64 or Double ? 8 : fixedLength!.Value;
        var start = at.Take(checked(width * count));
        var joined = new byte[width * count];
        for (var b = 0; b < width; b++)
            for (var i = 0; i < count; i++) joined[i * width + b] = at.Bytes[start + b * count + i];
        if (type == Fixed) return new ParquetValues { Buffer = joined, Slices = [.. Enumerable.Range(0, count).Select(i => (i * width, width))] };
        var numbers = new long[count];
        for (var i = 0; i < count; i++)
            numbers[i] = width == 4 ? BinaryPrimitives.ReadInt32LittleEndian(joined.AsSpan(i * 4)) : BinaryPrimitives.ReadInt64LittleEndian(joined.AsSpan(i * 8));
        return new ParquetValues { Numbers = numbers };
    }

    private static long[] Exactly(long[] values, int count) => values.Length == count ? values : throw ByteCursor.Fault();
}
