using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Pilothouse.Protocols.Hub;

/// <summary>Git's name of a file: the SHA-1 of <c>blob SIZE NUL CONTENT</c>. No security rests on it here; clients hold it against their caches.</summary>
public static class GitBlobId
{
    /// <summary>Bytes of a pointer to a large file, with its size in decimal.</summary>
    public static string Pointer(string oid, long size) => string.Create(CultureInfo.InvariantCulture, $"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n");

    public static string Of(ReadOnlySpan<byte> content)
    {
#pragma warning disable CA5350 // Git's own digest, as the protocol wants it.
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
#pragma warning restore CA5350
        sha.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {content.Length}\0")));
        sha.AppendData(content);
        return Convert.ToHexStringLower(sha.GetHashAndReset());
    }
}
