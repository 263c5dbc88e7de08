using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pilothouse.Protocols.OpenAi;

/// <summary>
/// Body of <c>POST /v1/chat/completions</c>, the members that a text gateway reads (https://platform.openai.com/docs/api-reference/chat/create).
/// Unknown members are ignored, as OpenAI's own compatible servers do.
/// </summary>
public sealed record ChatCompletionRequest
{
    public string? Model { get; init; }
    public IReadOnlyList<ChatCompletionMessage>? Messages { get; init; }
    public double? Temperature { get; init; }
    public double? TopP { get; init; }

    /// <summary>Older name of <see cref="MaxCompletionTokens"/>, which wins.</summary>
    public int? MaxTokens { get; init; }
    public int? MaxCompletionTokens { get; init; }
    public int? N { get; init; }
    public long? Seed { get; init; }
    public bool? Stream { get; init; }
    public ChatCompletionStreamOptions? StreamOptions { get; init; }

    /// <summary>Text or array of texts.</summary>
    public JsonElement? Stop { get; init; }
    public string? User { get; init; }

    /// <summary>Up to 16 texts by name.</summary>
    public JsonElement? Metadata { get; init; }
    public JsonElement? Tools { get; init; }
    public JsonElement? Functions { get; init; }
    public JsonElement? ResponseFormat { get; init; }
    public bool? Logprobs { get; init; }
}

/// <param name="Content">Text, or an array of parts <c>[{"type":"text","text":"..."}]</c>.</param>
public sealed record ChatCompletionMessage(string? Role, JsonElement? Content);

public sealed record ChatCompletionStreamOptions(bool? IncludeUsage);

/// <summary>Whole answer; also one chunk of a stream (then <c>object</c> is <c>chat.completion.chunk</c> and choices carry deltas).</summary>
/// <param name="Created">Seconds since 1970.</param>
public sealed record ChatCompletion(string Id, string Object, long Created, string Model, IReadOnlyList<ChatCompletionChoice> Choices, ChatCompletionUsage? Usage,
    string? SystemFingerprint = null);

/// <param name="FinishReason"><c>stop</c> or <c>length</c>; null in a chunk that is not the last.</param>
public sealed record ChatCompletionChoice(int Index, ChatCompletionText? Message, ChatCompletionText? Delta, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason);

public sealed record ChatCompletionText(string? Role, string? Content);

public sealed record ChatCompletionUsage(int PromptTokens, int CompletionTokens, int TotalTokens);

/// <summary>Body of every failure: <c>{"error":{"message":"...","type":"invalid_request_error","param":"model","code":"model_not_found"}}</c>.</summary>
public sealed record OpenAiErrorBody(OpenAiError Error);

public sealed record OpenAiError(string Message, string Type, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Code);

/// <summary>Answer of <c>GET /v1/models</c>.</summary>
public sealed record OpenAiModelList(string Object, IReadOnlyList<OpenAiModel> Data);

public sealed record OpenAiModel(string Id, string Object, long Created, string OwnedBy);

public static class OpenAiJson
{
    /// <summary>snake_case; nulls are left out unless the member says otherwise.</summary>
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.Strict,
        MaxDepth = 32,
    };
}
