using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pilothouse.Protocols.OpenAi;

/// <summary>JSON of the OpenAI API: snake_case, absent values left out, unknown fields kept.</summary>
public static class OpenAiJson
{
    /// <summary>Most messages of one request.</summary>
    public const int MaxMessages = 10_000;

    private const int MaxDepth = 64;

    /// <summary>snake_case; nulls are left out unless the member says otherwise.</summary>
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.Strict,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = MaxDepth,
    };

    /// <summary>Reads and checks a chat request.</summary>
    /// <exception cref="ProtocolFormatException">Not JSON, a field of the wrong type, or no model or messages; the message names the field.</exception>
    public static ChatCompletionRequest ParseChatRequest(ReadOnlySpan<byte> body)
    {
        var request = Parse<ChatCompletionRequest>(body);
        if (string.IsNullOrEmpty(request.Model))
            throw new ProtocolFormatException("'model' is required: the name of a route, as /v1/models lists them.");
        if (request.Messages is not { Count: > 0 } messages)
            throw new ProtocolFormatException("'messages' is required: a list of at least one message.");
        if (messages.Count > MaxMessages)
            throw new ProtocolFormatException($"'messages' holds {messages.Count} messages, more than {MaxMessages}.");
        for (var i = 0; i < messages.Count; i++)
        {
            if (messages[i]?.Role is not ("system" or "developer" or "user" or "assistant" or "tool"))
                throw new ProtocolFormatException($"'messages[{i}].role' is not one of system, developer, user, assistant, tool.");
            if (messages[i].Content is { } content && content.ValueKind is not (JsonValueKind.String or JsonValueKind.Array or JsonValueKind.Null))
                throw new ProtocolFormatException($"'messages[{i}].content' is neither a text nor a list of parts.");
        }

        if (request.Temperature is < 0 or > 2)
            throw new ProtocolFormatException("'temperature' is not between 0 and 2.");
        if (request.TokenLimit < 1)
            throw new ProtocolFormatException("'max_tokens' is less than 1.");
        return request;
    }

    /// <summary>Reads any record of this namespace.</summary>
    /// <exception cref="ProtocolFormatException">Not JSON, or a field is missing or of the wrong type.</exception>
    public static T Parse<T>(ReadOnlySpan<byte> json)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, Options) ?? throw new ProtocolFormatException("The body is 'null'; expected a JSON object.");
        }
        catch (JsonException e)
        {
            throw new ProtocolFormatException($"The body is not valid{(e.Path is null or "$" ? " JSON" : $" at {e.Path}")}: {e.Message}", e);
        }
    }

    /// <summary>Writes any record of this namespace.</summary>
    public static byte[] ToBytes<T>(T value) => JsonSerializer.SerializeToUtf8Bytes(value, Options);
}
