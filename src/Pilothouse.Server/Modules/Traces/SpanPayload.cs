using System.Globalization;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Serialization;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>A whole span as stored: one format byte (1 = zlib over JSON, 2 = JSON), then the content.</summary>
internal static class SpanPayload
{
    private const byte ZlibJson = 1;
    private const byte PlainJson = 2;

    /// <summary>Bytes of JSON below which compression costs more time than it saves space.</summary>
    private const int WorthCompressing = 1024;

    private static readonly JsonSerializerOptions Options = new(WireJson.Options) { Converters = { new RealConverter() } };

    public static byte[] Write(SpanRecord span)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(span, Options);
        if (json.Length < WorthCompressing) return [PlainJson, .. json];
        using var output = new MemoryStream(json.Length);
        output.WriteByte(ZlibJson);
        using (var zlib = new ZLibStream(output, CompressionLevel.Fastest, leaveOpen: true)) zlib.Write(json);
        return output.ToArray();
    }

    public static SpanRecord Read(byte[] payload)
    {
        var span = (payload.Length == 0 ? 0 : payload[0]) switch
        {
            PlainJson => JsonSerializer.Deserialize<SpanRecord>(payload.AsSpan(1), Options),
            ZlibJson => Inflate(payload),
            _ => throw new InvalidDataException("A stored span has an unknown format: it was written by a newer version."),
        };
        if (span is null) throw new InvalidDataException("A stored span is empty.");
        return span with { Attributes = Plain(span.Attributes), Resource = Plain(span.Resource), Events = [.. span.Events.Select(e => e with { Attributes = Plain(e.Attributes) })] };
    }

    private static SpanRecord? Inflate(byte[] payload)
    {
        using var zlib = new ZLibStream(new MemoryStream(payload, 1, payload.Length - 1, writable: false), CompressionMode.Decompress);
        return JsonSerializer.Deserialize<SpanRecord>(zlib, Options);
    }

    /// <summary>The reader gives JSON elements; callers want the string, long, double, bool or array that was written.</summary>
    private static Dictionary<string, object?> Plain(IReadOnlyDictionary<string, object?> attributes) => attributes.ToDictionary(a => a.Key, a => a.Value is JsonElement json ? Plain(json) : a.Value);

    private static object? Plain(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.String => json.GetString(),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => json.TryGetInt64(out var number) ? (object)number : json.GetDouble(), // without the cast both would be double
        JsonValueKind.Array => json.EnumerateArray().Select(Plain).ToArray(),
        JsonValueKind.Object => json.EnumerateObject().ToDictionary(p => p.Name, p => Plain(p.Value)),
        _ => null,
    };

    /// <summary>2.0 stays 2.0: a real number must not come back as an integer.</summary>
    private sealed class RealConverter : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (!double.IsFinite(value)) writer.WriteStringValue(value.ToString(CultureInfo.InvariantCulture));
            else if (value == Math.Floor(value) && Math.Abs(value) < 1e15) writer.WriteRawValue(value.ToString("F1", CultureInfo.InvariantCulture));
            else writer.WriteNumberValue(value);
        }
    }
}
