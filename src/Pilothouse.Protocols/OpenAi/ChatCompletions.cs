using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pilothouse.Protocols.OpenAi;

/// <summary>
/// Body of <c>POST /v1/chat/completions</c>, the members that a text gateway reads (https://platform.openai.com/docs/api-reference/chat/create).
/// Unknown members are kept in <see cref="Extra"/>, so that a request can be passed on unchanged.
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

    /// <summary>How many of the likeliest tokens to report at each place.</summary>
    public int? TopLogprobs { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Extra { get; init; }

    /// <summary>Whichever of the two token limits is given.</summary>
    [JsonIgnore]
    public int? TokenLimit => MaxCompletionTokens ?? MaxTokens;

    /// <summary><see cref="Stop"/> as a list; anything in it that is not text is left out.</summary>
    [JsonIgnore]
    public IReadOnlyList<string> StopSequences => Stop switch
    {
        { ValueKind: JsonValueKind.String } text => [text.GetString()!],
        { ValueKind: JsonValueKind.Array } list => [.. list.EnumerateArray().Where(e => e.ValueKind == JsonValueKind.String).Select(e => e.GetString()!)],
        _ => [],
    };
}

/// <param name="Content">Text, or an array of parts <c>[{"type":"text","text":"..."}]</c>.</param>
public sealed record ChatCompletionMessage(string? Role, JsonElement? Content)
{
    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Extra { get; init; }

    /// <summary>The text of the content; text parts joined, other parts (images, audio) left out.</summary>
    [JsonIgnore]
    public string Text => Content switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { ValueKind: JsonValueKind.Array } parts => string.Concat(parts.EnumerateArray().Select(PartText)),
        _ => "",
    };

    private static string PartText(JsonElement part) =>
        part.ValueKind == JsonValueKind.Object && part.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String ? text.GetString()! : "";
}

public sealed record ChatCompletionStreamOptions(bool? IncludeUsage);

/// <summary>Whole answer; also one chunk of a stream (then <c>object</c> is <c>chat.completion.chunk</c> and choices carry deltas).</summary>
/// <param name="Created">Seconds since 1970.</param>
public sealed record ChatCompletion(string Id, string Object, long Created, string Model, IReadOnlyList<ChatCompletionChoice> Choices, ChatCompletionUsage? Usage,
    string? SystemFingerprint = null);

/// <param name="FinishReason"><c>stop</c> or <c>length</c>; null in a chunk that is not the last.</param>
public sealed record ChatCompletionChoice(int Index, ChatCompletionText? Message, ChatCompletionText? Delta, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason)
{
    public ChatLogprobs? Logprobs { get; init; }
}

public sealed record ChatCompletionText(string? Role, string? Content);

public sealed record ChatCompletionUsage(int PromptTokens, int CompletionTokens, int TotalTokens)
{
    public PromptTokensDetails? PromptTokensDetails { get; init; }

    public CompletionTokensDetails? CompletionTokensDetails { get; init; }
}

/// <param name="CachedTokens">Part of the prompt's tokens.</param>
public sealed record PromptTokensDetails(int? CachedTokens);

/// <param name="ReasoningTokens">Part of the completion's tokens.</param>
public sealed record CompletionTokensDetails(int? ReasoningTokens);

/// <summary>Natural logarithms of the probabilities of the tokens of a choice.</summary>
public sealed record ChatLogprobs(IReadOnlyList<TokenLogprob>? Content);

/// <param name="Bytes">UTF-8 bytes of the token, as numbers.</param>
/// <param name="TopLogprobs">The likeliest tokens at this place.</param>
public sealed record TokenLogprob(string Token, double Logprob, IReadOnlyList<int>? Bytes, IReadOnlyList<TokenLogprob>? TopLogprobs);

/// <summary>Body of every failure: <c>{"error":{"message":"...","type":"invalid_request_error","param":"model","code":"model_not_found"}}</c>.</summary>
public sealed record OpenAiErrorBody(OpenAiError Error);

public sealed record OpenAiError(string Message, string Type, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Code);

/// <summary>Answer of <c>GET /v1/models</c>.</summary>
public sealed record OpenAiModelList(string Object, IReadOnlyList<OpenAiModel> Data);

public sealed record OpenAiModel(string Id, string Object, long Created, string OwnedBy);
