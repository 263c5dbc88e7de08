using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace Pilothouse.Protocols.TensorBoard;

/// <summary>CRC-32C (Castagnoli), by the processor's own instruction where there is one, and the mask TFRecord puts over it.</summary>
public static class Crc32C
{
    public static uint Compute(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>Goes on from the checksum of what came before; 0 at the beginning.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        crc = ~crc;
        if (BitConverter.IsLittleEndian)
        {
            var words = MemoryMarshal.Cast<byte, ulong>(data);
            foreach (var word in words) crc = BitOperations.Crc32C(crc, word);
            data = data[(words.Length * 8)..];
        }
        if (data.Length >= 4 && BitConverter.IsLittleEndian)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt32LittleEndian(data));
            data = data[4..];
        }
        foreach (var b in data) crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }

    /// <summary>The checksum as TFRecord stores it: a checksum over data that holds checksums would be weak.</summary>
    public static uint Masked(ReadOnlySpan<byte> data)
    {
        var crc = Compute(data);
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
    }
}
