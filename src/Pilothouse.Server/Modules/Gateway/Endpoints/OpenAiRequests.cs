using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Pilothouse.Protocols.OpenAi;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway.Endpoints;

/// <summary>From OpenAI's requests to ours; what cannot be honoured is refused with the member's name, never ignored silently.</summary>
internal static class OpenAiRequests
{
    private const long MaxBody = 4 * 1024 * 1024;
    private const int MaxMessages = 2000;
    private const int MaxStops = 4;
    private const int MaxStopLength = 200;
    private const int MaxMetadata = 16;
    private const int MaxMetadataKey = 64;
    private const int MaxMetadataValue = 2048;
    private const int MaxTexts = 256;
    private const int MaxConversation = 500;

    public static async Task<T> ReadAsync<T>(HttpContext http, CancellationToken ct) where T : class
    {
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = MaxBody;
        return await JsonSerializer.DeserializeAsync<T>(http.Request.Body, OpenAiJson.Options, ct) ?? throw new PilothouseException(ErrorCode.InvalidArgument, "The body is null; it must be a JSON object.");
    }

    public static ChatCall ToCall(HttpContext http, ChatCompletionRequest body)
    {
        var model = Model(http, body.Model);
        Refuse(http, "n", body.N is null or 1, "Only one choice a request is supported: send n = 1, or several requests.");
        Refuse(http, "tools", !IsSet(body.Tools) && !IsSet(body.Functions), "Tools are not supported by this gateway yet.");
        Refuse(http, "logprobs", body.Logprobs is not true, "Log-probabilities of tokens are not supported yet.");
        Refuse(http, "response_format", !IsSet(body.ResponseFormat) || Type(body.ResponseFormat) == "text", "Only the response format 'text' is supported.");
        Refuse(http, "temperature", body.Temperature is null or (>= 0 and <= 2), "The temperature must be between 0 and 2.");
        Refuse(http, "top_p", body.TopP is null or (> 0 and <= 1), "top_p must be above 0 and at most 1.");
        var maxTokens = body.MaxCompletionTokens ?? body.MaxTokens;
        Refuse(http, body.MaxCompletionTokens is null ? "max_tokens" : "max_completion_tokens", maxTokens is null or >= 1, "At least one token must be allowed.");
        var (conversation, id) = Conversation(http, body.User);
        return new ChatCall(model, Messages(http, body.Messages), maxTokens, body.Temperature, body.TopP ?? 1, body.Seed, Stops(http, body.Stop), conversation, id, Metadata(http, body.Metadata), TraceParent.Parse(http.Request.Headers.TraceParent));
    }

    public static ClassifyCall ToCall(HttpContext http, ClassificationRequest body)
    {
        var model = Model(http, body.Model);
        IReadOnlyList<string> texts = body.Input is { ValueKind: JsonValueKind.String } one ? [one.GetString()!]
            : body.Input is { ValueKind: JsonValueKind.Array } many && many.EnumerateArray().All(t => t.ValueKind == JsonValueKind.String) ? [.. many.EnumerateArray().Select(t => t.GetString()!)] : [];
        Refuse(http, "input", texts.Count is >= 1 and <= MaxTexts, $"'input' must be a text or an array of 1 to {MaxTexts} texts.");
        var (conversation, id) = Conversation(http, body.User);
        return new ClassifyCall(model, texts, conversation, id, Metadata(http, body.Metadata), TraceParent.Parse(http.Request.Headers.TraceParent));
    }

    private static string Model(HttpContext http, string? model)
    {
        Refuse(http, "model", !string.IsNullOrEmpty(model), "You must provide a model parameter. GET /v1/models lists what is served.");
        return model!;
    }

    private static List<ChatTurn> Messages(HttpContext http, IReadOnlyList<ChatCompletionMessage>? messages)
    {
        Refuse(http, "messages", messages is { Count: >= 1 and <= MaxMessages }, $"'messages' must be an array of 1 to {MaxMessages} messages.");
        var turns = new List<ChatTurn>(messages!.Count);
        foreach (var (i, message) in messages.Index())
        {
            Refuse(http, $"messages[{i}].role", message?.Role is "system" or "developer" or "user" or "assistant", $"The role must be system, developer, user or assistant; it is '{message?.Role}'.");
            // 'developer' is OpenAI's newer name of 'system', which models' chat templates know.
            turns.Add(new ChatTurn(message!.Role == "developer" ? "system" : message.Role!, Content(http, i, message.Content)));
        }
        return turns;
    }

