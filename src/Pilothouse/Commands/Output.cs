using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Pilothouse.Client;

namespace Pilothouse.Commands;

/// <summary>What the verbs print: tables and fields for people, the API's own JSON for programs (<c>--json</c>).</summary>
internal static class Output
{
    private static readonly JsonSerializerOptions Indented = new(PilothouseClient.Json) { WriteIndented = true };

    public static Option<bool> JsonOption() => new("--json") { Description = "Print JSON, as the API gives it." };

    public static string ToJson<T>(T value) => JsonSerializer.Serialize(value, Indented);

    /// <summary>UTC, to the second, sortable.</summary>
    public static string Time(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms).ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    /// <summary>Columns are as wide as their widest cell; the last is never padded.</summary>
    public static void Table(string[] headers, IEnumerable<string[]> rows)
    {
        string[][] all = [headers, .. rows];
        var widths = headers.Select((_, column) => all.Max(row => row[column].Length)).ToArray();
        foreach (var row in all)
            Console.WriteLine(string.Join("  ", row.Select((cell, column) => column == row.Length - 1 ? cell : cell.PadRight(widths[column]))).TrimEnd());
    }

    /// <summary>One field a line; empty ones are left out.</summary>
    public static void Fields(params IReadOnlyList<(string Name, string? Value)> fields)
    {
        var width = fields.Max(f => f.Name.Length) + 2;
        foreach (var (name, value) in fields)
            if (!string.IsNullOrEmpty(value)) Console.WriteLine((name + ":").PadRight(width) + value);
    }
}
