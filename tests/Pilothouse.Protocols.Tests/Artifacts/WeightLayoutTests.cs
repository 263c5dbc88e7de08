using System.Buffers.Binary;
using CsCheck;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Testing;

namespace Pilothouse.Protocols.Tests.Artifacts;

public sealed class WeightLayoutTests
{
    private static readonly Gen<List<(string Name, int Length, int Seed)>> Tensors =
        Gen.Select(Gen.Int[0, 600_000], Gen.Int[0, 5]).List[1, 40].Select(list => list.Select((t, i) => ($"t{i}", t.Item1, t.Item2)).ToList());

    [Fact]
    public void Parts_cover_the_file_without_gap_and_cut_only_at_tensors() => Tensors.Sample(tensors =>
    {
        foreach (var file in (byte[][])[WeightFiles.Safetensors(tensors), WeightFiles.Gguf(tensors)])
        {
            var layout = Read(file);
            Assert.NotNull(layout);
            var starts = layout.Tensors.Select(t => t.Offset).ToHashSet();
            var end = 0L;
            foreach (var part in layout.Parts)
            {
                Assert.Equal(end, part.Offset);
                Assert.True(part.Length > 0);
                Assert.True(part.Offset == 0 || starts.Contains(part.Offset));
                end += part.Length;
            }
            Assert.Equal(file.Length, end);
        }
    }, iter: 30);

    [Fact]
    public void What_a_header_says_never_harms()
    {
        // Any bytes of the header changed: either it still holds, and the parts cover the file, or it is a file like any other.
        var files = new[] { WeightFiles.Safetensors([("a", 3000, 1), ("b", 500_000, 2)]), WeightFiles.Gguf([("a", 3000, 1), ("b", 500_000, 2)]) };
        Gen.Select(Gen.Int[0, 1], Gen.Select(Gen.Int[0, 200], Gen.Byte).List[1, 6], Gen.Int[0, 400_000]).Sample(t =>
        {
            var file = files[t.Item1][..^t.Item3];
            foreach (var (at, value) in t.Item2) file[at] = value;
            Covers(file);
        }, iter: 3000);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(7UL)]
    [InlineData(100_000_001UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData(long.MaxValue)]
    public void A_length_that_cannot_be_is_no_weight_file(ulong length)
    {
        var file = WeightFiles.Safetensors([("a", 3000, 1)]);
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        Covers(file);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[2],"data_offsets":[6,8]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[-8],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,9223372036854775807]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[8,0]}}""")]
    [InlineData("""{"a":{"dtype":"Q9","shape":[8],"data_offsets":[0,8]}}""")]
    [InlineData("""{"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},"a":{"dtype":"U8","shape":[8],"data_offsets":[0,8]}}""")]
    [InlineData("""{"__metadata__":5}""")]
    [InlineData("""{"a":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}""")]
    [InlineData("{}")]
    public void Overlaps_holes_and_huge_counts_are_no_weight_file(string header)
    {
        var json = System.Text.Encoding.UTF8.GetBytes(header);
        var file = new byte[8 + json.Length + 8];
        BinaryPrimitives.WriteInt64LittleEndian(file, json.Length);
        json.CopyTo(file, 8);
        Assert.Null(Read(file));
    }

    [Fact]
    public void A_gguf_that_claims_billions_of_tensors_is_refused_before_memory_is_taken()
    {
        var file = WeightFiles.Gguf([("a", 3000, 1)]);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(8), 1_000_000_000_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Null(Read(file));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2_000_000);
    }

    private static WeightLayout? Read(byte[] file) => WeightLayout.TryReadAsync(new MemoryStream(file), default).GetAwaiter().GetResult();

    private static void Covers(byte[] file)
    {
        if (Read(file) is not { } layout) return;
        Assert.Equal(file.Length, layout.Parts.Sum(p => p.Length));
        Assert.All(layout.Tensors, t => Assert.InRange(t.Offset + t.Length, 0, file.Length));
    }
}
