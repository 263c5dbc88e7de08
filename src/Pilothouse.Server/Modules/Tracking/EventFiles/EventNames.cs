using System.Security.Cryptography;
using System.Text;

namespace Pilothouse.Server.Modules.Tracking.EventFiles;

/// <summary>Tags as names of metrics. They stay as they are; only what the databases cannot hold is changed, and marked so that two tags never become one.</summary>
internal static class EventNames
{
    /// <summary>Bytes of a name: an index of PostgreSQL holds 2,700.</summary>
    public const int MaxBytes = 1500;

    private const string Empty = "(no tag)";

    /// <returns>The name, and whether it differs from the tag.</returns>
    public static (string Name, bool Changed) Of(string folder, string tag)
    {
        var full = folder.Length == 0 ? tag : $"{folder}/{tag}";
        if (full.Length == 0) return (Empty, true);
        if (!full.Contains('\0', StringComparison.Ordinal) && Encoding.UTF8.GetByteCount(full) <= MaxBytes) return (full, false);
        var mark = "~" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(full)).AsSpan(0, 8));
        return (Cut(Storable(full), MaxBytes - mark.Length) + mark, true);
    }

    /// <summary>PostgreSQL's texts cannot hold U+0000.</summary>
    public static string Storable(string text) => text.Contains('\0', StringComparison.Ordinal) ? text.Replace('\0', '\uFFFD') : text;

    private static string Cut(string text, int maxBytes)
    {
        var bytes = 0;
        var length = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if ((bytes += rune.Utf8SequenceLength) > maxBytes) break;
            length += rune.Utf16SequenceLength;
        }
        return text[..length];
    }
}
