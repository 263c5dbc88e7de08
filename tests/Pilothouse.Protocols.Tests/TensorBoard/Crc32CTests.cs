using System.Text;
using Pilothouse.Protocols.TensorBoard;

namespace Pilothouse.Protocols.Tests.TensorBoard;

public sealed class Crc32CTests
{
    /// <summary>RFC 3720, appendix B.4.</summary>
    [Fact]
    public void Published_vectors_agree()
    {
        Assert.Equal(0x8a9136aau, Crc32C.Compute(new byte[32]));
        Assert.Equal(0x62a8ab43u, Crc32C.Compute([.. Enumerable.Repeat((byte)0xFF, 32)]));
        Assert.Equal(0x46dd794eu, Crc32C.Compute([.. Enumerable.Range(0, 32).Select(i => (byte)i)]));
        Assert.Equal(0xe3069283u, Crc32C.Compute("123456789"u8));
        Assert.Equal(0u, Crc32C.Compute([]));
        Assert.Equal(0x5794d08au, Crc32C.Masked(Encoding.ASCII.GetBytes("\x1a\x11" + "CRC test, one two")));
    }

    [Fact]
    public void Every_length_agrees_with_the_definition()
    {
        var bytes = Enumerable.Range(0, 70).Select(i => (byte)(i * 37)).ToArray();
        for (var length = 0; length <= bytes.Length; length++)
        {
            var crc = uint.MaxValue;
            foreach (var b in bytes[..length])
            {
                crc ^= b;
                for (var bit = 0; bit < 8; bit++) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
            Assert.Equal(~crc, Crc32C.Compute(bytes.AsSpan(0, length)));
        }
    }
}
