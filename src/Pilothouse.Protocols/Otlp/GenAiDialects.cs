using System.Text.Json;

namespace Pilothouse.Protocols.Otlp;

/// <summary>One reader for each convention.</summary>
internal static class GenAiDialects
{
    public static GenAiInfo OpenTelemetry(OtlpSpan span)
    {
        var a = span.Attributes;
        var isTraceloop = a.Keys.Any(k => k.StartsWith("traceloop.", StringComparison.Ordinal)) || span.Scope.Name.StartsWith("@traceloop/", StringComparison.Ordinal);
        return new GenAiInfo
        {
            Dialect = isTraceloop ? "traceloop" : "gen_ai",
            Operation = a.Text("gen_ai.operation.name"),
            Provider = a.Text("gen_ai.provider.name") ?? a.Text("gen_ai.system"),
            RequestModel = a.Text("gen_ai.request.model"),
            ResponseModel = a.Text("gen_ai.response.model"),
            ResponseId = a.Text("gen_ai.response.id"),
            InputTokens = a.Integer("gen_ai.usage.input_tokens") ?? a.Integer("gen_ai.usage.prompt_tokens"),
            OutputTokens = a.Integer("gen_ai.usage.output_tokens") ?? a.Integer("gen_ai.usage.completion_tokens"),
            CacheReadTokens = a.Integer("gen_ai.usage.cache_read.input_tokens") ?? a.Integer("gen_ai.usage.cache_read_input_tokens"),
            CacheWriteTokens = a.Integer("gen_ai.usage.cache_creation.input_tokens") ?? a.Integer("gen_ai.usage.cache_creation_input_tokens"),
            ReasoningTokens = a.Integer("gen_ai.usage.reasoning.output_tokens") ?? a.Integer("gen_ai.usage.reasoning_tokens"),
            FinishReasons = FinishReasons(a, "gen_ai.response.finish_reasons"),
            Prompt = a.Text("gen_ai.input.messages") ?? a.Text("gen_ai.prompt.0.content") ?? a.Text("promptfoo.request.body"),
            Completion = a.Text("gen_ai.output.messages") ?? a.Text("gen_ai.completion.0.content") ?? a.Text("promptfoo.response.body"),
            UserId = a.Text("user.id") ?? a.Text("traceloop.association.properties.user_id"),
            SessionId = a.Text("gen_ai.conversation.id") ?? a.Text("session.id") ?? a.Text("traceloop.association.properties.session_id"),
            IsError = IsError(span),
        };
    }

    public static GenAiInfo OpenInference(OtlpSpan span)
    {
        var a = span.Attributes;
        return new GenAiInfo
        {
            Dialect = "openinference",
            Operation = a.Text("openinference.span.kind") switch
            {
                "LLM" => "chat",
                "EMBEDDING" => "embeddings",
                "TOOL" => "execute_tool",
                "AGENT" => "invoke_agent",
                "RETRIEVER" => "retrieval",
                var kind => kind?.ToLowerInvariant(),
            },
            Provider = a.Text("llm.provider") ?? a.Text("llm.system"),
            RequestModel = a.Text("llm.request.model_name") ?? a.Text("llm.model_name") ?? a.Text("embedding.model_name"),
            ResponseModel = a.Text("llm.response.model_name"),
            ResponseId = IdIn(a.Text("output.value")),
            InputTokens = a.Integer("llm.token_count.prompt"),
            OutputTokens = a.Integer("llm.token_count.completion"),
            CacheReadTokens = a.Integer("llm.token_count.prompt_details.cache_read"),
            CacheWriteTokens = a.Integer("llm.token_count.prompt_details.cache_write"),
            ReasoningTokens = a.Integer("llm.token_count.completion_details.reasoning"),
            FinishReasons = FinishReasons(a, "llm.finish_reason"),
            Prompt = a.Text("input.value"),
            Completion = a.Text("output.value"),
            UserId = a.Text("user.id"),
            SessionId = a.Text("session.id"),
            IsError = IsError(span),
        };
    }

    public static GenAiInfo Langfuse(OtlpSpan span)
    {
        var a = span.Attributes;
        var usage = LangfuseUsage(a.Text("langfuse.observation.usage_details"));
        return new GenAiInfo
        {
            Dialect = "langfuse",
            Operation = a.Text("langfuse.observation.type") switch
            {
                "generation" => "chat",
                "embedding" => "embeddings",
                "tool" => "execute_tool",
                "agent" => "invoke_agent",
                "retriever" => "retrieval",
                var type => type,
            },
            RequestModel = a.Text("langfuse.observation.model.name"),
            InputTokens = usage.Input,
            OutputTokens = usage.Output,
            CacheReadTokens = usage.Cached,
            ReasoningTokens = usage.Reasoning,
            Prompt = a.Text("langfuse.observation.input"),
            Completion = a.Text("langfuse.observation.output"),
            UserId = a.Text("user.id") ?? a.Text("langfuse.user.id"),
            SessionId = a.Text("session.id") ?? a.Text("langfuse.session.id"),
            // Langfuse leaves the span's own status unset.
            IsError = IsError(span) || a.Text("langfuse.observation.level") == "ERROR",
        };
    }

