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
    int Limit = 100, string? PageToken = null)
{
    /// <summary>Only traces of this experiment; its id.</summary>
    public string? Experiment { get; init; }

    /// <summary>Only traces of this session (conversation).</summary>
    public string? Session { get; init; }
}

public sealed record TraceSummary(string TraceId, string Name, string? Service, string? Model, string? Release, string? Environment, long StartMs, double DurationMs, int Spans, int Errors,
    long InputTokens, long OutputTokens, string? Input, string? Output);

public sealed record TraceDetail(TraceSummary Summary, IReadOnlyList<SpanRecord> Spans)
{
    /// <summary>What clients say of the trace beside its spans.</summary>
    public TraceContext? Context { get; init; }
}

/// <summary>Where a trace belongs, and what was said about it.</summary>
/// <param name="State">OK, ERROR, IN_PROGRESS or STATE_UNSPECIFIED.</param>
/// <param name="Runs">Ids of the runs that it belongs to.</param>
/// <param name="Metadata">Set when the trace was made; tags may change later.</param>
public sealed record TraceContext(string ExperimentId, string? ExperimentName, string State, string? Session, string? User, string? ClientRequestId, IReadOnlyList<string> Runs, IReadOnlyList<TracePrompt> Prompts,
    IReadOnlyDictionary<string, string> Tags, IReadOnlyDictionary<string, string> Metadata, IReadOnlyList<TraceAssessment> Assessments);

/// <summary>A prompt version used in a trace.</summary>
public sealed record TracePrompt(string Name, string Version);

/// <summary>What a person, a judge or a program says about a trace or one of its spans.</summary>
/// <param name="Kind">feedback, expectation or issue.</param>
/// <param name="Value">A text as it is; anything else as JSON.</param>
/// <param name="SourceType">HUMAN, LLM_JUDGE, CODE or SOURCE_TYPE_UNSPECIFIED.</param>
/// <param name="Valid">False when a later one overrides it.</param>
/// <param name="SpanId">Null when it is about the whole trace.</param>
public sealed record TraceAssessment(string Id, string Name, string Kind, string? Value, string? Error, string SourceType, string? SourceId, string? Rationale, string? SpanId, bool Valid, string? Overrides,
    long CreatedMs, long UpdatedMs);
