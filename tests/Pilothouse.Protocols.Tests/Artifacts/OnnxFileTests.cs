using CsCheck;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Protocols.Tests.Artifacts;

public class OnnxFileTests
{
    // ir_version: 8, producer_name: "t", graph: { name: "" }
    private static readonly byte[] Smallest = [0x08, 0x08, 0x12, 0x01, (byte)'t', 0x3A, 0x02, 0x12, 0x00];

    [Fact]
    public void A_model_has_its_version_and_graph() => Assert.Equal(new OnnxFile(8, 2), OnnxFile.Read(new MemoryStream(Smallest)));

    [Fact]
    public void Every_cut_is_noticed()
    {
        for (var length = 0; length < Smallest.Length; length++)
        {
            var cut = new MemoryStream(Smallest[..length]);
            Assert.Throws<ProtocolFormatException>(() => OnnxFile.Read(cut));
        }
    }

    [Fact]
    public void Any_bytes_give_a_model_or_a_format_error() => Gen.Byte.Array[0, 100].Sample(bytes =>
    {
        try
        {
            OnnxFile.Read(new MemoryStream(bytes));
        }
        catch (ProtocolFormatException)
        {
        }
    }, iter: 5000);

    [Fact]
    public void A_real_model_is_read()
    {
        var sample = Directory.Exists(Path.Combine(TestPaths.RepositoryRoot, "samples")) ? Directory.GetFiles(Path.Combine(TestPaths.RepositoryRoot, "samples"), "*.onnx", SearchOption.AllDirectories).FirstOrDefault() : null;
        if (sample is null) Assert.Skip("The samples hold no model.onnx.");
        using var file = File.OpenRead(sample);
        Assert.True(OnnxFile.Read(file).GraphLength > 0);
    }
}
