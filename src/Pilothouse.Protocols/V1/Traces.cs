namespace Pilothouse.Protocols.V1;

/// <summary>One span as stored.</summary>
/// <param name="TraceId">32 lower-case hex digits.</param>
/// <param name="SpanId">16 lower-case hex digits.</param>
/// <param name="Kind">internal, server, client, producer, consumer.</param>
/// <param name="Status">unset, ok, error.</param>
/// <param name="Attributes">Span attributes; values as JSON-able objects (string, long, double, bool, arrays).</param>
public sealed record SpanRecord(string TraceId, string SpanId, string? ParentSpanId, string Name, string Kind, long StartNs, long EndNs, string Status, string? StatusMessage,
    IReadOnlyDictionary<string, object?> Attributes, IReadOnlyList<SpanEvent> Events, IReadOnlyDictionary<string, object?> Resource, string? Scope);

public sealed record SpanEvent(string Name, long TimeNs, IReadOnlyDictionary<string, object?> Attributes);

/// <param name="Service">Only traces whose root has this service.name.</param>
/// <param name="Release">Only traces answered by this release digest.</param>
/// <param name="Environment">Only traces of this environment, <c>PROJECT/ENV</c>.</param>
/// <param name="Limit">1 to 1,000.</param>
public sealed record TraceQuery(string? Service = null, string? Model = null, string? Release = null, string? Environment = null, bool? Errors = null, string? Text = null,
    int Limit = 100, string? PageToken = null);

public sealed record TraceSummary(string TraceId, string Name, string? Service, string? Model, string? Release, string? Environment, long StartMs, double DurationMs, int Spans, int Errors,
    long InputTokens, long OutputTokens, string? Input, string? Output);

public sealed record TraceDetail(TraceSummary Summary, IReadOnlyList<SpanRecord> Spans);
