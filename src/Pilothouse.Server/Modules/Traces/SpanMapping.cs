using Pilothouse.Protocols.Otlp;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>Between the protocol's span and ours, and from ours to the compact row.</summary>
internal static class SpanMapping
{
    /// <summary>Characters of input and output in lists; the whole is in the payload.</summary>
    private const int MaxPreview = 500;
    private const int MaxName = 500;

    public static SpanRecord ToRecord(OtlpSpan span) => new(span.TraceId, span.SpanId, span.ParentSpanId, span.Name, Kind(span.Kind), span.StartNano, span.EndNano,
        span.Status switch { OtlpStatus.Ok => "ok", OtlpStatus.Error => "error", _ => "unset" }, span.StatusMessage.Length > 0 ? span.StatusMessage : null,
        Plain(span.Attributes), [.. span.Events.Select(e => new SpanEvent(e.Name, e.TimeNano, Plain(e.Attributes)))], Plain(span.Resource.Attributes),
        span.Scope.Name.Length > 0 ? span.Scope.Name : null);

    /// <summary>The columns of a span: read through the GenAI conventions, whichever its SDK follows.</summary>
    public static SpanRow ToRow(SpanRecord span)
    {
        var otlp = ToOtlp(span);
        var info = GenAi.Read(otlp);
        return new SpanRow
        {
            TraceId = span.TraceId,
            SpanId = span.SpanId,
            ParentId = span.ParentSpanId,
            Name = Cut(span.Name, MaxName)!,
            Service = Cut(otlp.Resource.ServiceName, MaxName),
            Environment = Cut(otlp.Attributes.Text("pilothouse.environment"), MaxName),
            Release = Cut(otlp.Attributes.Text("pilothouse.release"), MaxName),
            StartNs = span.StartNs,
            EndNs = span.EndNs,
            IsError = span.Status == "error" || info?.IsError == true ? 1 : 0,
            Operation = info is { IsInference: true } ? Cut(info.Operation, MaxName) : null,
            Model = Cut(info?.Model, MaxName),
            ResponseId = Cut(info?.ResponseId, MaxName),
            InputTokens = info is { IsInference: true } ? info.InputTokens : null,
            OutputTokens = info is { IsInference: true } ? info.OutputTokens : null,
            Richness = info is null ? 0 : new object?[] { info.InputTokens, info.OutputTokens, info.CacheReadTokens, info.CacheWriteTokens, info.ReasoningTokens, info.Prompt, info.Completion }.Count(v => v is not null),
            InputText = Cut(MessageText.Last(info?.Prompt), MaxPreview),
            OutputText = Cut(MessageText.Last(info?.Completion), MaxPreview),
            Payload = SpanPayload.Write(span),
        };
    }

    private static OtlpSpan ToOtlp(SpanRecord span) => new()
    {
        TraceId = span.TraceId,
        SpanId = span.SpanId,
        ParentSpanId = span.ParentSpanId,
        Name = span.Name,
        Status = span.Status switch { "ok" => OtlpStatus.Ok, "error" => OtlpStatus.Error, _ => OtlpStatus.Unset },
        Attributes = Attributes(span.Attributes),
        Resource = new OtlpResource(Attributes(span.Resource)),
        Scope = new OtlpScope(span.Scope ?? "", "", []),
    };

    private static OtlpAttributes Attributes(IReadOnlyDictionary<string, object?> values)
    {
        var attributes = new OtlpAttributes();
        foreach (var (key, value) in values) attributes[key] = value is object?[] array ? array.ToList() : value;
        return attributes;
    }

    private static Dictionary<string, object?> Plain(OtlpAttributes attributes)
    {
        var plain = new Dictionary<string, object?>(attributes.Count);
        foreach (var (key, value) in attributes) plain[key] = Plain(value);
        return plain;
    }

    private static object? Plain(object? value) => value switch
    {
        OtlpAttributes map => Plain(map),
        List<object?> list => list.Select(Plain).ToArray(),
        byte[] bytes => Convert.ToBase64String(bytes),
        _ => value,
    };

    private static string Kind(OtlpSpanKind kind) => kind == OtlpSpanKind.Unspecified ? "internal" : kind.ToString().ToLowerInvariant();

    /// <summary>Text that any database takes: bounded, no NUL (PostgreSQL has none), no half of a surrogate pair.</summary>
    private static string? Cut(string? text, int max)
    {
        if (text is null) return null;
        if (text.Length > max) text = text[..(char.IsHighSurrogate(text[max - 1]) ? max - 1 : max)];
        return text.Contains('\0', StringComparison.Ordinal) ? text.Replace('\0', ' ') : text;
    }
}

/// <summary>The compact columns of one span.</summary>
internal sealed class SpanRow
{
    public string TraceId { get; init; } = "";
    public string SpanId { get; init; } = "";
    public string? ParentId { get; init; }
    public string Name { get; init; } = "";
    public string? Service { get; init; }
    public string? Environment { get; init; }
    public string? Release { get; init; }
    public long StartNs { get; init; }
    public long EndNs { get; init; }
    public long IsError { get; init; }
    public string? Operation { get; init; }
    public string? Model { get; init; }
    public string? ResponseId { get; init; }
    public long? InputTokens { get; init; }
    public long? OutputTokens { get; init; }
    public long Richness { get; init; }
    public string? InputText { get; init; }
    public string? OutputText { get; init; }
    public byte[] Payload { get; init; } = [];
}
