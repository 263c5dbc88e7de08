namespace Pilothouse.Server.Platform.Inference;

/// <summary>
/// Runs models. Declared here and implemented by the Gateway, so that evaluation and fairness (below it) can ask a model without knowing engines.
/// </summary>
public interface IInference
{
    /// <summary>Generates one completion.</summary>
    /// <exception cref="PilothouseException">NotFound, Unsupported (model format, wrong kind), UpstreamFailed.</exception>
    Task<Generation> GenerateAsync(InferenceTarget target, GenerationRequest request, CancellationToken ct);

    /// <summary>Log-probabilities (natural log) of each continuation after the text, as the model itself would tokenise it.</summary>
    Task<IReadOnlyList<double>> ScoreContinuationsAsync(InferenceTarget target, string text, IReadOnlyList<string> continuations, CancellationToken ct);

    /// <summary>Embedding of each text.</summary>
    /// <exception cref="PilothouseException">Unsupported (the engine has none), UpstreamFailed, RateLimited.</exception>
    Task<IReadOnlyList<IReadOnlyList<float>>> EmbedAsync(InferenceTarget target, IReadOnlyList<string> texts, CancellationToken ct) =>
        throw new PilothouseException(ErrorCode.Unsupported, "This engine has no embeddings.");

    /// <summary>Probability of each label (as the model's config lists them) for each text.</summary>
    Task<IReadOnlyList<Classification>> ClassifyAsync(InferenceTarget target, IReadOnlyList<string> texts, CancellationToken ct);
}

/// <summary>Which model, and through which engine.</summary>
/// <param name="Model">Registered model, <c>models:/NAME/VERSION</c>; or the upstream's model name for a remote engine.</param>
/// <param name="Engine"><c>onnx</c> (in this process) or <c>openai</c> (any OpenAI-compatible server).</param>
/// <param name="Url">Base URL of the remote engine, e.g. <c>http://127.0.0.1:8000/v1</c>.</param>
public sealed record InferenceTarget(string Model, string Engine, string? Url = null)
{
    /// <summary>Environment variable of the server with the key; it goes only where <c>Gateway:KeyVariables</c> says.</summary>
    public string? KeyVariable { get; init; }

    /// <summary>Release that must still be the stable one (engine <c>gateway</c>, whose model is the name of a route).</summary>
    public string? Release { get; init; }

    /// <summary>Most requests in a minute; null = no limit. Kept by who asks, not by the engine.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <inheritdoc cref="RequestsPerMinute"/>
    public int? TokensPerMinute { get; init; }
}

/// <summary>One chat or completion request.</summary>
/// <param name="Messages">Chat messages in order; the engine applies the model's own chat template.</param>
/// <param name="MaxTokens">Upper bound of generated tokens.</param>
/// <param name="Temperature">0 = greedy.</param>
/// <param name="Seed">Seed of the sampler, for temperatures above 0.</param>
/// <param name="OnToken">Called with each piece of text as it is generated.</param>
/// <param name="TopP">Draws only from the most probable tokens that together reach this share; 1 = all.</param>
/// <param name="Stop">The answer ends before the first of these texts.</param>
public sealed record GenerationRequest(IReadOnlyList<ChatTurn> Messages, int MaxTokens, double Temperature, long? Seed = null,
    Func<string, CancellationToken, ValueTask>? OnToken = null, double TopP = 1, IReadOnlyList<string>? Stop = null)
{
    /// <summary>Tools that the model may call: a JSON list of OpenAI's tool definitions; null = none. Its calls come back as the text, a JSON object with <c>tool_calls</c>.</summary>
    public string? Tools { get; init; }

    /// <summary>Values of a served prompt's further variables (engine <c>gateway</c>).</summary>
    public IReadOnlyDictionary<string, string>? Metadata { get; init; }
}

/// <summary>One message; role is <c>system</c>, <c>user</c> or <c>assistant</c>.</summary>
public sealed record ChatTurn(string Role, string Content);

/// <summary>What came back.</summary>
/// <param name="FinishReason"><c>stop</c> or <c>length</c>.</param>
/// <param name="MeanLogProbability">Mean natural-log probability of the generated tokens, when the engine knows it: a cheap confidence signal.</param>
public sealed record Generation(string Text, int PromptTokens, int CompletionTokens, string FinishReason, double? MeanLogProbability, TimeSpan TimeToFirstToken, TimeSpan Duration);

/// <summary>Probabilities by label.</summary>
public sealed record Classification(IReadOnlyDictionary<string, double> Probabilities);
