using System.Globalization;
using System.Text.RegularExpressions;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Names of projects, models, data sets, suites, monitors and environments: safe in URLs, file names and metrics labels.</summary>
public static partial class NameRule
{
    internal const string Remedy = "Use letters, digits, '-', '_' and '.', starting with a letter or digit, at most 100 characters.";

    /// <summary>True for 1 to 100 ASCII letters, digits, <c>-</c>, <c>_</c>, <c>.</c> that start with a letter or digit.</summary>
    public static bool IsValid(string name) => Shape().IsMatch(name);

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9_.-]{0,99}\z", RegexOptions.NonBacktracking)]
    private static partial Regex Shape();
}

/// <summary>Durations as written in files and on the command line: <c>500ms</c>, <c>5s</c>, <c>2m</c>, <c>1h</c>, <c>7d</c>.</summary>
public static class Duration
{
    /// <summary>The longest duration that can be written.</summary>
    public static readonly TimeSpan Max = TimeSpan.FromDays(365);

    /// <summary>Reads a whole number of at most nine digits followed by a unit; anything else, or more than <see cref="Max"/>, is false.</summary>
    public static bool TryParse(string text, out TimeSpan value)
    {
        value = default;
        var digits = 0;
        while (digits < text.Length && char.IsAsciiDigit(text[digits]))
            digits++;
        if (digits is 0 or > 9)
            return false;

        double unitMs;
        switch (text[digits..])
        {
            case "ms": unitMs = 1; break;
            case "s": unitMs = 1_000; break;
            case "m": unitMs = 60_000; break;
            case "h": unitMs = 3_600_000; break;
            case "d": unitMs = 86_400_000; break;
            default: return false;
        }

        var ms = int.Parse(text.AsSpan(0, digits), CultureInfo.InvariantCulture) * unitMs;
        if (ms > Max.TotalMilliseconds)
            return false;
        value = TimeSpan.FromMilliseconds(ms);
        return true;
    }

    /// <summary>The shortest text that <see cref="TryParse"/> reads back: <c>90s</c> for a minute and a half, <c>2m</c> for two.</summary>
    public static string Format(TimeSpan value)
    {
        var ms = (long)value.TotalMilliseconds;
        (long Unit, string Name)[] units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
        var (unit, name) = ms == 0 ? (1_000, "s") : units.First(u => ms % u.Unit == 0);
        return string.Create(CultureInfo.InvariantCulture, $"{ms / unit}{name}");
    }
}

/// <summary>Paths in project files: relative to the file, inside its directory.</summary>
internal static class PathRule
{
    public const string Remedy = "Use a path relative to the project file, with '/', that stays inside its directory.";

    public static bool IsValid(string path) =>
        path.Length is > 0 and <= 1024
        && path[0] != '/'
        && !path.Contains('\\')
        && !path.Contains('\0')
        && !(path.Length > 1 && path[1] == ':')
        && !path.Split('/').Any(part => part is "" or "." or "..");
}
