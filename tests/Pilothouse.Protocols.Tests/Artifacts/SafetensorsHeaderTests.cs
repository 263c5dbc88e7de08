using System.Buffers.Binary;
using System.Text;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Protocols.Tests.Artifacts;

public sealed class SafetensorsHeaderTests
{
    private const string TwoTensors = """{"__metadata__":{"format":"pt"},"b":{"dtype":"BF16","shape":[3],"data_offsets":[16,22]},"a":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}   """;

    [Fact]
    public async Task Header_is_read_from_memory_and_from_a_stream()
    {
        var file = FileOf(TwoTensors, 22);
        var header = SafetensorsHeader.Read(file);

        Assert.Equal(["a", "b"], header.Tensors.Select(t => t.Name));
        Assert.Equal((8L + TwoTensors.Length, 16L, 4L), (header.Tensors[0].Offset, header.Tensors[0].Length, header.Tensors[0].Elements));
        Assert.Equal(("pt", 7L), (header.Metadata["format"], header.ParameterCount));

        using var stream = new MemoryStream(file);
        var streamed = await SafetensorsHeader.ReadAsync(stream, TestContext.Current.CancellationToken);
        Assert.Equal(header.Tensors.Select(t => t.Name), streamed.Tensors.Select(t => t.Name));
        Assert.Equal(8 + TwoTensors.Length, stream.Position);
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 4, "truncated")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "longer")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "hole")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "overlaps")]
    [InlineData("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "dtype and shape")]
    [InlineData("""{"a":{"dtype":"X","shape":[2],"data_offsets":[0,8]}}""", 8, "unknown dtype")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "dtype and shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[9223372036854775807,9223372036854775807],"data_offsets":[0,8]}}""", 8, "dtype and shape")]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "data_offsets")]
    [InlineData("""{"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}""", 0, "not valid")]
    [InlineData("""[1]""", 0, "'{'")]
    [InlineData("""{"a":1}""", 0, "lacks")]
    [InlineData("""{"__metadata__":3}""", 0, "not valid")]
    public void Wrong_layout_is_named(string json, int dataLength, string part) =>
        Assert.Contains(part, Assert.Throws<ProtocolFormatException>(() => SafetensorsHeader.Read(FileOf(json, dataLength))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData(100_000_001UL)]
    [InlineData(ulong.MaxValue)]
    [InlineData(50UL)]
    public void Claimed_length_is_checked_before_it_is_believed(ulong claimed)
    {
        var file = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(file, claimed);

        Assert.Throws<ProtocolFormatException>(() => SafetensorsHeader.Read(file));
    }

    [Fact]
    public void Mutations_give_only_the_named_error() =>
        Mutations.OnlyNamedErrors(FileOf(TwoTensors, 22), bytes => SafetensorsHeader.Read(bytes));

    private static byte[] FileOf(string json, int dataLength)
    {
        var header = Encoding.UTF8.GetBytes(json);
        var file = new byte[8 + header.Length + dataLength];
        BinaryPrimitives.WriteUInt64LittleEndian(file, (ulong)header.Length);
        header.CopyTo(file, 8);
        return file;
    }
}
