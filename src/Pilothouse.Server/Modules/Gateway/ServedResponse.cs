using System.Text.Json;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Gateway.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway;

/// <summary>What happened in one request, on its way to traces, monitors and counters.</summary>
internal sealed record ServedResponse
{
    public required Answerer By { get; init; }
    public required string RequestedModel { get; init; }
    public required string Operation { get; init; }
    public string? ConversationId { get; init; }
    public TraceParent? Parent { get; init; }
    public required IReadOnlyList<ChatTurn> Input { get; init; }
    public required IReadOnlyDictionary<string, string> Metadata { get; init; }
    public GenerationRequest? Request { get; init; }
    public Generation? Generation { get; init; }

    /// <summary>Label of each text that was classified.</summary>
    public IReadOnlyList<string> Labels { get; init; } = [];
    public required TimeSpan Latency { get; init; }

    /// <summary>Null: answered, or the client left.</summary>
    public string? ErrorType { get; init; }
    public string? ErrorMessage { get; init; }

    /// <summary>The client went away before the answer was complete.</summary>
    public bool Abandoned { get; init; }

    public bool IsFailed => ErrorType is not null;

    /// <summary>The request itself was wrong (a prompt beyond the context): no fault of the arm, so it neither counts against it nor reaches its monitors.</summary>
    public bool IsRefused => ErrorType == ErrorShape.Name(ErrorCode.InvalidArgument);

    public static ServedResponse Of(ChatCall call, Answerer by, GenerationRequest request, Generation generation, TimeSpan latency) => Chat(call, by, request, latency) with { Generation = generation };

    public static ServedResponse Failed(ChatCall call, Answerer by, GenerationRequest request, string? errorType, string message, TimeSpan latency) =>
        Chat(call, by, request, latency) with { ErrorType = errorType, ErrorMessage = errorType is null ? null : message, Abandoned = errorType is null };

    public static ServedResponse Of(ClassifyCall call, Answerer by, IReadOnlyList<Classification> classes, TimeSpan latency) => Classified(call, by, latency) with { Labels = [.. classes.Select(Label)] };

    public static ServedResponse Failed(ClassifyCall call, Answerer by, string? errorType, string message, TimeSpan latency) =>
        Classified(call, by, latency) with { ErrorType = errorType, ErrorMessage = errorType is null ? null : message, Abandoned = errorType is null };

    /// <summary>The most probable label.</summary>
    public static string Label(Classification classification) => classification.Probabilities.MaxBy(p => p.Value).Key;

    /// <summary>One event for each text: monitors look at single answers.</summary>
    public IEnumerable<ResponseServed> ToEvents()
    {
        if (Abandoned || IsRefused) yield break;
        var texts = Operation == "chat" ? [Input.LastOrDefault(m => m.Role == "user")?.Content ?? ""] : Input.Select(m => m.Content);
        foreach (var (i, text) in texts.Index())
        {
            yield return new ResponseServed(By.Route?.Route.Name ?? RequestedModel, By.Route?.Route.Environment ?? "", By.Arm.Definition.Release, By.Arm.Definition.Arm, By.Arm.Definition.Model, By.TraceId,
                By.CreatedMs, text, Generation?.Text ?? Labels.ElementAtOrDefault(i) ?? "", IsFailed, Latency.TotalMilliseconds, Generation?.PromptTokens ?? 0, Generation?.CompletionTokens ?? 0,
                Generation?.MeanLogProbability, Metadata);
        }
    }

