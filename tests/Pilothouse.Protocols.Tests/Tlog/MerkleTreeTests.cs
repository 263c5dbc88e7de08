using CsCheck;
using Pilothouse.Protocols.Tlog;

namespace Pilothouse.Protocols.Tests.Tlog;

public sealed class MerkleTreeTests
{
    // The eight leaves that Certificate Transparency's own tests use.
    private static readonly byte[][] Leaves =
        [.. new[] { "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f" }.Select(h => MerkleTree.LeafHash(Convert.FromHexString(h)))];

    private static readonly Gen<byte[][]> Tree = Gen.Byte.Array[0, 4].Array[1, 40].Select(leaves => leaves.Select(l => MerkleTree.LeafHash(l)).ToArray());

    [Fact]
    public void Known_leaves_have_the_known_root()
    {
        Assert.Equal("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328", Convert.ToHexStringLower(MerkleTree.Root(Leaves)));
        Assert.Equal("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", Convert.ToHexStringLower(MerkleTree.Root([])));
    }

    [Fact]
    public void Inclusion_proofs_verify_and_say_nothing_else() => Gen.Select(Tree, Gen.Int[0, 1000], Gen.Int[0, 255]).Sample((leaves, i, flip) =>
    {
        var index = i % leaves.Length;
        var root = MerkleTree.Root(leaves);
        var proof = MerkleTree.InclusionProof(index, leaves);

        Assert.True(MerkleTree.VerifyInclusion(index, leaves.Length, leaves[index], proof, root));
        Assert.False(MerkleTree.VerifyInclusion(index, leaves.Length, Flip(leaves[index], flip), proof, root));
        Assert.False(MerkleTree.VerifyInclusion(index, leaves.Length, leaves[index], proof, Flip(root, flip)));
        Assert.False(MerkleTree.VerifyInclusion(index, leaves.Length, leaves[index], [.. proof, root], root));
        Assert.False(MerkleTree.VerifyInclusion(leaves.Length, leaves.Length, leaves[index], proof, root));
    });

    [Fact]
    public void Consistency_proofs_verify_and_say_nothing_else() => Gen.Select(Tree, Gen.Int[0, 1000], Gen.Int[0, 255]).Sample((leaves, i, flip) =>
    {
        var oldSize = 1 + (i % leaves.Length);
        var (oldRoot, newRoot) = (MerkleTree.Root(leaves.AsSpan(0, oldSize)), MerkleTree.Root(leaves));
        var proof = MerkleTree.ConsistencyProof(oldSize, leaves);

        Assert.True(MerkleTree.VerifyConsistency(oldSize, leaves.Length, oldRoot, newRoot, proof));
        Assert.False(MerkleTree.VerifyConsistency(oldSize, leaves.Length, Flip(oldRoot, flip), newRoot, proof));
        Assert.False(MerkleTree.VerifyConsistency(oldSize, leaves.Length, oldRoot, Flip(newRoot, flip), proof));
        Assert.False(MerkleTree.VerifyConsistency(0, leaves.Length, oldRoot, newRoot, proof));
        Assert.False(MerkleTree.VerifyConsistency(leaves.Length + 1, leaves.Length, oldRoot, newRoot, proof));
    });

    [Fact]
    public void Malformed_proofs_are_false() => Gen.Select(Gen.Long, Gen.Long, Gen.Byte.Array[0, 33].Array[0, 70]).Sample((a, b, proof) =>
    {
        Assert.False(MerkleTree.VerifyInclusion(a, b, new byte[31], proof, new byte[32]));
        Assert.False(MerkleTree.VerifyInclusion(a, b, new byte[32], proof, MerkleTree.EmptyRoot));
        Assert.False(MerkleTree.VerifyConsistency(a, b == a ? b + 1 : b, new byte[32], new byte[32], proof));
    });

    private static byte[] Flip(byte[] hash, int bit)
    {
        var flipped = (byte[])hash.Clone();
        flipped[bit / 8] ^= (byte)(1 << (bit % 8));
        return flipped;
    }
}
