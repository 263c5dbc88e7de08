using System.Text;

namespace Pilothouse.Datasets.Tests;

/// <summary>Data sets in memory.</summary>
internal static class TestData
{
    public static string Temporary { get; } = Path.Combine(Path.GetTempPath(), "pilothouse-datasets-tests");

    public static DataFile File(string path, string text) => File(path, Encoding.UTF8.GetBytes(text));

    public static DataFile File(string path, byte[] content) => new(path, RowReader.FormatOf(path), () => new MemoryStream(content, writable: false));

    /// <summary><c>{"id":0,"text":"row 0","label":"a"}</c> and so on, the labels in turn.</summary>
    public static string Lines(int from, int count, params string[] labels) =>
        string.Concat(Enumerable.Range(from, count).Select(i => $"{{\"id\":{i},\"text\":\"row {i}\"{(labels.Length == 0 ? "" : $",\"label\":\"{labels[i % labels.Length]}\"")}}}\n"));
}
