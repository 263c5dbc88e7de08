using System.Buffers.Binary;
using System.Globalization;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Workspace;

/// <summary>A SHA-256 in 32 bytes: hundreds of thousands of them are compared and kept.</summary>
internal readonly record struct Hash32(UInt128 High, UInt128 Low)
{
    public static Hash32 Of(Digest digest) => new(UInt128.Parse(digest.Hex.AsSpan(0, 32), NumberStyles.HexNumber, CultureInfo.InvariantCulture), UInt128.Parse(digest.Hex.AsSpan(32), NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    public static Hash32 Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes), BinaryPrimitives.ReadUInt128BigEndian(bytes[16..]));

    public Digest ToDigest()
    {
        Span<byte> bytes = stackalloc byte[32];
        Write(bytes);
        return Digest.FromHash(bytes);
    }

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt128BigEndian(bytes, High);
        BinaryPrimitives.WriteUInt128BigEndian(bytes[16..], Low);
    }
}
