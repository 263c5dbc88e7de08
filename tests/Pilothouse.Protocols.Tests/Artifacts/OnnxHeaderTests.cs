using Pilothouse.Protocols.Artifacts;

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
    public void Truncated_file_is_named() => Assert.Contains("truncated", Assert.Throws<ProtocolFormatException>(() => Read(Sample[..1000])).Message, StringComparison.Ordinal);

    [Fact]
    public void Mutations_give_only_the_named_error() => Mutations.OnlyNamedErrors(Sample[..4_000], bytes => Read(bytes), iterations: 4_000);

    private static OnnxHeader Read(byte[] file)
    {
        using var stream = new MemoryStream(file);
        return OnnxHeader.Read(stream);
    }
}
