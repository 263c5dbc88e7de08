using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.Otlp;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>Between the protocol's span and ours, and from ours to the compact row.</summary>
internal static class SpanMapping
{
    /// <summary>Characters of input and output in lists; the whole is in the payload.</summary>
    private const int MaxPreview = 500;
    private const int MaxName = 500;

    /// <summary>Characters of MLflow's request and response previews.</summary>
    private const int MaxMlflowPreview = 1000;

    private static SpanRecord ToRecord(OtlpSpan span) => new(span.TraceId, span.SpanId, span.ParentSpanId, span.Name, Kind(span.Kind), span.StartNano, span.EndNano,
        span.Status switch { OtlpStatus.Ok => "ok", OtlpStatus.Error => "error", _ => "unset" }, span.StatusMessage.Length > 0 ? span.StatusMessage : null,
        Plain(span.Attributes), [.. span.Events.Select(e => new SpanEvent(e.Name, e.TimeNano, Plain(e.Attributes)))], Plain(span.Resource.Attributes),
        span.Scope.Name.Length > 0 ? span.Scope.Name : null);

    /// <summary>The columns of a span: read through the GenAI conventions, whichever its SDK follows.</summary>
    public static SpanRow ToRow(SpanRecord span) => ToRow(span, ToOtlp(span));

    public static SpanRow ToRow(OtlpSpan span) => ToRow(ToRecord(span), span);

    private static SpanRow ToRow(SpanRecord span, OtlpSpan otlp)
    {
        var info = GenAi.Read(otlp);
        var isRoot = span.ParentSpanId is null;
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
            Richness = info is null ? 0 : Richness(info),
            InputText = Cut(MessageText.Last(info?.Prompt), MaxPreview),
            OutputText = Cut(MessageText.Last(info?.Completion), MaxPreview),
            SpanType = Cut(GenAi.MlflowType(otlp, info), MaxName),
            Status = (long)otlp.Status,
            Provider = Cut(info?.Provider, MaxName),
            InputCost = info?.InputCost,
            OutputCost = info?.OutputCost,
            CacheReadTokens = info is { IsInference: true } ? info.CacheReadTokens : null,
            CacheWriteTokens = info is { IsInference: true } ? info.CacheWriteTokens : null,
            Payload = SpanPayload.Write(span),
            Session = Cut(otlp.Attributes.Text("session.id") ?? info?.SessionId, MaxName),
            User = Cut(otlp.Attributes.Text("user.id") ?? info?.UserId, MaxName),
            RequestPreview = isRoot ? Preview(span, "mlflow.spanInputs", info?.Prompt) : null,
            ResponsePreview = isRoot ? Preview(span, "mlflow.spanOutputs", info?.Completion) : null,
        };
    }

    private static int Richness(GenAiInfo info) => Is(info.InputTokens) + Is(info.OutputTokens) + Is(info.CacheReadTokens) + Is(info.CacheWriteTokens) + Is(info.ReasoningTokens) + (info.Prompt is null ? 0 : 1) + (info.Completion is null ? 0 : 1);

    private static int Is(long? count) => count is null ? 0 : 1;

    /// <summary>The span with the attributes that MLflow's clients read: its own, or those translated from other conventions.</summary>
    public static SpanRecord ForMlflow(SpanRecord span)
    {
        var attributes = new Dictionary<string, object?>(span.Attributes);
        attributes.TryAdd("mlflow.traceRequestId", TraceIds.ToMlflow(span.TraceId));
        if (attributes.ContainsKey("mlflow.spanType")) return span with { Attributes = attributes };
        var otlp = ToOtlp(span);
        if (GenAi.Read(otlp) is not { } info) return span with { Attributes = attributes };
        Add("mlflow.spanType", GenAi.MlflowType(otlp, info));
        Add("mlflow.spanInputs", info.Prompt);
        Add("mlflow.spanOutputs", info.Completion);
        Add("mlflow.llm.model", info.Model);
        Add("mlflow.llm.provider", info.Provider);
        if ((info.InputTokens ?? info.OutputTokens) is not null) Add("mlflow.chat.tokenUsage", TokenUsage(info));
        return span with { Attributes = attributes };

        void Add(string key, object? value)
        {
            if (value is not null) attributes.TryAdd(key, value);
        }
    }

    private static Dictionary<string, object?> TokenUsage(GenAiInfo info)
    {
        var usage = new Dictionary<string, object?> { ["input_tokens"] = info.InputTokens ?? 0, ["output_tokens"] = info.OutputTokens ?? 0, ["total_tokens"] = (info.InputTokens ?? 0) + (info.OutputTokens ?? 0) };
        if (info.CacheReadTokens is { } read) usage["cache_read_input_tokens"] = read;
        if (info.CacheWriteTokens is { } write) usage["cache_creation_input_tokens"] = write;
        return usage;
    }

    private static string? Preview(SpanRecord span, string key, string? translated)
    {
        var text = span.Attributes.TryGetValue(key, out var value) && value is not null ? PythonJson.Of(value) : translated;
        return text?.Length > MaxMlflowPreview ? Cut(text, MaxMlflowPreview - 3) + "..." : Cut(text, MaxMlflowPreview);
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
    internal static string? Cut(string? text, int max)
    {
        if (text is null) return null;
        if (text.Length > max) text = text[..(char.IsHighSurrogate(text[max - 1]) ? max - 1 : max)];
        return text.Contains('\0', StringComparison.Ordinal) ? text.Replace('\0', ' ') : text;
    }
}
