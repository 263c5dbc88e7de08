using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Pilothouse.Protocols.Audit;

/// <summary>One entry of the audit log as it is hashed.</summary>
/// <param name="Index">0-based position.</param>
/// <param name="Details">JSON text, hashed byte by byte as stored.</param>
public sealed record AuditRecord(long Index, long TimeMs, string Actor, string Action, string Subject, string Details);

/// <summary>An entry with the hashes that were stored for it.</summary>
public sealed record ChainedRecord(AuditRecord Record, string LeafHash, string Hash);

/// <summary>First thing found wrong in a log.</summary>
public sealed record ChainFault(long Index, string Message);

/// <summary>
/// The hash chain of the audit log. Canonical form of an entry: its fields in order, integers as 8 bytes big-endian, texts as 4-byte
/// big-endian length + UTF-8. <c>leaf = SHA-256(0x00 || canonical)</c>, the leaf hash of RFC 6962 §2.1 (so that a Merkle tree can be built over
/// the same leaves); <c>hash[i] = SHA-256(hash[i-1] || leaf[i])</c> with <c>hash[-1]</c> = 32 zero bytes.
/// </summary>
public static class AuditChain
{
    /// <summary>Lower-case hex.</summary>
    public static string LeafHash(AuditRecord record)
    {
        using var canonical = new MemoryStream();
        canonical.WriteByte(0);
        Integer(canonical, record.Index);
        Integer(canonical, record.TimeMs);
        foreach (var text in (string[])[record.Actor, record.Action, record.Subject, record.Details]) Text(canonical, text);
        return Convert.ToHexStringLower(SHA256.HashData(canonical.ToArray()));
    }

    /// <param name="previous">Hash of the entry before, or empty for the first.</param>
    public static string Next(string previous, string leaf)
    {
        Span<byte> both = stackalloc byte[64];
        both.Clear();
        if (previous.Length > 0) Convert.FromHexString(previous, both[..32], out _, out _);
        Convert.FromHexString(leaf, both[32..], out _, out _);
        return Convert.ToHexStringLower(SHA256.HashData(both));
    }

    /// <summary>Verifies entries in order, continuing from a known hash.</summary>
    /// <returns>The first fault, or null and the hash of the last entry.</returns>
    public static (ChainFault? Fault, string Head) Verify(IEnumerable<ChainedRecord> entries, long firstIndex = 0, string previous = "")
    {
        var expected = firstIndex;
        foreach (var (record, storedLeaf, storedHash) in entries)
        {
            if (record.Index != expected) return (new ChainFault(expected, $"entry {expected} is missing (found {record.Index})"), previous);
            var leaf = LeafHash(record);
            if (leaf != storedLeaf) return (new ChainFault(expected, $"entry {expected} was changed: its content hashes to {leaf[..16]}..., the log says {Short(storedLeaf)}..."), previous);
            var hash = Next(previous, leaf);
            if (hash != storedHash) return (new ChainFault(expected, $"the chain breaks at entry {expected}: {hash[..16]}... was expected, the log says {Short(storedHash)}..."), previous);
            previous = hash;
            expected++;
        }
        return (null, previous);

        static string Short(string hash) => hash[..Math.Min(16, hash.Length)];
    }

    private static void Integer(Stream stream, long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(bytes, value);
        stream.Write(bytes);
    }

    private static void Text(Stream stream, string value)
    {
        var utf8 = Encoding.UTF8.GetBytes(value);
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(length, utf8.Length);
        stream.Write(length);
        stream.Write(utf8);
    }
}
