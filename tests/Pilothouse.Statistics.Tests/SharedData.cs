using System.IO.Compression;

namespace Pilothouse.Statistics.Tests;

/// <summary>Real data sets under ../shared/data, gzip-compressed.</summary>
internal static class SharedData
{
    public static IEnumerable<string> Lines(string path)
    {
        using var file = File.OpenRead(Path.Combine(Golden.Root!, "data", path));
        using var reader = new StreamReader(new GZipStream(file, CompressionMode.Decompress));
        while (reader.ReadLine() is { } line) yield return line;
    }

    /// <summary>Rows of Adult: age, workclass, fnlwgt, education, education-num, marital-status, occupation, relationship, race, sex, ..., income.</summary>
    public static IReadOnlyList<string[]> Adult(params string[] files) =>
        [.. files.SelectMany(f => Lines($"adult/{f}.gz")).Select(l => l.Split(',', StringSplitOptions.TrimEntries)).Where(r => r.Length == 15)];

    public static bool IsRich(string[] row) => row[14].StartsWith(">50K", StringComparison.Ordinal);
}
