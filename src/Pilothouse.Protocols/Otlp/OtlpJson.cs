using System.Globalization;
using System.Text.Json;

namespace Pilothouse.Protocols.Otlp;

/// <summary>
/// <c>ExportTraceServiceRequest</c> in OTLP's JSON and its answers: lowerCamelCase, ids in hex (any case), enums as integers, 64-bit integers as text
/// or number (the JavaScript exporter sends numbers), unknown fields ignored.
/// </summary>
public static class OtlpJson
{
    private const int MaxDepth = 128;

    /// <summary>Decodes a request. <c>{}</c> is a batch without spans.</summary>
    /// <exception cref="ProtocolFormatException">Not such JSON, or beyond a bound of <see cref="OtlpLimits"/>.</exception>
    public static OtlpTraceBatch DecodeTraces(ReadOnlyMemory<byte> request)
    {
        if (request.Length > OtlpLimits.MaxRequestBytes)
            throw new ProtocolFormatException($"The request is larger than {OtlpLimits.MaxRequestBytes} bytes.");
        try
        {
            using var document = JsonDocument.Parse(request, new JsonDocumentOptions { MaxDepth = MaxDepth });
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                throw new ProtocolFormatException("An OTLP request in JSON is an object.");
            var batch = new OtlpBatchBuilder();
            new OtlpJsonDecoder(batch).Request(document.RootElement);
            return batch.Build();
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException and not ProtocolFormatException)
        {
            throw new ProtocolFormatException($"The OTLP request is not valid JSON: {e.Message}", e);
        }
    }

    /// <summary><c>ExportTraceServiceResponse</c>: <c>{}</c> on full success, otherwise with <c>partialSuccess</c>.</summary>
    public static byte[] EncodeTraceResponse(long rejectedSpans, string? errorMessage) =>
        rejectedSpans == 0 && string.IsNullOrEmpty(errorMessage)
            ? "{}"u8.ToArray()
            : JsonSerializer.SerializeToUtf8Bytes(new
            {
                // An int64 is text in protobuf's JSON.
                partialSuccess = new { rejectedSpans = rejectedSpans.ToString(CultureInfo.InvariantCulture), errorMessage = errorMessage ?? "" },
            });

    /// <summary><c>google.rpc.Status</c>, the body of an error answer.</summary>
    public static byte[] EncodeStatus(int code, string message) => JsonSerializer.SerializeToUtf8Bytes(new { code, message });
}
