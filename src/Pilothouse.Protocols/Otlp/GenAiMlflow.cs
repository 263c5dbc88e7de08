using System.Text.Json;

namespace Pilothouse.Protocols.Otlp;

/// <summary>
/// MLflow's own attributes: <c>mlflow.spanType</c>, <c>mlflow.spanInputs</c>, <c>mlflow.chat.tokenUsage</c>, ... Values are OpenTelemetry's lists and maps from clients since 3.11,
/// JSON in texts from others.
/// </summary>
internal static class GenAiMlflow
{
    public static GenAiInfo Read(OtlpSpan span)
    {
        var a = span.Attributes;
        a.TryGetValue("mlflow.chat.tokenUsage", out var usage);
        a.TryGetValue("mlflow.llm.cost", out var cost);
        var type = Unquoted(a.Text("mlflow.spanType"));
        return new GenAiInfo
        {
            Dialect = "mlflow",
            Operation = type switch
            {
                "LLM" or "CHAT_MODEL" => "chat",
                "EMBEDDING" => "embeddings",
                "TOOL" => "execute_tool",
                "AGENT" => "invoke_agent",
                "WORKFLOW" => "invoke_workflow",
                "RETRIEVER" => "retrieval",
                "UNKNOWN" => null,
                _ => type?.ToLowerInvariant(),
            },
            Provider = Unquoted(a.Text("mlflow.llm.provider")),
            RequestModel = Unquoted(a.Text("mlflow.llm.model")),
            InputTokens = (long?)Number(usage, "input_tokens"),
            OutputTokens = (long?)Number(usage, "output_tokens"),
            CacheReadTokens = (long?)Number(usage, "cache_read_input_tokens"),
            CacheWriteTokens = (long?)Number(usage, "cache_creation_input_tokens"),
            InputCost = Number(cost, "input_cost"),
            OutputCost = Number(cost, "output_cost"),
            Prompt = Json(a, "mlflow.spanInputs"),
            Completion = Json(a, "mlflow.spanOutputs"),
            UserId = a.Text("user.id"),
            SessionId = a.Text("session.id"),
            IsError = span.Status == OtlpStatus.Error,
        };
    }

    /// <summary>The type that MLflow gives to a span, from its attribute or from what other conventions say; null when nothing says it.</summary>
    public static string? SpanType(OtlpSpan span, GenAiInfo? info) => Unquoted(span.Attributes.Text("mlflow.spanType")) ?? info?.Operation switch
    {
        "chat" => "CHAT_MODEL",
        "text_completion" or "generate_content" => "LLM",
        "embeddings" => "EMBEDDING",
        "execute_tool" => "TOOL",
        "invoke_agent" or "create_agent" => "AGENT",
        "invoke_workflow" => "WORKFLOW",
        "retrieval" => "RETRIEVER",
        "chain" => "CHAIN",
        "reranker" => "RERANKER",
        "guardrail" => "GUARDRAIL",
        "evaluator" => "EVALUATOR",
        _ => null,
    };

    private static double? Number(object? owner, string name)
    {
        if (owner is string text) return TextNumber(text, name);
        var member = owner is IEnumerable<KeyValuePair<string, object?>> map ? map.FirstOrDefault(m => m.Key == name).Value : null;
        return member switch { long number => Plausible(number), double number => Plausible(number), _ => null };
    }

    private static double? TextNumber(string text, string name)
    {
        if (text.Length == 0 || text[0] != '{') return null;
        try
        {
            using var json = JsonDocument.Parse(text);
            return json.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? Plausible(value.GetDouble()) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Counts and costs beyond this are faults of a client, not facts.</summary>
    private static double? Plausible(double number) => number is >= 0 and < 1e15 ? number : null;

    private static string? Json(OtlpAttributes attributes, string key) => !attributes.TryGetValue(key, out var value) || value is null ? null
        : value is string text ? Unquoted(text) : Mlflow.PythonJson.Write(value);

    // "CHAIN" in quotes is CHAIN
    private static string? Unquoted(string? text) => text is { Length: > 1 } && text[0] == '"' && Mlflow.PythonJson.Decode(text) is { ValueKind: JsonValueKind.String } held ? held.GetString() : text;
}
