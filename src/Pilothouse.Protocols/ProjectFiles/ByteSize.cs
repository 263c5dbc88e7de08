using System.Globalization;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Amounts of memory, such as <c>2GiB</c>.</summary>
public static class ByteSize
{
    private const int MaxDigits = 9;
    private static readonly (string Name, long Bytes)[] Units = [("TiB", 1L << 40), ("GiB", 1L << 30), ("MiB", 1L << 20), ("KiB", 1L << 10), ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];

    /// <summary>The largest that can be written: 8,192 TiB.</summary>
    public const long Max = 1L << 53;

    /// <summary>Reads a whole number of at most nine digits followed by a unit.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        bytes = 0;
        var digits = text.TakeWhile(char.IsAsciiDigit).Count();
        if (digits is 0 or > MaxDigits || Array.Find(Units, u => u.Name == text[digits..].TrimStart(' ')) is not { Name: not null } unit) return false;
        var number = long.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture);
        if (number > Max / unit.Bytes) return false;
        bytes = number * unit.Bytes;
        return true;
    }

    /// <summary>In the largest binary unit of which there is at least one.</summary>
    public static string Format(long bytes)
    {
        foreach (var (name, size) in Units)
            if (name[1] == 'i' && bytes >= size) return string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / size:0.#}{name}");
        return string.Create(CultureInfo.InvariantCulture, $"{bytes}B");
    }
}