    public static GenAiInfo Traceloop(OtlpSpan span)
    {
        var a = span.Attributes;
        return new GenAiInfo
        {
            Dialect = "traceloop",
            Operation = a.Text("traceloop.span.kind") switch
            {
                "tool" => "execute_tool",
                "agent" => "invoke_agent",
                "workflow" => "invoke_workflow",
                var kind => kind,
            },
            Prompt = a.Text("traceloop.entity.input"),
            Completion = a.Text("traceloop.entity.output"),
            UserId = a.Text("traceloop.association.properties.user_id"),
            SessionId = a.Text("traceloop.association.properties.session_id"),
            IsError = IsError(span),
        };
    }

    /// <summary>The AI SDK up to version 6: <c>ai.generateText</c> wraps <c>ai.generateText.doGenerate</c>, and both carry the usage.</summary>
    public static GenAiInfo Vercel(OtlpSpan span)
    {
        var a = span.Attributes;
        var operation = a.Text("ai.operationId") ?? span.Name;
        return new GenAiInfo
        {
            Dialect = "vercel",
            Operation = operation.EndsWith(".doGenerate", StringComparison.Ordinal) || operation.EndsWith(".doStream", StringComparison.Ordinal) ? "chat"
                : operation.EndsWith(".doEmbed", StringComparison.Ordinal) ? "embeddings"
                : operation == "ai.toolCall" ? "execute_tool"
                : "invoke_agent",
            Provider = a.Text("ai.model.provider"),
            RequestModel = a.Text("ai.model.id"),
            ResponseModel = a.Text("ai.response.model"),
            ResponseId = a.Text("ai.response.id"),
            InputTokens = a.Integer("ai.usage.inputTokens") ?? a.Integer("ai.usage.promptTokens") ?? a.Integer("ai.usage.tokens"),
            OutputTokens = a.Integer("ai.usage.outputTokens") ?? a.Integer("ai.usage.completionTokens"),
            CacheReadTokens = a.Integer("ai.usage.cachedInputTokens"),
            ReasoningTokens = a.Integer("ai.usage.reasoningTokens"),
            FinishReasons = FinishReasons(a, "ai.response.finishReason"),
            Prompt = a.Text("ai.prompt.messages") ?? a.Text("ai.prompt"),
            Completion = a.Text("ai.response.text"),
            UserId = a.Text("ai.telemetry.metadata.userId"),
            SessionId = a.Text("ai.telemetry.metadata.sessionId"),
            IsError = IsError(span),
        };
    }

    private static bool IsError(OtlpSpan span) => span.Status == OtlpStatus.Error || span.Attributes.Text("error.type") is { Length: > 0 };

    // ["stop"] as an array, as the JSON text '["stop"]', or just stop.
    private static IReadOnlyList<string> FinishReasons(OtlpAttributes attributes, string key)
    {
        IEnumerable<string> reasons = !attributes.TryGetValue(key, out var value) ? [] : value switch
        {
            List<object?> list => list.OfType<string>(),
            string text when Json(text) is { ValueKind: JsonValueKind.Array } array => array.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.String).Select(e => e.GetString()!),
            string { Length: > 0 } text => [text],
            _ => [],
        };
        return [.. reasons.Select(r => r is "tool_call" or "tool-calls" ? "tool_calls" : r)];
    }

    /// <summary>
    /// Langfuse's buckets may exclude each other ({"input":9,"output":4,"total":16,"input_cached_tokens":2,"output_reasoning_tokens":1}, from its OpenAI wrapper)
    /// or not ({"input":11,"output":5,"total":16,"input_cached_tokens":2}, set by hand): the total tells.
    /// </summary>
    private static (long? Input, long? Output, long? Cached, long? Reasoning) LangfuseUsage(string? json)
    {
        if (json is null || Json(json) is not { ValueKind: JsonValueKind.Object } usage)
            return default;
        long? Number(string name) => usage.TryGetProperty(name, out var v) && v.ValueKind == JsonValueKind.Number && v.TryGetInt64(out var n) ? n : null;
        var (input, output, total) = (Number("input"), Number("output"), Number("total"));
        var cached = Number("input_cached_tokens") ?? Number("input_cache_read") ?? Number("cache_read_input_tokens");
        var reasoning = Number("output_reasoning_tokens") ?? Number("output_reasoning");
        var isInclusive = total is null || input + (output ?? 0) == total;
        return isInclusive ? (input, output, cached, reasoning) : (input + (cached ?? 0), output + (reasoning ?? 0), cached, reasoning);
    }

    private static string? IdIn(string? json) =>
        json is not null && Json(json) is { ValueKind: JsonValueKind.Object } value && value.TryGetProperty("id", out var id) && id.ValueKind == JsonValueKind.String
            ? id.GetString()
            : null;

    private static JsonElement? Json(string text)
    {
        if (text.Length == 0 || text[0] is not ('{' or '['))
            return null;
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
