using System.Text;
using Pilothouse.Protocols.Dsse;

namespace Pilothouse.Protocols.Tests.Dsse;

public sealed class DsseEnvelopeTests
{
    // The example of protocol.md.
    [Fact]
    public void Signed_bytes_are_those_of_the_protocols_example() =>
        Assert.Equal("DSSEv1 29 http://example.com/HelloWorld 11 hello world", Encoding.UTF8.GetString(DsseEnvelope.PreAuthenticationEncoding("http://example.com/HelloWorld", "hello world"u8)));

    [Theory]
    [InlineData("aGVsbG8gd29ybGQ=")]
    [InlineData("aGVsbG8gd29ybGQ")]
    public void Payload_is_decoded(string payload) =>
        Assert.Equal("hello world", Encoding.UTF8.GetString(DsseEnvelope.Parse(Encoding.UTF8.GetBytes($$"""{"payload":"{{payload}}","payloadType":"t","signatures":[{"sig":"_-8="}],"more":1}""")).PayloadBytes()));

    [Fact]
    public void Both_alphabets_give_the_same_bytes() => Assert.Equal(DsseEnvelope.Decode("+/8="), DsseEnvelope.Decode("-_8"));

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"payload":"!","payloadType":"t","signatures":[{"sig":"AA=="}]}""")]
    [InlineData("""{"payload":"AA==","payloadType":"t","signatures":[]}""")]
    [InlineData("""{"payload":"AA==","payloadType":"t","signatures":[null]}""")]
    [InlineData("""{"payload":"AA==","payloadType":"t","signatures":[{"sig":"%"}]}""")]
    public void Malformed_envelope_is_refused(string json) => Assert.Throws<ProtocolFormatException>(() => DsseEnvelope.Parse(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Mutations_give_only_the_named_error() =>
        Mutations.OnlyNamedErrors("""{"payload":"aGVsbG8gd29ybGQ=","payloadType":"t","signatures":[{"keyid":"k","sig":"AAAA"}]}"""u8.ToArray(), bytes => DsseEnvelope.Parse(bytes));
}