    /// <summary>One span in the words of OpenTelemetry's GenAI conventions 1.41, with ours beside them.</summary>
    public SpanRecord ToSpan(int maxText)
    {
        var arm = By.Arm.Definition;
        var attributes = new Dictionary<string, object?>
        {
            ["gen_ai.operation.name"] = Operation,
            ["gen_ai.provider.name"] = arm.Engine == "openai" ? "openai" : "pilothouse",
            ["gen_ai.request.model"] = RequestedModel,
            ["gen_ai.response.model"] = arm.Model,
            ["gen_ai.response.id"] = By.ResponseId,
            ["gen_ai.input.messages"] = JsonSerializer.Serialize(Input.Select(m => Message(m.Role, Cut(m.Content, maxText / Math.Max(1, Input.Count)), null)), Json),
            ["pilothouse.release"] = arm.Release,
            ["pilothouse.arm"] = arm.Arm,
            ["pilothouse.engine"] = arm.Engine,
        };
        if (By.Route is { } route) (attributes["pilothouse.environment"], attributes["pilothouse.route"]) = (route.Route.Environment, route.Route.Name);
        if (ConversationId is not null) attributes["gen_ai.conversation.id"] = ConversationId;
        if (Request is not null) (attributes["gen_ai.request.temperature"], attributes["gen_ai.request.max_tokens"], attributes["gen_ai.request.seed"]) = (Request.Temperature, (long)Request.MaxTokens, Request.Seed);
        if (Request?.OnToken is not null) attributes["gen_ai.request.stream"] = true;
        foreach (var (key, value) in Metadata) attributes["pilothouse.metadata." + key] = value;
        if (Generation is { } g)
        {
            attributes["gen_ai.output.messages"] = JsonSerializer.Serialize((object[])[Message("assistant", Cut(g.Text, maxText), g.FinishReason)], Json);
            attributes["gen_ai.response.finish_reasons"] = new object?[] { g.FinishReason };
            attributes["gen_ai.usage.input_tokens"] = (long)g.PromptTokens;
            attributes["gen_ai.usage.output_tokens"] = (long)g.CompletionTokens;
            attributes["gen_ai.response.time_to_first_chunk"] = g.TimeToFirstToken.TotalSeconds;
            if (g.MeanLogProbability is { } mean) attributes["pilothouse.mean_log_probability"] = mean;
        }
        if (Labels.Count > 0) attributes["gen_ai.output.messages"] = JsonSerializer.Serialize(Labels.Select(l => Message("assistant", l, null)), Json);
        if (IsFailed) attributes["error.type"] = ErrorType;
        if (Abandoned) attributes["pilothouse.abandoned"] = true;
        var start = By.CreatedMs * 1_000_000;
        return new SpanRecord(By.TraceId, By.SpanId, Parent?.SpanId, $"{Operation} {RequestedModel}", arm.Engine == "openai" ? "client" : "internal", start, start + (long)(Latency.TotalMilliseconds * 1e6),
            IsFailed ? "error" : Abandoned ? "unset" : "ok", ErrorMessage, attributes, [], new Dictionary<string, object?> { ["service.name"] = "pilothouse-gateway" }, "Pilothouse.Gateway");
    }

    private static readonly JsonSerializerOptions Json = new() { DefaultIgnoreCondition = System.Text.Json.Serialization.JsonIgnoreCondition.WhenWritingNull, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    // {"role":"user","parts":[{"type":"text","content":"..."}]}
    private static object Message(string role, string content, string? finish) => new { role, parts = new[] { new { type = "text", content } }, finish_reason = finish };

    private static string Cut(string text, int max) => text.Length <= max ? text : text[..(max > 0 && char.IsHighSurrogate(text[max - 1]) ? max - 1 : max)] + "…";

    private static ServedResponse Chat(ChatCall call, Answerer by, GenerationRequest request, TimeSpan latency) => new()
    {
        By = by,
        RequestedModel = call.Model,
        Operation = "chat",
        ConversationId = call.ConversationId,
        Parent = call.Parent,
        Input = call.Messages,
        Metadata = call.Metadata,
        Request = request,
        Latency = latency,
    };

    private static ServedResponse Classified(ClassifyCall call, Answerer by, TimeSpan latency) => new()
    {
        By = by,
        RequestedModel = call.Model,
        Operation = "classify",
        ConversationId = call.ConversationId,
        Parent = call.Parent,
        Input = [.. call.Texts.Select(t => new ChatTurn("user", t))],
        Metadata = call.Metadata,
        Latency = latency,
    };
}
