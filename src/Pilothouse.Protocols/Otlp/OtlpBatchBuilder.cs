namespace Pilothouse.Protocols.Otlp;

/// <summary>A fault of one span: the span is refused, the rest of the batch is not.</summary>
internal sealed class OtlpSpanFaultException(string message) : ProtocolFormatException(message);

/// <summary>Collects spans, checks what the encodings have in common, and counts the refused ones.</summary>
internal sealed class OtlpBatchBuilder
{
    private readonly List<OtlpSpan> _spans = [];
    private int _rejected;
    private string? _error;
    private int _values;

    public OtlpTraceBatch Build() => new(_spans, _rejected, _error);

    public void Add(OtlpSpan span)
    {
        if (_spans.Count + _rejected >= OtlpLimits.MaxSpans)
            throw new ProtocolFormatException($"The request holds more than {OtlpLimits.MaxSpans} spans; send smaller batches.");
        if (Fault(span) is { } fault)
            Reject(fault);
        else
            _spans.Add(span.EndNano < span.StartNano ? span with { EndNano = span.StartNano } : span);
    }

    public void Reject(string reason)
    {
        if (_spans.Count + _rejected >= OtlpLimits.MaxSpans)
            throw new ProtocolFormatException($"The request holds more than {OtlpLimits.MaxSpans} spans; send smaller batches.");
        _rejected++;
        _error ??= reason;
    }

    /// <summary>
    /// Accounts for one more attribute, event, link or list item. An empty one takes two bytes on the wire and a hundred in memory, so the
    /// request as a whole is bounded too.
    /// </summary>
    public void Count(int count, int max, string what)
    {
        if (++_values > OtlpLimits.MaxValues)
            throw new ProtocolFormatException($"The request holds more than {OtlpLimits.MaxValues} attributes and events; send smaller batches.");
        if (count >= max)
            throw new OtlpSpanFaultException($"A span has more than {max} {what}.");
    }

    public static void CheckDepth(int depth)
    {
        if (depth > OtlpLimits.MaxValueDepth)
            throw new OtlpSpanFaultException($"An attribute value is nested deeper than {OtlpLimits.MaxValueDepth}.");
    }

    /// <summary>Beyond the year 2262 a time does not fit into 63 bits; it was never a real one.</summary>
    public static long Nanoseconds(ulong value) =>
        value <= long.MaxValue ? (long)value : throw new OtlpSpanFaultException($"A time of {value} ns is out of range.");

    private static string? Fault(OtlpSpan span) =>
        !IsId(span.TraceId, 32) ? "A span's traceId is not 16 bytes, or all zero."
        : !IsId(span.SpanId, 16) ? "A span's spanId is not 8 bytes, or all zero."
        : span.ParentSpanId is { } parent && !IsHex(parent, 16) ? "A span's parentSpanId is not 8 bytes."
        : null;

    private static bool IsId(string id, int length) => IsHex(id, length) && id.AsSpan().ContainsAnyExcept('0');

    private static bool IsHex(string id, int length) => id.Length == length && id.All(char.IsAsciiHexDigitLower);
}
