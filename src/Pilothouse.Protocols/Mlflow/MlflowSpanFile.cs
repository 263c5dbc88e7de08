using System.Text.Json;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Mlflow;

/// <summary>
/// Reads the file <c>traces.json</c> that clients without OTLP upload (MLflow's TypeScript client, Python before 3.4):
/// <c>{"spans": [{"trace_id": "RDS25VtjD85rZRtru1sAuw==", "span_id": "7IO14OSfcV4=", "parent_span_id": null, "name": "add", "start_time_unix_nano": 1795..., "attributes": {...}}]}</c>.
/// </summary>
public static class MlflowSpanFile
{
    /// <summary>Largest file.</summary>
    public const int MaxBytes = 64 * 1024 * 1024;

    /// <summary>Most spans of one file.</summary>
    public const int MaxSpans = 20_000;

    private const int MaxDepth = 64;

    /// <param name="traceId">Hex id of the trace that the file belongs to; every span gets it, whatever the file says.</param>
    /// <exception cref="ProtocolFormatException">Not such a file.</exception>
    public static IReadOnlyList<SpanRecord> Read(ReadOnlyMemory<byte> file, string traceId)
    {
        try
        {
            using var document = JsonDocument.Parse(file, new JsonDocumentOptions { MaxDepth = MaxDepth });
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("spans", out var spans) || spans.ValueKind != JsonValueKind.Array) throw new ProtocolFormatException("A trace file is {\"spans\": [...]}.");
            if (spans.GetArrayLength() > MaxSpans) throw new ProtocolFormatException($"A trace file holds at most {MaxSpans} spans.");
            return [.. spans.EnumerateArray().Select(span => Span(span, traceId))];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException and not ProtocolFormatException)
        {
            throw new ProtocolFormatException($"The trace file is not valid: {e.Message}", e);
        }
    }

    private static SpanRecord Span(JsonElement span, string traceId)
    {
        var start = Nanoseconds(span, "start_time_unix_nano", "start_time");
        var status = span.TryGetProperty("status", out var s) ? s : default;
        var code = status.ValueKind == JsonValueKind.Object ? Text(status, "code") : status.ValueKind == JsonValueKind.String ? status.GetString() : null;
        return new SpanRecord(traceId, Id(span, "span_id") ?? throw new ProtocolFormatException("A span of a trace file has no span_id of 8 bytes."), Id(span, "parent_span_id"), Text(span, "name") ?? "", "internal",
            start, Math.Max(start, Nanoseconds(span, "end_time_unix_nano", "end_time")), code switch { "STATUS_CODE_OK" or "OK" => "ok", "STATUS_CODE_ERROR" or "ERROR" => "error", _ => "unset" },
            status.ValueKind == JsonValueKind.Object && Text(status, "message") is { Length: > 0 } message ? message : null, Attributes(span), Events(span), new Dictionary<string, object?>(), null);
    }

    // base64 of 8 bytes ("7IO14OSfcV4=") or, from older clients, hex ("0xec83b5e0e49f715e")
    private static string? Id(JsonElement span, string name)
    {
        if (Text(span, name) is not { Length: > 0 and <= 32 } text) return null;
        if (text.StartsWith("0x", StringComparison.Ordinal)) text = text[2..];
        if (text.Length == 16 && text.All(char.IsAsciiHexDigit)) return text.ToLowerInvariant();
        var bytes = new byte[24];
        return Convert.TryFromBase64String(text, bytes, out var count) && count == 8 ? Convert.ToHexStringLower(bytes.AsSpan(0, 8)) : throw new ProtocolFormatException($"'{text}' is not a span id of 8 bytes.");
    }

    private static long Nanoseconds(JsonElement span, string name, string oldName)
    {
        if (!span.TryGetProperty(name, out var value) && !span.TryGetProperty(oldName, out value) || value.ValueKind == JsonValueKind.Null) return 0;
        var isRead = value.ValueKind == JsonValueKind.String ? long.TryParse(value.GetString(), System.Globalization.CultureInfo.InvariantCulture, out var ns) : value.TryGetInt64(out ns);
        return isRead && ns >= 0 ? ns : throw new ProtocolFormatException($"{name} is not a time in nanoseconds.");
    }

    private static List<SpanEvent> Events(JsonElement span) =>
        !span.TryGetProperty("events", out var events) || events.ValueKind != JsonValueKind.Array ? []
            : [.. events.EnumerateArray().Take(10_000).Select(e => new SpanEvent(Text(e, "name") ?? "", Nanoseconds(e, "time_unix_nano", "timestamp"), Attributes(e)))];

    private static Dictionary<string, object?> Attributes(JsonElement owner)
    {
        var result = new Dictionary<string, object?>();
        if (!owner.TryGetProperty("attributes", out var attributes) || attributes.ValueKind != JsonValueKind.Object) return result;
        foreach (var attribute in attributes.EnumerateObject().Take(4096)) result[attribute.Name] = Plain(attribute.Value);
        return result;
    }

    private static object? Plain(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => value.TryGetInt64(out var number) ? number : value.GetDouble() as object,
        JsonValueKind.Array => value.EnumerateArray().Select(Plain).ToArray(),
        JsonValueKind.Object => value.EnumerateObject().ToDictionary(m => m.Name, m => Plain(m.Value)),
        _ => null,
    };

    private static string? Text(JsonElement owner, string name) => owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
