using System.Text.Json;
using Pilothouse.Datasets.Parquet;
using Pilothouse.Protocols;

namespace Pilothouse.Datasets;

/// <summary>How the rows of a file are written.</summary>
public enum RowFormat
{
    /// <summary>One JSON object a line.</summary>
    Jsonl,

    /// <summary>RFC 4180 with a header line; all values are text.</summary>
    Csv,

    /// <summary>Columns of Apache Parquet; nested values become JSON.</summary>
    Parquet,
}

/// <summary>
/// Reads data files, in one pass and bounded memory: the one reader of rows. A fault names the file and the line: a row is never left out silently.
/// It reads its stream synchronously: what is behind it is a file, and a row costs more to parse than to fetch.
/// </summary>
public static class RowReader
{
    /// <summary>Rows that are held in memory at once (<see cref="Read(Stream, string, RowFormat)"/>); <see cref="Stream"/> has no such limit.</summary>
    public const int MaxRows = 1_000_000;

    /// <summary>Fields of one row.</summary>
    public const int MaxFields = 2_000;

    /// <summary>Bytes of one row.</summary>
    public const int MaxRowLength = 16 * 1024 * 1024;

    /// <summary>Levels of nesting within a row.</summary>
    private const int MaxDepth = 64;

    /// <summary>Fields from which on a set finds doubles faster than a list.</summary>
    private const int ManyFields = 16;

    /// <summary>JSONL unless the name ends in .csv or .parquet.</summary>
    public static RowFormat FormatOf(string path) => path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase) ? RowFormat.Csv
        : path.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase) ? RowFormat.Parquet : RowFormat.Jsonl;

    /// <summary>True for a name whose end says that it holds rows.</summary>
    public static bool IsDataFile(string path) => Path.GetExtension(path).ToLowerInvariant() is ".jsonl" or ".ndjson" or ".csv" or ".parquet";

    /// <summary>As the registry writes it: jsonl, csv or parquet.</summary>
    public static string NameOf(RowFormat format) => format.ToString().ToLowerInvariant();

    public static bool TryParse(string? name, out RowFormat format) => Enum.TryParse(name, ignoreCase: true, out format) && NameOf(format) == name;

    /// <summary>Reads all rows. Empty lines are skipped.</summary>
    /// <param name="content">UTF-8, with or without a byte order mark; Parquet needs a stream that can seek.</param>
    /// <param name="name">Name of the file, for messages.</param>
    /// <exception cref="ProtocolFormatException">A line is no row, or a bound is exceeded.</exception>
    public static IReadOnlyList<DataRow> Read(Stream content, string name, RowFormat format)
    {
        var rows = new List<DataRow>();
        foreach (var row in Stream(content, name, format, CancellationToken.None))
        {
            if (rows.Count == MaxRows) throw Fault(name, row.Line, $"more than {MaxRows} rows. Split the file.");
            rows.Add(row);
        }
        return rows;
    }

    public static IReadOnlyList<DataRow> Read(byte[] content, string name, RowFormat format) => Read(new MemoryStream(content, writable: false), name, format);

    /// <summary>Reads row by row; only the row that is looked at is held (and the pages it lies on, of Parquet).</summary>
    /// <param name="skip">Rows to pass over, unchecked.</param>
    /// <exception cref="ProtocolFormatException">As <see cref="Read(Stream, string, RowFormat)"/>, when the row is reached.</exception>
    public static IEnumerable<DataRow> Stream(Stream content, string name, RowFormat format, CancellationToken ct, long skip = 0) => format switch
    {
        RowFormat.Csv => CsvRows.Read(content, name, skip, ct),
        RowFormat.Parquet => ParquetRows.Read(content, name, skip, ct),
        _ => JsonlRows.Read(content, name, skip, ct),
    };

    internal static ProtocolFormatException Fault(string name, long line, string message, string what = "line") => new($"{name}, {what} {line}: {message}");

    /// <summary><c>{"id":"heldout-0001","prompt":"Do you ship to Turin?","expected":"Yes, we ship to Turin."}</c></summary>
    internal static List<KeyValuePair<string, JsonElement>> Fields(ReadOnlySpan<byte> json, string name, long line, string what = "line")
    {
        // The encoding is checked first: a JSON reader looks at it only where a text is asked for.
        if (!System.Text.Unicode.Utf8.IsValid(json)) throw Fault(name, line, $"{name} is not UTF-8 text. Save it as UTF-8.", what);
        try
        {
            var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = MaxDepth });
            var root = JsonElement.ParseValue(ref reader);
            while (reader.Read()) { } // anything behind the object is a fault
            if (root.ValueKind != JsonValueKind.Object) throw Fault(name, line, "not a JSON object. Write one object of fields on each line.", what);
            var fields = new List<KeyValuePair<string, JsonElement>>(Math.Min(root.GetPropertyCount(), MaxFields));
            HashSet<string>? seen = null;
            foreach (var property in root.EnumerateObject())
            {
                var key = property.Name;
                if (fields.Count == ManyFields) seen = [.. fields.Select(f => f.Key)];
                if (seen is null ? Contains(fields, key) : !seen.Add(key)) throw Fault(name, line, $"the field '{key}' stands twice.", what);
                if (fields.Count == MaxFields) throw Fault(name, line, $"more than {MaxFields} fields.", what);
                fields.Add(KeyValuePair.Create(key, property.Value));
            }
            return fields;
        }
        catch (JsonException e)
        {
            throw Fault(name, line, $"not JSON (column {e.BytePositionInLine + 1}). Write one object of fields on each line.", what);
        }
        catch (InvalidOperationException)
        {
            throw Fault(name, line, "a field's name is not valid text (half of a surrogate pair).", what);
        }
    }

    private static bool Contains(List<KeyValuePair<string, JsonElement>> fields, string key)
    {
        foreach (var (name, _) in fields)
            if (name == key) return true;
        return false;
    }
}
