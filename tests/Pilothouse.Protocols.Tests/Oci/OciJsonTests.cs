using System.Text;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Oci;

namespace Pilothouse.Protocols.Tests.Oci;

public sealed class OciJsonTests
{
    private static readonly OciManifest Sample = new()
    {
        ArtifactType = OciMediaTypes.Release,
        Config = OciDescriptor.Empty,
        Layers = [OciJson.Describe("x"u8, OciMediaTypes.ModelWeightRaw) with { Annotations = new() { [OciAnnotations.Title] = "model.safetensors", ["A"] = "ä" } }],
        Subject = OciJson.Describe("y"u8, OciMediaTypes.Manifest),
        Annotations = new() { ["b"] = "2", ["B"] = "1" },
    };

    [Fact]
    public void Manifest_is_written_in_one_canonical_form() =>
        Assert.Equal(
            "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"artifactType\":\"application/vnd.pilothouse.release.v1+json\","
            + "\"config\":{\"mediaType\":\"application/vnd.oci.empty.v1+json\",\"digest\":\"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2,\"data\":\"e30=\"},"
            + "\"layers\":[{\"mediaType\":\"application/vnd.cncf.model.weight.v1.raw\",\"digest\":\"sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\",\"size\":1,"
            + "\"annotations\":{\"A\":\"ä\",\"org.opencontainers.image.title\":\"model.safetensors\"}}],"
            + "\"subject\":{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa\",\"size\":1},"
            + "\"annotations\":{\"B\":\"1\",\"b\":\"2\"}}",
            Encoding.UTF8.GetString(OciJson.ToBytes(Sample)));

    [Fact]
    public void Reading_and_writing_again_keeps_the_digest()
    {
        var bytes = OciJson.ToBytes(Sample);
        Assert.Equal(Digest.Of(bytes), Digest.Of(OciJson.ToBytes(OciJson.ParseManifest(bytes))));
        var index = OciJson.ToBytes(new OciIndex { Manifests = [OciJson.Describe(bytes, OciMediaTypes.Manifest)] });
        Assert.Equal(index, OciJson.ToBytes(OciJson.ParseIndex(index)));
        Assert.Equal("""{"imageLayoutVersion":"1.0.0"}""", Encoding.UTF8.GetString(OciJson.ToBytes(OciJson.ParseLayout(OciJson.ToBytes(new OciLayout())))));
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"schemaVersion":1,"config":{},"layers":[]}""")]
    [InlineData("""{"schemaVersion":2,"mediaType":"text/plain","config":{"mediaType":"a","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}""")]
    [InlineData("""{"schemaVersion":2,"config":{"mediaType":"a","digest":"sha256:44136fa3","size":2},"layers":[]}""")]
    [InlineData("""{"schemaVersion":2,"config":{"mediaType":"a","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":-2},"layers":[]}""")]
    [InlineData("""{"schemaVersion":2,"config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}""")]
    public void Malformed_manifest_is_refused(string json) => Assert.Throws<ProtocolFormatException>(() => OciJson.ParseManifest(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Mutations_give_only_the_named_error() => Mutations.OnlyNamedErrors(OciJson.ToBytes(Sample), bytes => OciJson.ParseManifest(bytes));
}
