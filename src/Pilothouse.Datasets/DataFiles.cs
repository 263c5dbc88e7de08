using System.Text.RegularExpressions;
using Pilothouse.Protocols;

namespace Pilothouse.Datasets;

/// <summary>One file of a data set.</summary>
/// <param name="Path">Relative; it says the split.</param>
/// <param name="Open">Opens its content, seekable.</param>
public sealed record DataFile(string Path, RowFormat Format, Func<Stream> Open)
{
    public string? Split { get; } = DataFiles.SplitOf(Path);
}

/// <summary>A row and where it stands.</summary>
/// <param name="Ordinal">Place among all rows of the data set, from 0.</param>
public readonly record struct PlacedRow(DataRow Row, DataFile File, long Ordinal);

/// <summary>
/// Files of a data set by their names, after the same rules as Hugging Face's <c>datasets</c>: <c>train-00000-of-00002.parquet</c>, <c>data/test.jsonl</c>, <c>validation/part.csv</c>. See
/// <see href="https://huggingface.co/docs/datasets/repository_structure"/>.
/// </summary>
public static partial class DataFiles
{
    public const string Train = "train", Validation = "validation", Test = "test";

    /// <summary>Different splits of one version.</summary>
    public const int MaxSplits = 64;

    private static readonly Dictionary<string, string> Words = new(StringComparer.OrdinalIgnoreCase)
    {
        ["train"] = Train,
        ["training"] = Train,
        ["validation"] = Validation,
        ["valid"] = Validation,
        ["val"] = Validation,
        ["dev"] = Validation,
        ["test"] = Test,
        ["testing"] = Test,
        ["eval"] = Test,
        ["evaluation"] = Test,
    };

    /// <summary>The split that a path names; null = none.</summary>
    public static string? SplitOf(string path)
    {
        var parts = path.Split('/');
        if (Shard().Match(parts[^1]) is { Success: true } shard) return Words.GetValueOrDefault(shard.Groups[1].Value, shard.Groups[1].Value);
        // The nearest name counts: test/train-like.jsonl is training data only if its directory says nothing.
        for (var i = 0; i < parts.Length; i++)
        {
            var name = i == parts.Length - 1 ? Path.GetFileNameWithoutExtension(parts[i]) : parts[i];
            foreach (var word in name.Split(['-', '_', '.', ' ']))
                if (Words.TryGetValue(word, out var split)) return split;
        }
        return null;
    }

    public static bool IsSplitName(string name) => SplitName().IsMatch(name);

    /// <summary>Train, validation, test, then the others by name.</summary>
    public static IOrderedEnumerable<T> InOrder<T>(this IEnumerable<T> items, Func<T, string> split) =>
        items.OrderBy(i => split(i) switch { Train => 0, Validation => 1, Test => 2, _ => 3 }).ThenBy(split, StringComparer.Ordinal);

    /// <summary>All rows, file by file in the order of their paths.</summary>
    public static IEnumerable<PlacedRow> Rows(IReadOnlyList<DataFile> files, CancellationToken ct)
    {
        var ordinal = 0L;
        foreach (var file in files)
        {
            using var content = file.Open();
            foreach (var row in RowReader.Stream(content, file.Path, file.Format, ct)) yield return new PlacedRow(row, file, ordinal++);
        }
    }

    /// <summary>Number of a split within a comparison; 0 = none.</summary>
    internal static byte Number(List<string> splits, string? split)
    {
        if (split is null) return 0;
        var at = splits.IndexOf(split);
        if (at < 0)
        {
            if (splits.Count == MaxSplits) throw new ProtocolFormatException($"The files name more than {MaxSplits} splits.");
            splits.Add(split);
            at = splits.Count - 1;
        }
        return (byte)(at + 1);
    }

    [GeneratedRegex(@"^([A-Za-z][A-Za-z0-9_]{0,63})-\d{5}-of-\d{5}\.[a-z]+$", RegexOptions.CultureInvariant)]
    private static partial Regex Shard();

    [GeneratedRegex("^[A-Za-z][A-Za-z0-9_]{0,63}$", RegexOptions.CultureInvariant)]
    private static partial Regex SplitName();
}
