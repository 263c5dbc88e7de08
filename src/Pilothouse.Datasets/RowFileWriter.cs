using System.Text;
using System.Text.Json;

namespace Pilothouse.Datasets;

/// <summary>Writes rows one after another: JSONL, or CSV with a header of given columns. Values are written as they were read.</summary>
public sealed class RowFileWriter : IDisposable
{
    private static readonly JsonWriterOptions Options = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private readonly Stream _target;
    private readonly IReadOnlyList<string>? _columns;
    private readonly Utf8JsonWriter _json;

    /// <param name="columns">Of CSV; null = JSONL.</param>
    public RowFileWriter(Stream target, IReadOnlyList<string>? columns)
    {
        (_target, _columns, _json) = (target, columns, new Utf8JsonWriter(target, Options));
        if (columns is not null) Line(columns);
    }

    public long Rows { get; private set; }

    public void Write(DataRow row)
    {
        Rows++;
        if (_columns is not null)
        {
            Line(_columns.Select(c => row.Text(c) ?? ""));
            return;
        }
        _json.Reset(_target);
        Write(_json, row);
        _json.Flush();
        _target.WriteByte((byte)'\n');
    }

    public void Dispose() => _json.Dispose();

    /// <summary>The row as a JSON object.</summary>
    public static void Write(Utf8JsonWriter json, DataRow row)
    {
        json.WriteStartObject();
        foreach (var (name, value) in row.Fields)
        {
            json.WritePropertyName(name);
            value.WriteTo(json);
        }
        json.WriteEndObject();
    }

    private void Line(IEnumerable<string> values) => _target.Write(Encoding.UTF8.GetBytes(string.Join(',', values.Select(CsvRows.Quote)) + "\n"));
}
