using System.Text.Encodings.Web;
using System.Text.Json;

namespace Pilothouse.Datasets;

/// <summary>Writes rows as they were read: JSONL, or CSV with the union of all fields as columns.</summary>
public static class RowWriter
{
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void Write(TextWriter writer, IReadOnlyList<DataRow> rows, RowFormat format)
    {
        writer.NewLine = "\n";
        if (format != RowFormat.Csv)
        {
            foreach (var row in rows) writer.WriteLine(JsonSerializer.Serialize(new Dictionary<string, JsonElement>(row.Fields), Json));
            return;
        }
        var columns = rows.SelectMany(r => r.Fields.Select(f => f.Key)).Distinct(StringComparer.Ordinal).ToArray();
        writer.WriteLine(string.Join(',', columns.Select(CsvRows.Quote)));
        foreach (var row in rows) writer.WriteLine(string.Join(',', columns.Select(c => CsvRows.Quote(row.Text(c) ?? ""))));
    }
}
