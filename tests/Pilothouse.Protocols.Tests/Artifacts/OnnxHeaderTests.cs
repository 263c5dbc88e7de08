using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Diffs;

namespace Pilothouse.Protocols.Tests.Artifacts;

public sealed class OnnxHeaderTests
{
    private static byte[] Sample => File.ReadAllBytes(Path.Combine(TestPaths.RepositoryRoot, "samples", "support-assistant", "models", "triage-v1", "model.onnx"));

    [Fact]
    public void Inputs_outputs_operators_and_weights_are_read()
    {
        var header = Read(Sample);

        Assert.Equal("hashed_ngrams", header.GraphName);
        Assert.Equal(("ids", "INT64"), (header.Inputs.Single().Name, header.Inputs.Single().Dtype));
        Assert.Equal(["1", "N"], header.Inputs.Single().Shape);
        Assert.Equal("FLOAT", header.Outputs.Single().Dtype);
        Assert.Equal(4, header.InitializerCount);
        Assert.Equal(32_771, header.ParameterCount);
        Assert.Equal("23", header.Metadata["opset"]);
        Assert.NotEmpty(header.Operators);
    }

    [Fact]
    public void A_tensor_is_where_its_elements_are_whichever_way_they_are_stored()
    {
        // ModelProto { ir_version: 10, graph: { initializer: ... } }, by hand after onnx.proto.
        byte[] raw = [0x08, 2, 0x10, 1, 0x42, 1, (byte)'r', 0x4A, 8, 0, 0, 0x80, 0x3F, 0, 0, 0, 0x40];
        byte[] floats = [0x08, 1, 0x10, 1, 0x22, 4, 0, 0, 0x40, 0x40, 0x42, 1, (byte)'f'];
        byte[] varints = [0x08, 2, 0x10, 7, 0x3A, 3, 0xAC, 0x02, 5, 0x42, 1, (byte)'v'];
        byte[] elsewhere = [0x08, 1, 0x10, 1, 0x42, 1, (byte)'e', 0x70, 1];
        byte[] graph = [.. new[] { raw, floats, varints, elsewhere }.SelectMany(t => (byte[])[0x2A, (byte)t.Length, .. t])];
        byte[] file = [0x08, 10, 0x3A, (byte)graph.Length, .. graph];

        var tensors = Read(file).Initializers.ToDictionary(t => t.Name);

        Assert.Equal([1f, 2f], [BitConverter.ToSingle(file, (int)tensors["r"].Offset), BitConverter.ToSingle(file, (int)tensors["r"].Offset + 4)]);
        Assert.Equal((8, false), (tensors["r"].Length, tensors["r"].IsEncoded));
        Assert.Equal((3f, 4, false), (BitConverter.ToSingle(file, (int)tensors["f"].Offset), tensors["f"].Length, tensors["f"].IsEncoded));
        Assert.Equal((3, true), (tensors["v"].Length, tensors["v"].IsEncoded));
        Assert.Equal((-1, -1, false), (tensors["e"].Offset, tensors["e"].Length, tensors["e"].IsEncoded));
    }

    [Fact]
    public async Task The_difference_of_two_trained_models_has_the_norms_of_their_weights()
    {
        var other = File.ReadAllBytes(Path.Combine(TestPaths.RepositoryRoot, "samples", "support-assistant", "models", "triage-v2", "model.onnx"));
        var (a, b) = (Read(Sample).Initializers.Single(t => t.Name == "weights"), Read(other).Initializers.Single(t => t.Name == "weights"));

        var delta = await TensorDelta.ReadAsync(new MemoryStream(Sample), a, new MemoryStream(other), b, default);

        Assert.Equal(4 * 32_768, a.Length);
        Assert.Equal(0, delta.NotFinite);
        // Summed by hand in Python from the bytes of raw_data.
        Assert.Equal(95.43724306, delta.BaseL2!.Value, 6);
        Assert.Equal(164.71329193, delta.L2!.Value, 6);
    }

    [Fact]
    public void Truncated_file_is_named() => Assert.Contains("truncated", Assert.Throws<ProtocolFormatException>(() => Read(Sample[..1000])).Message, StringComparison.Ordinal);

    [Fact]
    public void Mutations_give_only_the_named_error() => Mutations.OnlyNamedErrors(Sample[..4_000], bytes => Read(bytes), iterations: 4_000);

    private static OnnxHeader Read(byte[] file)
    {
        using var stream = new MemoryStream(file);
        return OnnxHeader.Read(stream);
    }
}
