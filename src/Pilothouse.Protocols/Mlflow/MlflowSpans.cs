using System.Globalization;
using System.Text.Json;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>Spans in MLflow's two JSON forms. Ids are base64 of the raw bytes in both, unlike OTLP's own JSON, which has hex.</summary>
public static class MlflowSpans
{
    /// <summary>Nesting of an answer: values up to 16 deep, each level of which takes four of JSON.</summary>
    public static JsonWriterOptions WriterOptions { get; } = new() { MaxDepth = 256, Encoder = MlflowJson.Options.Encoder };

    /// <summary>Writes <c>{"trace_info": {...}, "spans": [...]}</c>.</summary>
    public static void WriteTrace(Utf8JsonWriter json, MlflowTraceInfo info, IReadOnlyList<SpanRecord> spans)
    {
        json.WriteStartObject();
        json.WritePropertyName("trace_info");
        JsonSerializer.Serialize(json, info, MlflowJson.Options);
        if (spans.Count > 0)
        {
            json.WriteStartArray("spans");
            foreach (var span in spans) Write(json, span);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    /// <summary>
    /// The file <c>traces.json</c>: <c>{"spans": [{"trace_id": "RDS25...", "attributes": {"mlflow.spanInputs": "{\"x\": 1}"}, ...}]}</c>, attributes as JSON in texts.
    /// </summary>
    public static void WriteFile(Utf8JsonWriter json, IReadOnlyList<SpanRecord> spans)
    {
        json.WriteStartObject();
        json.WriteStartArray("spans");
        foreach (var span in spans) WriteFileSpan(json, span);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>The text in which <c>span.content</c> is searched: the span as in <see cref="WriteFile"/>.</summary>
    public static string Content(SpanRecord span)
    {
        var fields = new Dictionary<string, object?>
        {
            ["name"] = span.Name,
            ["status"] = new Dictionary<string, object?> { ["code"] = StatusCode(span.Status), ["message"] = span.StatusMessage ?? "" },
            ["attributes"] = span.Attributes.ToDictionary(a => a.Key, a => (object?)PythonJson.Of(a.Value)),
            ["events"] = span.Events.Select(e => (object?)new Dictionary<string, object?> { ["name"] = e.Name, ["attributes"] = e.Attributes }).ToArray(),
        };
        return PythonJson.Write(fields);
    }

    private static void Write(Utf8JsonWriter json, SpanRecord span)
    {
        json.WriteStartObject();
        json.WriteString("trace_id", Base64(span.TraceId));
        json.WriteString("span_id", Base64(span.SpanId));
        if (span.ParentSpanId is { } parent) json.WriteString("parent_span_id", Base64(parent));
        json.WriteString("name", span.Name);
        json.WriteNumber("start_time_unix_nano", span.StartNs);
        json.WriteNumber("end_time_unix_nano", span.EndNs);
        WriteAttributes(json, span.Attributes, decode: true);
        if (span.Events.Count > 0)
        {
            json.WriteStartArray("events");
            foreach (var e in span.Events) WriteEvent(json, e);
            json.WriteEndArray();
        }
        json.WriteStartObject("status");
        if (span.StatusMessage is { Length: > 0 } message) json.WriteString("message", message);
        if (span.Status != "unset") json.WriteString("code", StatusCode(span.Status));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteEvent(Utf8JsonWriter json, SpanEvent e)
    {
        json.WriteStartObject();
        json.WriteNumber("time_unix_nano", e.TimeNs);
        json.WriteString("name", e.Name);
        WriteAttributes(json, e.Attributes, decode: false);
        json.WriteEndObject();
    }

    private static void WriteAttributes(Utf8JsonWriter json, IEnumerable<KeyValuePair<string, object?>> attributes, bool decode)
    {
        var isOpen = false;
        foreach (var (key, value) in attributes)
        {
            if (!isOpen) json.WriteStartArray("attributes");
            isOpen = true;
            // Many SDKs put JSON into texts; MLflow hands out what it holds.
            WritePair(json, key, decode && value is string text && PythonJson.Decode(text) is { } held ? held : value);
        }
        if (isOpen) json.WriteEndArray();
    }

    private static void WritePair(Utf8JsonWriter json, string key, object? value)
    {
        json.WriteStartObject();
        json.WriteString("key", key);
        if (value is not null and not JsonElement { ValueKind: JsonValueKind.Null })
        {
            json.WritePropertyName("value");
            WriteValue(json, value);
        }
        json.WriteEndObject();
    }

    /// <summary><c>{"int_value": 1}</c>, <c>{"kvlist_value": {"values": [{"key": "q", "value": {...}}]}}</c>, ...</summary>
    private static void WriteValue(Utf8JsonWriter json, object? value)
    {
        json.WriteStartObject();
        switch (value)
        {
            case string text: json.WriteString("string_value", text); break;
            case bool flag: json.WriteBoolean("bool_value", flag); break;
            case long number: json.WriteNumber("int_value", number); break;
            case double number: WriteReal(json, number); break;
            case JsonElement element: WriteElement(json, element); break;
            case IEnumerable<KeyValuePair<string, object?>> map: WriteList(json, "kvlist_value", map, pair => WritePair(json, pair.Key, pair.Value)); break;
            case IEnumerable<object?> list: WriteList(json, "array_value", list, item => WriteValue(json, item)); break;
            default: break;
        }
        json.WriteEndObject();
    }

    private static void WriteElement(Utf8JsonWriter json, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.String: json.WriteString("string_value", value.GetString()); break;
            case JsonValueKind.True or JsonValueKind.False: json.WriteBoolean("bool_value", value.GetBoolean()); break;
            case JsonValueKind.Number when value.TryGetInt64(out var number): json.WriteNumber("int_value", number); break;
            case JsonValueKind.Number: WriteReal(json, value.GetDouble()); break;
            case JsonValueKind.Object: WriteList(json, "kvlist_value", value.EnumerateObject(), member => WritePair(json, member.Name, member.Value)); break;
            case JsonValueKind.Array: WriteList(json, "array_value", value.EnumerateArray(), item => WriteValue(json, item)); break;
            default: break;
        }
    }

    private static void WriteList<T>(Utf8JsonWriter json, string name, IEnumerable<T> items, Action<T> write)
    {
        json.WriteStartObject(name);
        var isOpen = false;
        foreach (var item in items)
        {
            if (!isOpen) json.WriteStartArray("values");
            isOpen = true;
            write(item);
        }
        if (isOpen) json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteReal(Utf8JsonWriter json, double number)
    {
        if (double.IsFinite(number)) json.WriteNumber("double_value", number);
        else json.WriteString("double_value", double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
    }

    private static void WriteFileSpan(Utf8JsonWriter json, SpanRecord span)
    {
        json.WriteStartObject();
        json.WriteString("trace_id", Base64(span.TraceId));
        json.WriteString("span_id", Base64(span.SpanId));
        json.WriteString("parent_span_id", span.ParentSpanId is { } parent ? Base64(parent) : null);
        json.WriteString("name", span.Name);
        json.WriteNumber("start_time_unix_nano", span.StartNs);
        json.WriteNumber("end_time_unix_nano", span.EndNs);
        json.WriteStartArray("events");
        foreach (var e in span.Events) WriteFileEvent(json, e);
        json.WriteEndArray();
        json.WriteStartObject("status");
        json.WriteString("code", StatusCode(span.Status));
        json.WriteString("message", span.StatusMessage ?? "");
        json.WriteEndObject();
        json.WriteStartObject("attributes");
        foreach (var (key, value) in span.Attributes) json.WriteString(key, PythonJson.Of(value));
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void WriteFileEvent(Utf8JsonWriter json, SpanEvent e)
    {
        json.WriteStartObject();
        json.WriteString("name", e.Name);
        json.WriteNumber("time_unix_nano", e.TimeNs);
        json.WritePropertyName("attributes");
        WritePlain(json, e.Attributes);
        json.WriteEndObject();
    }

    private static void WritePlain(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case string text: json.WriteStringValue(text); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case long number: json.WriteNumberValue(number); break;
            case double number when double.IsFinite(number): json.WriteNumberValue(number); break;
            case IEnumerable<KeyValuePair<string, object?>> map:
                json.WriteStartObject();
                foreach (var (key, member) in map)
                {
                    json.WritePropertyName(key);
                    WritePlain(json, member);
                }
                json.WriteEndObject();
                break;
            case IEnumerable<object?> list:
                json.WriteStartArray();
                foreach (var item in list) WritePlain(json, item);
                json.WriteEndArray();
                break;
            default: json.WriteStringValue(Convert.ToString(value, CultureInfo.InvariantCulture)); break;
        }
    }

    private static string StatusCode(string status) => "STATUS_CODE_" + status.ToUpper(CultureInfo.InvariantCulture);

    private static string Base64(string hex)
    {
        try
        {
            return Convert.ToBase64String(Convert.FromHexString(hex));
        }
        catch (FormatException)
        {
            return hex; // not OpenTelemetry's: a trace of version 2
        }
    }
}
