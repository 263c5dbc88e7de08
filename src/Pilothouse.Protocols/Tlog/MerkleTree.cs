using System.Numerics;
using System.Security.Cryptography;

namespace Pilothouse.Protocols.Tlog;

/// <summary>The hash tree of RFC 6962: roots, proofs and their verification. Hashes are 32 bytes of SHA-256.</summary>
public static class MerkleTree
{
    public const int HashSize = SHA256.HashSizeInBytes;

    /// <summary>Root of the tree without leaves: SHA-256 of nothing.</summary>
    public static byte[] EmptyRoot { get; } = SHA256.HashData([]);

    /// <summary><c>SHA-256(0x00 || data)</c></summary>
    public static byte[] LeafHash(ReadOnlySpan<byte> data) => Hash(0, data, []);

    /// <summary><c>SHA-256(0x01 || left || right)</c></summary>
    public static byte[] NodeHash(ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) => Hash(1, left, right);

    /// <summary>Root over leaf hashes.</summary>
    public static byte[] Root(ReadOnlySpan<byte[]> leafHashes) => leafHashes.Length switch
    {
        0 => EmptyRoot,
        1 => leafHashes[0],
        var n => NodeHash(Root(leafHashes[..Split(n)]), Root(leafHashes[Split(n)..])),
    };

    /// <summary>Proof that the leaf with this index is in the tree over all the leaf hashes.</summary>
    public static IReadOnlyList<byte[]> InclusionProof(int index, ReadOnlySpan<byte[]> leafHashes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, leafHashes.Length);
        if (leafHashes.Length == 1)
            return [];
        var k = Split(leafHashes.Length);
        return index < k
            ? [.. InclusionProof(index, leafHashes[..k]), Root(leafHashes[k..])]
            : [.. InclusionProof(index - k, leafHashes[k..]), Root(leafHashes[..k])];
    }

    /// <summary>Proof that the tree over the first <paramref name="oldSize"/> leaf hashes is a prefix of the tree over all of them.</summary>
    public static IReadOnlyList<byte[]> ConsistencyProof(int oldSize, ReadOnlySpan<byte[]> leafHashes)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(oldSize);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(oldSize, leafHashes.Length);
        return SubProof(oldSize, leafHashes, isWhole: true);
    }

    /// <summary>RFC 9162, 2.1.3.2. False for anything malformed.</summary>
    /// <param name="index">Index of the leaf, from 0.</param>
    /// <param name="size">Leaves of the tree.</param>
    public static bool VerifyInclusion(long index, long size, ReadOnlySpan<byte> leafHash, IReadOnlyList<byte[]> proof, ReadOnlySpan<byte> root)
    {
        if (index < 0 || index >= size || leafHash.Length != HashSize || root.Length != HashSize || !AreHashes(proof))
            return false;
        var (fn, sn) = (index, size - 1);
        var r = leafHash.ToArray();
        foreach (var p in proof)
        {
            if (sn == 0)
                return false;
            if ((fn & 1) == 1 || fn == sn)
            {
                r = NodeHash(p, r);
                while ((fn & 1) == 0 && fn != 0)
                    (fn, sn) = (fn >> 1, sn >> 1);
            }
            else
            {
                r = NodeHash(r, p);
            }

            (fn, sn) = (fn >> 1, sn >> 1);
        }

        return sn == 0 && root.SequenceEqual(r);
    }

    /// <summary>RFC 9162, 2.1.4.2. False for anything malformed, and for an old size of 0, which would prove nothing.</summary>
    public static bool VerifyConsistency(long oldSize, long newSize, ReadOnlySpan<byte> oldRoot, ReadOnlySpan<byte> newRoot, IReadOnlyList<byte[]> proof)
    {
        if (oldSize <= 0 || oldSize > newSize || oldRoot.Length != HashSize || newRoot.Length != HashSize || !AreHashes(proof))
            return false;
        if (oldSize == newSize)
            return proof.Count == 0 && oldRoot.SequenceEqual(newRoot);
        var path = BitOperations.IsPow2(oldSize) ? [oldRoot.ToArray(), .. proof] : proof;
        if (path.Count == 0)
            return false;
        var (fn, sn) = (oldSize - 1, newSize - 1);
        while ((fn & 1) == 1)
            (fn, sn) = (fn >> 1, sn >> 1);
        var (fr, sr) = (path[0], path[0]);
        foreach (var c in path.Skip(1))
        {
            if (sn == 0)
                return false;
            if ((fn & 1) == 1 || fn == sn)
            {
                (fr, sr) = (NodeHash(c, fr), NodeHash(c, sr));
                while ((fn & 1) == 0 && fn != 0)
                    (fn, sn) = (fn >> 1, sn >> 1);
            }
            else
            {
                sr = NodeHash(sr, c);
            }

            (fn, sn) = (fn >> 1, sn >> 1);
        }

        return sn == 0 && oldRoot.SequenceEqual(fr) && newRoot.SequenceEqual(sr);
    }

    private static List<byte[]> SubProof(int m, ReadOnlySpan<byte[]> leaves, bool isWhole)
    {
        if (m == leaves.Length)
            return isWhole ? [] : [Root(leaves)];
        var k = Split(leaves.Length);
        return m <= k
            ? [.. SubProof(m, leaves[..k], isWhole), Root(leaves[k..])]
            : [.. SubProof(m - k, leaves[k..], isWhole: false), Root(leaves[..k])];
    }

    /// <summary>The largest power of two smaller than n.</summary>
    private static int Split(int n) => 1 << BitOperations.Log2((uint)(n - 1));

    // A proof of a tree of 2^63 leaves has 64 hashes.
    private static bool AreHashes(IReadOnlyList<byte[]> proof) => proof.Count <= 65 && proof.All(p => p is { Length: HashSize });

    private static byte[] Hash(byte prefix, ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData([prefix]);
        sha.AppendData(a);
        sha.AppendData(b);
        return sha.GetHashAndReset();
    }
}