    // "text", or [{"type":"text","text":"..."}, ...]
    private static string Content(HttpContext http, int index, JsonElement? content)
    {
        if (content is { ValueKind: JsonValueKind.String } text) return text.GetString()!;
        if (content is { ValueKind: JsonValueKind.Array } parts && parts.EnumerateArray().All(p => Type(p) == "text" && p.TryGetProperty("text", out var t) && t.ValueKind == JsonValueKind.String))
            return string.Concat(parts.EnumerateArray().Select(p => p.GetProperty("text").GetString()));
        http.Features.Set(new OpenAiParameter($"messages[{index}].content"));
        throw new PilothouseException(ErrorCode.InvalidArgument, "The content must be a text or an array of parts of type 'text'; images, audio and tool calls are not supported.");
    }

    private static IReadOnlyList<string> Stops(HttpContext http, JsonElement? stop)
    {
        if (!IsSet(stop)) return [];
        IReadOnlyList<string> stops = stop is { ValueKind: JsonValueKind.String } one ? [one.GetString()!]
            : stop is { ValueKind: JsonValueKind.Array } many && many.EnumerateArray().All(s => s.ValueKind == JsonValueKind.String) ? [.. many.EnumerateArray().Select(s => s.GetString()!)] : [""];
        Refuse(http, "stop", stops.Count <= MaxStops && stops.All(s => s.Length is > 0 and <= MaxStopLength), $"'stop' must be a text or up to {MaxStops} texts of 1 to {MaxStopLength} characters.");
        return stops;
    }

    private static Dictionary<string, string> Metadata(HttpContext http, JsonElement? metadata)
    {
        if (!IsSet(metadata)) return [];
        var fits = metadata is { ValueKind: JsonValueKind.Object } json && json.EnumerateObject().Take(MaxMetadata + 1).Count() <= MaxMetadata
            && json.EnumerateObject().All(p => p.Name.Length <= MaxMetadataKey && p.Value.ValueKind == JsonValueKind.String && p.Value.GetString()!.Length <= MaxMetadataValue);
        Refuse(http, "metadata", fits, $"'metadata' must be an object of up to {MaxMetadata} texts; keys up to {MaxMetadataKey}, values up to {MaxMetadataValue} characters.");
        var values = new Dictionary<string, string>();
        foreach (var property in metadata!.Value.EnumerateObject()) values[property.Name] = property.Value.GetString()!;
        return values;
    }

    /// <summary>The key that keeps a conversation on one arm, and the id that the trace shows (null = the request stands alone).</summary>
    private static (string Key, string? Id) Conversation(HttpContext http, string? user)
    {
        var id = http.Request.Headers["X-Conversation-Id"].ToString() is { Length: > 0 } header ? header : user is { Length: > 0 } ? user : null;
        Refuse(http, "user", id is null or { Length: <= MaxConversation }, $"X-Conversation-Id and user have at most {MaxConversation} characters.");
        return (id ?? Guid.NewGuid().ToString("N"), id);
    }

    private static void Refuse(HttpContext http, string parameter, bool fits, string message)
    {
        if (fits) return;
        http.Features.Set(new OpenAiParameter(parameter));
        throw new PilothouseException(ErrorCode.InvalidArgument, message);
    }

    private static bool IsSet(JsonElement? value) => value is { ValueKind: not (JsonValueKind.Null or JsonValueKind.Undefined) } v && !(v.ValueKind == JsonValueKind.Array && v.GetArrayLength() == 0);

    private static string? Type(JsonElement? value) => value is { ValueKind: JsonValueKind.Object } v && v.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString() : null;
}

/// <summary>Body of <c>POST /v1/classifications</c>: ours, in OpenAI's manner. <c>input</c> is a text or an array of texts.</summary>
internal sealed record ClassificationRequest(string? Model, JsonElement? Input, string? User, JsonElement? Metadata);

/// <summary><c>{"id":"...","object":"list","model":"...","data":[{"object":"classification","index":0,"label":"urgent","probabilities":{"urgent":0.93,"normal":0.07}}]}</c></summary>
internal sealed record ClassificationAnswer(string Id, string Object, long Created, string Model, IReadOnlyList<ClassificationItem> Data);

internal sealed record ClassificationItem(string Object, int Index, string Label, IReadOnlyDictionary<string, double> Probabilities);
