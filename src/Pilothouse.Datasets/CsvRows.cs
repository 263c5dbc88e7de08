using System.Text;
using System.Text.Json;

namespace Pilothouse.Datasets;

/// <summary>RFC 4180: a header line, comma, values in double quotes may hold commas, line ends and doubled quotes.</summary>
internal static class CsvRows
{
    public static List<DataRow> Read(TextReader reader, string name)
    {
        var line = 1;
        var header = Record(reader, name, ref line);
        if (header is null) return [];
        if (header.GroupBy(h => h, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw RowReader.Fault(name, 1, $"the column '{twice.Key}' stands twice in the header.");
        var rows = new List<DataRow>();
        while (true)
        {
            var start = line;
            var values = Record(reader, name, ref line);
            if (values is null) return rows;
            if (values is [""] && header.Count > 1) continue;
            if (rows.Count == RowReader.MaxRows) throw RowReader.Fault(name, start, $"more than {RowReader.MaxRows} rows. Split the file.");
            if (values.Count != header.Count) throw RowReader.Fault(name, start, $"{values.Count} values, but the header has {header.Count} columns.");
            rows.Add(new DataRow(start, [.. header.Zip(values, (h, v) => KeyValuePair.Create(h, JsonSerializer.SerializeToElement(v)))]));
        }
    }

    private static List<string>? Record(TextReader reader, string name, ref int line)
    {
        if (reader.Peek() < 0) return null;
        var (start, length) = (line, 0);
        var values = new List<string>();
        var value = new StringBuilder();
        bool quoted = false, wasQuoted = false;
        while (true)
        {
            var c = reader.Read();
            if (++length > RowReader.MaxRowLength) throw RowReader.Fault(name, start, $"the row has more than {RowReader.MaxRowLength} characters (a quote that is not closed?).");
            if (c == '\n') line++;
            if (c < 0 && quoted) throw RowReader.Fault(name, start, "a quote is not closed.");
            if (quoted)
            {
                if (c != '"') value.Append((char)c);
                else if (reader.Peek() == '"') value.Append((char)reader.Read());
                else (quoted, wasQuoted) = (false, true);
            }
            else if (c == '"' && value.Length == 0 && !wasQuoted) quoted = true;
            else if (c is ',' or '\n' || c < 0)
            {
                if (c is not ',' && !wasQuoted && value.Length > 0 && value[^1] == '\r') value.Length--;
                values.Add(value.ToString());
                if (values.Count > RowReader.MaxFields) throw RowReader.Fault(name, start, $"more than {RowReader.MaxFields} columns.");
                value.Clear();
                wasQuoted = false;
                if (c is not ',') return values;
            }
            else if (!wasQuoted) value.Append((char)c);
            else if (c != '\r') throw RowReader.Fault(name, start, "text follows a closing quote.");
        }
    }

    public static string Quote(string value) => value.AsSpan().IndexOfAny(",\"\r\n") < 0 ? value : $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
