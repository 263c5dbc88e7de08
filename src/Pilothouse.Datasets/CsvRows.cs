using System.Buffers;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols;

namespace Pilothouse.Datasets;

/// <summary>RFC 4180: a header line, comma, values in double quotes may hold commas, line ends and doubled quotes.</summary>
internal static class CsvRows
{
    private const char ByteOrderMark = '\uFEFF';

    public static IEnumerable<DataRow> Read(Stream content, string name, long skip, CancellationToken ct)
    {
        using var reader = new StreamReader(content, new UTF8Encoding(false, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false, 64 * 1024, leaveOpen: true);
        SkipMark(reader, name);
        var line = 1L;
        var values = new List<string>();
        if (!Record(reader, name, values, ref line)) yield break;
        string[] header = [.. values];
        if (header.GroupBy(h => h, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw RowReader.Fault(name, 1, $"the column '{twice.Key}' stands twice in the header.");
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { SkipValidation = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        while (true)
        {
            ct.ThrowIfCancellationRequested();
            var start = line;
            if (!Record(reader, name, values, ref line)) yield break;
            if (values is [""] && header.Length > 1) continue;
            if (values.Count != header.Length) throw RowReader.Fault(name, start, $"{values.Count} values, but the header has {header.Length} columns.");
            if (skip > 0)
            {
                skip--;
                continue;
            }
            buffer.ResetWrittenCount();
            json.Reset(buffer);
            json.WriteStartArray();
            foreach (var value in values) json.WriteStringValue(value);
            json.WriteEndArray();
            json.Flush();
            yield return new DataRow((int)Math.Min(start, int.MaxValue), Row(header, buffer.WrittenSpan));
        }
    }

    /// <summary>Looked for here: a stream reader misses it when its first read is short.</summary>
    private static void SkipMark(StreamReader reader, string name)
    {
        try
        {
            if (reader.Peek() == ByteOrderMark) reader.Read();
        }
        catch (DecoderFallbackException)
        {
            throw new ProtocolFormatException($"{name} is not UTF-8 text. Save it as UTF-8.");
        }
    }

    private static KeyValuePair<string, JsonElement>[] Row(string[] header, ReadOnlySpan<byte> values)
    {
        var reader = new Utf8JsonReader(values);
        var fields = new KeyValuePair<string, JsonElement>[header.Length];
        var i = 0;
        foreach (var value in JsonElement.ParseValue(ref reader).EnumerateArray()) fields[i] = KeyValuePair.Create(header[i++], value);
        return fields;
    }

    /// <returns>False at the end of the file.</returns>
    private static bool Record(StreamReader reader, string name, List<string> values, ref long line)
    {
        values.Clear();
        try
        {
            if (reader.Peek() < 0) return false;
            var (start, length) = (line, 0);
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
                    if (c is not ',') return true;
                }
                else if (!wasQuoted) value.Append((char)c);
                else if (c != '\r') throw RowReader.Fault(name, start, "text follows a closing quote.");
            }
        }
        catch (DecoderFallbackException)
        {
            throw new ProtocolFormatException($"{name}, line {line}, or one soon after it, is not UTF-8 text. Save it as UTF-8.");
        }
    }

    public static string Quote(string value) => value.AsSpan().IndexOfAny(",\"\r\n") < 0 ? value : $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
