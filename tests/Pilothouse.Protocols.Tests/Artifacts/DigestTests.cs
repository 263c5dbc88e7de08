using CsCheck;
using Pilothouse.Protocols.Artifacts;

namespace Pilothouse.Protocols.Tests.Artifacts;

public sealed class DigestTests
{
    // SHA-256 of nothing and of "{}" (OCI's empty descriptor).
    [Theory]
    [InlineData("", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")]
    [InlineData("{}", "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")]
    public void Known_content_has_its_known_digest(string content, string expected) =>
        Assert.Equal(expected, Digest.Of(System.Text.Encoding.UTF8.GetBytes(content)).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")]
    [InlineData("sha256:44136FA355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")]
    [InlineData("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8")]
    [InlineData("sha512:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a")]
    [InlineData("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\n")]
    public void Anything_else_is_refused(string text)
    {
        Assert.False(Digest.TryParse(text, out _));
        Assert.Throws<ProtocolFormatException>(() => Digest.Parse(text));
    }

    [Fact]
    public void Written_form_round_trips() => Gen.Byte.Array[32].Sample(hash =>
    {
        var digest = Digest.FromHash(hash);
        Assert.Equal(digest, Digest.Parse(digest.ToString()));
        Assert.Equal(hash, digest.ToBytes());
    });

    [Fact]
    public void Unset_digest_names_nothing()
    {
        Assert.True(default(Digest).IsUnset);
        Assert.Throws<InvalidOperationException>(() => default(Digest).Hex);
    }
}
