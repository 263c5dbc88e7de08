using System.Buffers.Binary;
using Pilothouse.Protocols;

namespace Pilothouse.Datasets.Parquet;

/// <summary>Reads forward in a page; every length is held against what is left.</summary>
internal struct ByteCursor(byte[] bytes, int start, int end)
{
    public int Position { get; private set; } = start;

    public readonly int Left => end - Position;

    public readonly byte[] Bytes => bytes;

    public int Byte() => Position < end ? bytes[Position++] : throw Fault();

    /// <summary>Moves over bytes and returns where they begin.</summary>
    public int Take(int count)
    {
        if (count < 0 || count > end - Position) throw Fault();
        Position += count;
        return Position - count;
    }

    public int Int32() => BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(Take(4)));

    public long Int64() => BinaryPrimitives.ReadInt64LittleEndian(bytes.AsSpan(Take(8)));

    /// <summary>Unsigned LEB128.</summary>
    public ulong Varint()
    {
        var result = 0UL;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var next = Byte();
            result |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return result;
        }
        throw Fault();
    }

    public int Count(int max) => Varint() is var value && value <= (ulong)max ? (int)value : throw Fault();

    public long ZigZag() => Varint() is var value ? (long)(value >> 1) ^ -(long)(value & 1) : 0;

    public static ProtocolFormatException Fault() => new("A page of the Parquet file is damaged: its values do not fit in it.");
}
