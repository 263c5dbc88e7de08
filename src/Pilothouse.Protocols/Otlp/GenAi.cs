namespace Pilothouse.Protocols.Otlp;

/// <summary>What a span says about a call of a model, in one vocabulary whatever convention its SDK follows.</summary>
public sealed record GenAiInfo
{
    /// <summary><c>gen_ai</c>, <c>openinference</c>, <c>langfuse</c>, <c>traceloop</c>, <c>vercel</c> or <c>mlflow</c>.</summary>
    public required string Dialect { get; init; }

    /// <summary>In OpenTelemetry's words: chat, text_completion, generate_content, embeddings, execute_tool, invoke_agent, invoke_workflow, retrieval, ...; null when not said.</summary>
    public string? Operation { get; init; }

    public string? Provider { get; init; }

    public string? RequestModel { get; init; }

    public string? ResponseModel { get; init; }

    /// <summary>The model that answered, or else the one that was asked.</summary>
    public string? Model => ResponseModel ?? RequestModel;

    public string? ResponseId { get; init; }

    /// <summary>All input tokens, cached ones included.</summary>
    public long? InputTokens { get; init; }

    /// <summary>All output tokens, reasoning included.</summary>
    public long? OutputTokens { get; init; }

    /// <summary>Part of the input that came from a cache.</summary>
    public long? CacheReadTokens { get; init; }

    /// <summary>Part of the input that was written to a cache.</summary>
    public long? CacheWriteTokens { get; init; }

    /// <summary>Part of the output that was reasoning.</summary>
    public long? ReasoningTokens { get; init; }

    /// <summary>What the input cost, in the currency of who recorded it; null when not said.</summary>
    public double? InputCost { get; init; }

    /// <summary>What the output cost.</summary>
    public double? OutputCost { get; init; }

    /// <summary>Such as stop, length, tool_calls.</summary>
    public IReadOnlyList<string> FinishReasons { get; init; } = [];

    /// <summary>What was sent to the model, as the SDK recorded it (text or JSON), or null.</summary>
    public string? Prompt { get; init; }

    /// <summary>What it answered, as the SDK recorded it (text or JSON), or null.</summary>
    public string? Completion { get; init; }

    public string? UserId { get; init; }

    public string? SessionId { get; init; }

    /// <summary>Status ERROR, or what the dialect uses instead of it.</summary>
    public bool IsError { get; init; }

    /// <summary>One request to a model, as opposed to a tool, a retrieval or a roll-up over several requests.</summary>
    public bool IsInference => Operation is "chat" or "text_completion" or "generate_content" or "embeddings";
}

/// <summary>
/// Reads the conventions of OpenTelemetry GenAI (three generations), OpenInference, Langfuse, Traceloop, Vercel's AI SDK, promptfoo and MLflow.
/// The raw attributes stay with the span: this is a view.
/// </summary>
public static class GenAi
{
    /// <returns>The view, or null for a span that says nothing about models.</returns>
    public static GenAiInfo? Read(OtlpSpan span)
    {
        var a = span.Attributes;
        return a.ContainsKey("langfuse.observation.type") ? GenAiDialects.Langfuse(span)
            : a.ContainsKey("mlflow.spanType") && !a.ContainsKey("gen_ai.operation.name") ? GenAiMlflow.Read(span)
            : a.ContainsKey("openinference.span.kind") ? GenAiDialects.OpenInference(span)
            : a.Keys.Any(k => k.StartsWith("gen_ai.", StringComparison.Ordinal)) ? GenAiDialects.OpenTelemetry(span)
            : a.ContainsKey("traceloop.span.kind") ? GenAiDialects.Traceloop(span)
            : span.Scope.Name == "ai" || a.ContainsKey("ai.operationId") ? GenAiDialects.Vercel(span)
            : null;
    }

    /// <summary>MLflow's type of a span (LLM, CHAT_MODEL, TOOL, ...), from whatever convention; null when nothing says it.</summary>
    public static string? MlflowType(OtlpSpan span, GenAiInfo? info) => GenAiMlflow.SpanType(span, info);

    /// <summary>
    /// The spans whose tokens are to be counted, each response once: SDKs nest one call in up to three spans that all carry its tokens.
    /// Of an inference span and an inference ancestor with the same response id (or, without ids, the same operation, model and tokens) the richer one counts.
    /// </summary>
    /// <param name="spans">All spans at hand; those of other traces do not disturb.</param>
    public static IReadOnlyList<(OtlpSpan Span, GenAiInfo Info)> Billable(IReadOnlyList<OtlpSpan> spans)
    {
        var byId = new Dictionary<(string, string), OtlpSpan>();
        foreach (var span in spans)
            byId.TryAdd((span.TraceId, span.SpanId), span);
        var chosen = new Dictionary<OtlpSpan, GenAiInfo>(ReferenceEqualityComparer.Instance);
        foreach (var span in byId.Values)
        {
            if (Read(span) is { IsInference: true } info && (info.InputTokens ?? info.OutputTokens) is not null)
                chosen.Add(span, info);
        }

        var dropped = new HashSet<OtlpSpan>(ReferenceEqualityComparer.Instance);
        foreach (var (span, info) in chosen)
        {
            if (Twin(span, info, byId, chosen) is { } twin)
                dropped.Add(Richness(info) > Richness(chosen[twin]) ? twin : span);
        }

        return [.. chosen.Where(c => !dropped.Contains(c.Key)).Select(c => (c.Key, c.Value))];
    }

    private static OtlpSpan? Twin(OtlpSpan span, GenAiInfo info, Dictionary<(string, string), OtlpSpan> byId, Dictionary<OtlpSpan, GenAiInfo> chosen)
    {
        // A chain of parents longer than this, or a circle of them, is no real trace.
        const int MaxAncestors = 64;
        var at = span;
        for (var i = 0; i < MaxAncestors && at.ParentSpanId is { } parent && byId.TryGetValue((at.TraceId, parent), out at) && at != span; i++)
        {
            if (chosen.TryGetValue(at, out var other) && IsSameCall(info, other))
                return at;
        }

        return null;
    }

    private static bool IsSameCall(GenAiInfo a, GenAiInfo b) =>
        a.ResponseId is not null && b.ResponseId is not null
            ? a.ResponseId == b.ResponseId
            : a.Operation == b.Operation && a.Model == b.Model && a.InputTokens == b.InputTokens && a.OutputTokens == b.OutputTokens;

    private static int Richness(GenAiInfo info) =>
        new long?[] { info.InputTokens, info.OutputTokens, info.CacheReadTokens, info.CacheWriteTokens, info.ReasoningTokens }.Count(v => v is not null)
        + (info.Prompt is null ? 0 : 1) + (info.Completion is null ? 0 : 1);
}
