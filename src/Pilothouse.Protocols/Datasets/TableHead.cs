using System.Text;
using System.Text.Json;

namespace Pilothouse.Protocols.Datasets;

/// <summary>The first rows of a table file that was read in part, leniently: a preview shows what is there, a data set's own reader says what is wrong with it.</summary>
/// <param name="Columns">Names in order of appearance.</param>
/// <param name="Rows">Values in the order of the columns; null where a row has none.</param>
/// <param name="Complete">All rows of the text are here.</param>
public sealed record TableHead(IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string?>> Rows, bool Complete)
{
    public const int MaxColumns = 500;

    /// <summary>Characters shown of a value.</summary>
    public const int MaxCell = 500;

    /// <summary>Reads RFC 4180 with any separator; rows may be shorter or longer than the header.</summary>
    /// <param name="text">Begin of the file.</param>
    /// <param name="whole">False: the text ends somewhere inside, so its last record is left out.</param>
    public static TableHead ReadCsv(string text, char separator, int maxRows, bool whole)
    {
        var records = new List<List<string?>>();
        var at = text.StartsWith('\ufeff') ? 1 : 0;
        var complete = true;
        while (at < text.Length)
        {
            if (records.Count > maxRows) { complete = false; break; }
            var record = Record(text, ref at, separator, out var ended);
            if (!ended && !whole) { complete = false; break; }
            if (record is not [""]) records.Add(record);
        }
        if (records.Count == 0) return new TableHead([], [], complete);
        var width = Math.Min(MaxColumns, records.Max(r => r.Count));
        var columns = Enumerable.Range(0, width).Select(i => i < records[0].Count ? records[0][i] ?? "" : $"({i + 1})").ToList();
        return new TableHead(columns, [.. records.Skip(1).Take(maxRows).Select(r => (IReadOnlyList<string?>)[.. Enumerable.Range(0, width).Select(i => i < r.Count ? r[i] : null)])],
            complete && records.Count - 1 <= maxRows);
    }

    /// <summary>Reads one JSON object a line; a line that is none becomes a row of one column.</summary>
    public static TableHead ReadJsonLines(string text, int maxRows, bool whole)
    {
        var columns = new List<string>();
        var rows = new List<Dictionary<string, string?>>();
        var complete = true;
        var (at, end) = (0, 0);
        for (; at < text.Length; at = end + 1)
        {
            end = text.IndexOf('\n', at);
            if (end < 0 && !whole || rows.Count == maxRows) { complete = false; break; }
            if (end < 0) end = text.Length;
            var line = text[at..end].Trim().TrimStart('\ufeff');
            if (line.Length == 0) continue;
            var row = Row(line);
            foreach (var key in row.Keys)
                if (columns.Count < MaxColumns && !columns.Contains(key)) columns.Add(key);
            rows.Add(row);
        }
        return new TableHead(columns, [.. rows.Select(r => (IReadOnlyList<string?>)[.. columns.Select(r.GetValueOrDefault)])], complete);
    }

    /// <summary>What the values of a column look like: integer, number, boolean or text.</summary>
    public static string TypeOf(IEnumerable<string?> values)
    {
        var type = "";
        foreach (var value in values)
        {
            if (string.IsNullOrEmpty(value)) continue;
            var mine = long.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out _) ? "integer"
                : double.TryParse(value, System.Globalization.CultureInfo.InvariantCulture, out _) ? "number"
                : value is "true" or "false" or "True" or "False" ? "boolean"
                : value[0] is '{' or '[' ? "json" : "text";
            if (type.Length == 0 || type == "integer" && mine == "number") type = mine;
            else if (mine != type && !(type == "number" && mine == "integer")) return "text";
        }
        return type.Length == 0 ? "text" : type;
    }

    private static List<string?> Record(string text, ref int at, char separator, out bool ended)
    {
        var values = new List<string?>();
        var value = new StringBuilder();
        var quoted = false;
        ended = false;
        for (; at < text.Length; at++)
        {
            var c = text[at];
            if (quoted)
            {
                if (c != '"') Add(value, c);
                else if (at + 1 < text.Length && text[at + 1] == '"') Add(value, text[++at]);
                else quoted = false;
            }
            else if (c == '"' && value.Length == 0) quoted = true;
            else if (c == separator) End(values, value);
            else if (c == '\n')
            {
                at++;
                ended = true;
                break;
            }
            else if (c != '\r') Add(value, c);
        }
        End(values, value);
        return values;
    }

    private static void End(List<string?> values, StringBuilder value)
    {
        if (values.Count <= MaxColumns) values.Add(value.ToString());
        value.Clear();
    }

    private static void Add(StringBuilder value, char c)
    {
        if (value.Length < MaxCell) value.Append(c);
        else if (value.Length == MaxCell) value.Append('…');
    }

    private static Dictionary<string, string?> Row(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            if (document.RootElement.ValueKind != JsonValueKind.Object) return new() { ["value"] = Clip(line) };
            var row = new Dictionary<string, string?>(StringComparer.Ordinal);
            foreach (var property in document.RootElement.EnumerateObject())
                row[property.Name] = property.Value.ValueKind switch { JsonValueKind.Null => null, JsonValueKind.String => Clip(property.Value.GetString()!), _ => Clip(property.Value.GetRawText()) };
            return row;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException) // InvalidOperation: a name or text with half a surrogate
        {
            return new() { ["(no JSON)"] = Clip(line) };
        }
    }

    private static string Clip(string text) => text.Length <= MaxCell ? text : text[..MaxCell] + "…";
}
