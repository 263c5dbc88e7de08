using Pilothouse.Protocols.Wire;

namespace Pilothouse.Protocols.Otlp;

/// <summary>
/// <c>ExportTraceServiceRequest</c> in protobuf and its answers. Field numbers are those of
/// <see href="https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto"/>.
/// </summary>
public static class OtlpProtobuf
{
    /// <summary>Decodes a request. An empty one is a batch without spans.</summary>
    /// <exception cref="ProtocolFormatException">Not protobuf, truncated, or beyond a bound of <see cref="OtlpLimits"/>.</exception>
    public static OtlpTraceBatch DecodeTraces(ReadOnlySpan<byte> request)
    {
        if (request.Length > OtlpLimits.MaxRequestBytes)
            throw new ProtocolFormatException($"The request is larger than {OtlpLimits.MaxRequestBytes} bytes.");
        var batch = new OtlpBatchBuilder();
        new OtlpProtobufDecoder(batch).Request(request);
        return batch.Build();
    }

    /// <summary><c>ExportTraceServiceResponse</c>: empty on full success, otherwise with <c>partial_success</c>.</summary>
    /// <param name="rejectedSpans">0 with a message is a warning.</param>
    public static byte[] EncodeTraceResponse(long rejectedSpans, string? errorMessage)
    {
        if (rejectedSpans == 0 && string.IsNullOrEmpty(errorMessage))
            return [];
        var partial = new ProtoWriter();
        if (rejectedSpans != 0)
            partial.Varint(1, (ulong)rejectedSpans);
        if (!string.IsNullOrEmpty(errorMessage))
            partial.Text(2, errorMessage);
        return new ProtoWriter().Bytes(1, partial.ToArray()).ToArray();
    }

    /// <summary><c>google.rpc.Status</c>, the body of an error answer.</summary>
    /// <param name="code">gRPC status code, such as 3 = INVALID_ARGUMENT.</param>
    public static byte[] EncodeStatus(int code, string message) => new ProtoWriter().Varint(1, (ulong)code).Text(2, message).ToArray();
}
