namespace Pilothouse.Protocols.Otlp;

/// <summary>Attributes in the order sent. A value is a string, bool, long, double, byte[], a list or such a map of these, or null.</summary>
public sealed class OtlpAttributes : OrderedDictionary<string, object?>
{
    /// <summary>The value when it is text (or null).</summary>
    public string? Text(string key) => TryGetValue(key, out var value) ? value as string : null;

    /// <summary>The value as a whole number: an integer, a double without fraction, or digits in a text; otherwise null.</summary>
    public long? Integer(string key) => !TryGetValue(key, out var value) ? null : value switch
    {
        long number => number,
        double number when number == Math.Floor(number) && Math.Abs(number) < 9e15 => (long)number,
        string text when long.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var number) => number,
        _ => null,
    };
}

/// <summary>Who calls whom.</summary>
public enum OtlpSpanKind
{
    Unspecified = 0,
    Internal = 1,
    Server = 2,
    Client = 3,
    Producer = 4,
    Consumer = 5,
}

/// <summary>How a span ended.</summary>
public enum OtlpStatus
{
    Unset = 0,
    Ok = 1,
    Error = 2,
}

/// <summary>What sent the spans.</summary>
public sealed record OtlpResource(OtlpAttributes Attributes)
{
    /// <summary><c>service.name</c>, or null: a resource without it is accepted.</summary>
    public string? ServiceName => Attributes.Text("service.name");
}

/// <summary>The instrumentation library that made the spans.</summary>
public sealed record OtlpScope(string Name, string Version, OtlpAttributes Attributes)
{
    public static OtlpScope None { get; } = new("", "", []);
}

/// <summary>Something that happened during a span.</summary>
/// <param name="TimeNano">Nanoseconds since 1970.</param>
public sealed record OtlpEvent(string Name, long TimeNano, OtlpAttributes Attributes);

/// <summary>A span that this one relates to. Ids in lower-case hex.</summary>
public sealed record OtlpLink(string TraceId, string SpanId, string TraceState, OtlpAttributes Attributes);

/// <summary>One span, whatever encoding brought it.</summary>
public sealed record OtlpSpan
{
    /// <summary>32 lower-case hex digits, not all zero.</summary>
    public required string TraceId { get; init; }

    /// <summary>16 lower-case hex digits, not all zero.</summary>
    public required string SpanId { get; init; }

    /// <summary>Like <see cref="SpanId"/>; null for a root.</summary>
    public string? ParentSpanId { get; init; }

    public string TraceState { get; init; } = "";

    public string Name { get; init; } = "";

    public OtlpSpanKind Kind { get; init; }

    /// <summary>Nanoseconds since 1970.</summary>
    public long StartNano { get; init; }

    /// <summary>Nanoseconds since 1970; never before the start.</summary>
    public long EndNano { get; init; }

    public OtlpStatus Status { get; init; }

    public string StatusMessage { get; init; } = "";

    public OtlpAttributes Attributes { get; init; } = [];

    public IReadOnlyList<OtlpEvent> Events { get; init; } = [];

    public IReadOnlyList<OtlpLink> Links { get; init; } = [];

    public required OtlpResource Resource { get; init; }

    public required OtlpScope Scope { get; init; }
}

/// <summary>A decoded export request: the good spans, and how many were refused with the reason of the first.</summary>
public sealed record OtlpTraceBatch(IReadOnlyList<OtlpSpan> Spans, int RejectedSpans, string? ErrorMessage);

/// <summary>Bounds of one request and of one span.</summary>
public static class OtlpLimits
{
    /// <summary>Largest request after decompression: 64 MiB, the specification's recommendation.</summary>
    public const int MaxRequestBytes = 64 * 1024 * 1024;

    /// <summary>Most spans of one request.</summary>
    public const int MaxSpans = 200_000;

    /// <summary>Most attributes, events, links and list items of one request.</summary>
    public const int MaxValues = 2_000_000;

    /// <summary>Most attributes of one span, event, link, scope or resource; a span with more is refused. SDKs stop at 128 by default.</summary>
    public const int MaxAttributes = 4_096;

    /// <summary>Most events, and most links, of one span.</summary>
    public const int MaxEvents = 10_000;

    /// <summary>Most items of one list value.</summary>
    public const int MaxListItems = 100_000;

    /// <summary>Deepest nesting of an attribute's value.</summary>
    public const int MaxValueDepth = 16;
}
