using System.Buffers.Binary;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Uploads;

/// <summary>Checksum of a part as the sender says it: <c>Content-Digest: crc32c=:wJk9bQ==:, sha-256=:...:</c> (RFC 9530); algorithms not known here are passed over, as it says.</summary>
internal sealed record PartChecksum(uint? Crc32c, byte[]? Sha256)
{
    private const int MaxLength = 1000;

    /// <exception cref="PilothouseException">InvalidArgument.</exception>
    public static PartChecksum? Parse(string? header)
    {
        if (string.IsNullOrEmpty(header)) return null;
        if (header.Length > MaxLength) throw Invalid(header[..50]);
        var found = new PartChecksum(null, null);
        foreach (var item in header.Split(',', StringSplitOptions.TrimEntries))
        {
            var cut = item.IndexOf('=', StringComparison.Ordinal);
            if (cut < 1 || item.Length < cut + 3 || item[cut + 1] != ':' || item[^1] != ':') throw Invalid(item);
            var bytes = new byte[64];
            if (!Convert.TryFromBase64String(item[(cut + 2)..^1], bytes, out var length)) throw Invalid(item);
            found = (item[..cut], length) switch
            {
                ("crc32c", 4) => found with { Crc32c = BinaryPrimitives.ReadUInt32BigEndian(bytes) },
                ("sha-256", 32) => found with { Sha256 = bytes[..32] },
                ("crc32c" or "sha-256", _) => throw Invalid(item),
                _ => found,
            };
        }
        return found;
    }

    /// <exception cref="PilothouseException">DigestMismatch.</exception>
    public void Check(int number, uint crc32c, byte[]? sha256)
    {
        if (Crc32c is { } crc && crc != crc32c) throw Mismatch(number, $"crc32c {crc32c:x8}, not {crc:x8}");
        if (Sha256 is not null && sha256 is not null && !Sha256.AsSpan().SequenceEqual(sha256)) throw Mismatch(number, $"SHA-256 {Convert.ToHexStringLower(sha256)}, not {Convert.ToHexStringLower(Sha256)}");
    }

    private static PilothouseException Mismatch(int number, string what) => new(ErrorCode.DigestMismatch, $"Part {number} has the checksum {what}: it was changed on the way. It was not kept; send it again.");

    private static PilothouseException Invalid(string item) => new(ErrorCode.InvalidArgument, $"The Content-Digest '{item}' is not ALGORITHM=:BASE64: of crc32c (4 bytes, most significant first) or sha-256.");
}
