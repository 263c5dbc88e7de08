using System.Globalization;
using System.Text;

namespace Pilothouse.Protocols.Locks;

/// <summary>Writes the canonical text of a lock.</summary>
internal static class LockWriter
{
    public const string Head = "# What this commit uses, by digest. Written by 'pilothouse lock' and 'pilothouse add'; keep it in Git. Format: docs/protocols/lock.md\nlock: 1\n";

    public static string Write(IEnumerable<LockEntry> sorted)
    {
        var text = new StringBuilder(Head);
        foreach (var entry in sorted) text.Append('\n').Append(Block(entry));
        return text.ToString();
    }

    /// <summary>Head line and fields, each with its line break.</summary>
    public static string Block(LockEntry entry)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{entry.Word} {entry.Name}\n");
        Field("reference", entry.Reference);
        Field("follows", entry.Follows);
        Field("path", entry.Path);
        Field("checkout", entry.Checkout);
        Field("digest", entry.Digest.IsUnset ? null : entry.Digest.ToString());
        Field("size", entry.Size < 0 ? null : entry.Size.ToString(CultureInfo.InvariantCulture));
        Field("files", entry.FileCount < 0 ? null : entry.FileCount.ToString(CultureInfo.InvariantCulture));
        foreach (var file in entry.Files.OrderBy(f => f.Path, StringComparer.Ordinal)) Field("file", string.Create(CultureInfo.InvariantCulture, $"{file.Digest} {file.Size} {file.Path}"));
        return text.ToString();

        void Field(string key, string? value)
        {
            if (value is not null) text.Append("  ").Append(key).Append(": ").Append(value).Append('\n');
        }
    }
}
