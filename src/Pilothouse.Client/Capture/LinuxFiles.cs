using System.Globalization;

namespace Pilothouse.Client.Capture;

/// <summary>Small text files of /proc, /sys and /etc; a file that is not there reads as empty.</summary>
internal static class LinuxFiles
{
    public static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllLines(path) : [];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    public static string? Text(string path) => Lines(path) is { Length: > 0 } lines ? lines[0].Trim() : null;

    /// <summary>A file with one number; <c>max</c> and anything else is null.</summary>
    public static long? Number(string path) => long.TryParse(Text(path), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    public static long? MemoryTotal() => Memory("MemTotal:");

    /// <summary>Line <c>MemAvailable:   20000000 kB</c> of /proc/meminfo, in bytes.</summary>
    public static long? Memory(string name) =>
        Lines("/proc/meminfo").FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal)) is { } line
        && long.TryParse(line[name.Length..].Replace("kB", "", StringComparison.Ordinal).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes * 1024 : null;
}
