using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pilothouse.Protocols.OpenAi;

/// <summary>Body of <c>POST /v1/completions</c>: plain continuation of a text.</summary>
public sealed record CompletionRequest
{
    public string? Model { get; init; }

    /// <summary>A text, or a list of texts or of token ids.</summary>
    public JsonElement? Prompt { get; init; }

    public double? Temperature { get; init; }

    public double? TopP { get; init; }

    public int? MaxTokens { get; init; }

    public bool? Stream { get; init; }

    public ChatCompletionStreamOptions? StreamOptions { get; init; }

    public JsonElement? Stop { get; init; }

    public long? Seed { get; init; }

    /// <summary>How many of the likeliest tokens to report at each place.</summary>
    public int? Logprobs { get; init; }

    [JsonExtensionData]
    public IDictionary<string, JsonElement>? Extra { get; init; }
}

/// <summary>Answer (and, streamed, event) of <c>/v1/completions</c>.</summary>
public sealed record CompletionResponse
{
    public required string Id { get; init; }

    public string Object { get; init; } = "text_completion";

    /// <summary>Epoch seconds.</summary>
    public long Created { get; init; }

    public required string Model { get; init; }

    public required IReadOnlyList<CompletionChoice> Choices { get; init; }

    public ChatCompletionUsage? Usage { get; init; }
}

public sealed record CompletionChoice(int Index, string Text, string? FinishReason, CompletionLogprobs? Logprobs);

/// <param name="TopLogprobs">For each place, the likeliest tokens and their natural log probabilities.</param>
public sealed record CompletionLogprobs(
    IReadOnlyList<string>? Tokens,
    IReadOnlyList<double?>? TokenLogprobs,
    IReadOnlyList<IReadOnlyDictionary<string, double>?>? TopLogprobs,
    IReadOnlyList<int>? TextOffset);
