using System.Buffers;
using System.Globalization;
using System.Text;

namespace Pilothouse.Protocols.Lfs;

/// <summary>
/// What stands in Git in place of a large file (git-lfs docs/spec.md):
/// <code>
/// version https://git-lfs.github.com/spec/v1
/// oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
/// size 12345
/// </code>
/// </summary>
/// <param name="Oid">64 lower-case hex digits: the SHA-256 of the content.</param>
/// <param name="Size">Size of the content in bytes.</param>
public sealed record LfsPointer(string Oid, long Size)
{
    /// <summary>A pointer is shorter than 1,024 bytes: a larger file is never read as one.</summary>
    public const int MaxBytes = 1023;

    /// <summary>Length of an object id.</summary>
    public const int OidLength = 64;

    private const int MaxLines = 32;

    /// <summary>The names under which clients have written the first line, oldest last.</summary>
    private static readonly string[] Versions = ["https://git-lfs.github.com/spec/v1", "https://hawser.github.com/spec/v1", "http://git-media.io/v/2"];

    private static readonly SearchValues<char> LowerHex = SearchValues.Create("0123456789abcdef");

    /// <summary>True for 64 lower-case hex digits.</summary>
    public static bool IsOid(string? text) => text is { Length: OidLength } && !text.AsSpan().ContainsAnyExcept(LowerHex);

    /// <returns>Null for anything that is not a pointer to a SHA-256 content; such a file is a file as any other.</returns>
    public static LfsPointer? TryParse(ReadOnlySpan<byte> content)
    {
        if (content.Length is 0 or > MaxBytes || !content.StartsWith("version "u8)) return null;
        string? oid = null;
        long? size = null;
        var lines = Encoding.UTF8.GetString(content).Split('\n', MaxLines + 1);
        if (lines.Length > MaxLines || !Versions.Contains(lines[0]["version ".Length..].TrimEnd('\r'))) return null;
        foreach (var line in lines.AsSpan(1))
        {
            var text = line.TrimEnd('\r');
            if (text.StartsWith("oid sha256:", StringComparison.Ordinal)) oid = text["oid sha256:".Length..];
            else if (text.StartsWith("size ", StringComparison.Ordinal))
            {
                if (!long.TryParse(text.AsSpan("size ".Length), NumberStyles.None, CultureInfo.InvariantCulture, out var bytes)) return null;
                size = bytes;
            }
        }
        return IsOid(oid) && size is { } known ? new LfsPointer(oid!, known) : null;
    }

    /// <summary>The pointer as git-lfs writes it, to the byte.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"version {Versions[0]}\noid sha256:{Oid}\nsize {Size}\n");
}
