using System.Text;
using CsCheck;
using Pilothouse.Protocols.Lfs;

namespace Pilothouse.Protocols.Tests.Lfs;

public class LfsPointerTests
{
    private const string Oid = "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393";

    [Theory]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:" + Oid + "\nsize 12345\n")]
    [InlineData("version https://git-lfs.github.com/spec/v1\r\noid sha256:" + Oid + "\r\nsize 12345\r\n")]
    [InlineData("version https://hawser.github.com/spec/v1\noid sha256:" + Oid + "\nsize 12345")]
    [InlineData("version https://git-lfs.github.com/spec/v1\next-0-foo sha256:" + Oid + "\noid sha256:" + Oid + "\nsize 12345\n")]
    public void A_pointer_is_read(string text) => Assert.Equal(new LfsPointer(Oid, 12345), LfsPointer.TryParse(Encoding.UTF8.GetBytes(text)));

    [Theory]
    [InlineData("")]
    [InlineData("hello")]
    [InlineData("version https://example.org/spec/v9\noid sha256:" + Oid + "\nsize 12345\n")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:" + Oid + "\n")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:" + Oid + "\nsize -1\n")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:" + Oid + "\nsize 99999999999999999999\n")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid sha256:../../etc/passwd\nsize 1\n")]
    [InlineData("version https://git-lfs.github.com/spec/v1\noid md5:d41d8cd98f00b204e9800998ecf8427e\nsize 1\n")]
    public void Anything_else_is_a_file_as_any_other(string text) => Assert.Null(LfsPointer.TryParse(Encoding.UTF8.GetBytes(text)));

    [Fact]
    public void A_file_of_1024_bytes_is_no_pointer() => Assert.Null(LfsPointer.TryParse(Encoding.UTF8.GetBytes(new LfsPointer(Oid, 1) + new string(' ', 1024))));

    [Fact]
    public void What_is_written_is_read_again() => Gen.Byte.Array[32].Select(Gen.Long[0, long.MaxValue]).Sample((hash, size) =>
    {
        var pointer = new LfsPointer(Convert.ToHexStringLower(hash), size);
        return LfsPointer.TryParse(Encoding.UTF8.GetBytes(pointer.ToString())) == pointer;
    });

    [Fact]
    public void Damaged_pointers_never_throw() => Gen.Byte.Array[0, 8].Select(Gen.Int[0, 130]).Sample((noise, at) =>
    {
        var bytes = Encoding.UTF8.GetBytes(new LfsPointer(Oid, 12345).ToString());
        noise.AsSpan(0, Math.Min(noise.Length, Math.Max(0, bytes.Length - at))).CopyTo(bytes.AsSpan(Math.Min(at, bytes.Length)));
        var pointer = LfsPointer.TryParse(bytes);
        return pointer is null || LfsPointer.IsOid(pointer.Oid) && pointer.Size >= 0;
    });
}
