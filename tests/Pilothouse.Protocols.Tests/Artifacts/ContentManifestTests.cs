using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Protocols.Tests.Artifacts;

public sealed class ContentManifestTests
{
    private static readonly Digest Empty = Digest.Of([]);
    private static readonly ContentManifest Sample = ContentManifest.Create([new("b/x", 0, Empty), new("a.txt", 0, Empty), new("B", 0, Empty)]);

    [Fact]
    public void Text_is_sorted_ordinally_and_is_what_the_digest_names()
    {
        const string Line = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  0  ";

        Assert.Equal($"{Line}B\n{Line}a.txt\n{Line}b/x\n", Sample.Text);
        Assert.Equal(Digest.Of(System.Text.Encoding.UTF8.GetBytes(Sample.Text)), Sample.Digest);
    }

    [Fact]
    public void Text_and_json_round_trip()
    {
        Assert.Equal(Sample.Digest, ContentManifest.Parse(Sample.Text).Digest);
        Assert.Equal(Sample.Files, ContentManifest.ParseJson(Sample.ToJson()).Files);
    }

    [Theory]
    [InlineData("/abs")]
    [InlineData("../up")]
    [InlineData("a/../b")]
    [InlineData("a//b")]
    [InlineData("a\\b")]
    [InlineData("a\nb")]
    [InlineData("")]
    public void Path_outside_the_directory_is_refused(string path) =>
        Assert.Throws<ProtocolFormatException>(() => ContentManifest.Create([new(path, 0, Empty)]));

    [Fact]
    public void Path_given_twice_is_refused() =>
        Assert.Throws<ProtocolFormatException>(() => ContentManifest.Create([new("a", 0, Empty), new("a", 1, Empty)]));

    [Fact]
    public void Json_with_a_wrong_digest_is_refused() =>
        Assert.Throws<ProtocolFormatException>(() => ContentManifest.ParseJson(Sample.ToJson().Replace("\"size\":0", "\"size\":1", StringComparison.Ordinal)));

    [Fact]
    public async Task Directory_is_read_whole()
    {
        var directory = Directory.CreateTempSubdirectory("pilothouse-manifest");
        try
        {
            Directory.CreateDirectory(Path.Combine(directory.FullName, "b"));
            foreach (var path in (string[])["b/x", "a.txt", "B"])
                await File.WriteAllBytesAsync(Path.Combine(directory.FullName, path), [], TestContext.Current.CancellationToken);

            Assert.Equal(Sample.Digest, (await ContentManifest.OfDirectoryAsync(directory.FullName, TestContext.Current.CancellationToken)).Digest);

            File.CreateSymbolicLink(Path.Combine(directory.FullName, "link"), "/etc/passwd");
            await Assert.ThrowsAsync<ProtocolFormatException>(() => ContentManifest.OfDirectoryAsync(directory.FullName, TestContext.Current.CancellationToken));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Fact]
    public void Mutations_give_only_the_named_error()
    {
        Mutations.OnlyNamedErrors(Sample.Text, text => ContentManifest.Parse(text));
        Mutations.OnlyNamedErrors(Sample.ToJson(), text => ContentManifest.ParseJson(text));
    }
}
