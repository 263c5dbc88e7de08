using System.Text;
using System.Text.Json;
using Pilothouse.Protocols;

namespace Pilothouse.Datasets;

/// <summary>How the rows of a file are written.</summary>
public enum RowFormat
{
    /// <summary>One JSON object a line.</summary>
    Jsonl,

    /// <summary>RFC 4180 with a header line; all values are text.</summary>
    Csv,
}

/// <summary>Reads data files. A fault names the file and the line: a row is never left out silently.</summary>
public static class RowReader
{
    /// <summary>Rows of one file.</summary>
    public const int MaxRows = 1_000_000;

    /// <summary>Fields of one row.</summary>
    public const int MaxFields = 1_000;

    /// <summary>Characters of one row.</summary>
    public const int MaxRowLength = 4 * 1024 * 1024;

    /// <summary>JSONL unless the name ends in .csv.</summary>
    public static RowFormat FormatOf(string path) => path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? RowFormat.Csv : RowFormat.Jsonl;

    /// <summary>Reads all rows. Empty lines are skipped.</summary>
    /// <param name="content">UTF-8, with or without a byte order mark.</param>
    /// <param name="name">Name of the file, for messages.</param>
    /// <exception cref="ProtocolFormatException">A line is no row, or a bound is exceeded.</exception>
    public static IReadOnlyList<DataRow> Read(Stream content, string name, RowFormat format)
    {
        using var reader = new StreamReader(content, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: true, leaveOpen: true);
        try
        {
            return format == RowFormat.Csv ? CsvRows.Read(reader, name) : ReadJsonl(reader, name);
        }
        catch (DecoderFallbackException)
        {
            throw new ProtocolFormatException($"{name} is not UTF-8 text. Save it as UTF-8.");
        }
    }

    public static IReadOnlyList<DataRow> Read(byte[] content, string name, RowFormat format) => Read(new MemoryStream(content, writable: false), name, format);

    internal static ProtocolFormatException Fault(string name, int line, string message) => new($"{name}, line {line}: {message}");

    private static List<DataRow> ReadJsonl(StreamReader reader, string name)
    {
        var rows = new List<DataRow>();
        for (var line = 1; reader.ReadLine() is { } text; line++)
        {
            if (string.IsNullOrWhiteSpace(text)) continue;
            if (text.Length > MaxRowLength) throw Fault(name, line, $"the row has more than {MaxRowLength} characters.");
            if (rows.Count == MaxRows) throw Fault(name, line, $"more than {MaxRows} rows. Split the file.");
            rows.Add(ParseJson(text, name, line));
        }
        return rows;
    }

    /// <summary><c>{"id":"heldout-0001","prompt":"Do you ship to Turin?","expected":"Yes, we ship to Turin."}</c></summary>
    private static DataRow ParseJson(string text, string name, int line)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw Fault(name, line, "not a JSON object. Write one object of fields on each line.");
            var fields = new List<KeyValuePair<string, JsonElement>>();
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (fields.Any(f => f.Key == property.Name)) throw Fault(name, line, $"the field '{property.Name}' stands twice.");
                if (fields.Count == MaxFields) throw Fault(name, line, $"more than {MaxFields} fields.");
                fields.Add(KeyValuePair.Create(property.Name, property.Value.Clone()));
            }
            return new DataRow(line, fields);
        }
        catch (JsonException e)
        {
            throw Fault(name, line, $"not JSON (column {e.BytePositionInLine + 1}). Write one object of fields on each line.");
        }
    }
}
