using Pilothouse.Server.Platform.Inference;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>One way to run models. Errors are named: Unsupported (model format or kind), UpstreamFailed, RateLimited, InvalidArgument.</summary>
internal interface IEngine
{
    /// <summary>Name in the project file and in routes: <c>onnx</c>, <c>openai</c>.</summary>
    string Name { get; }

    Task<Generation> GenerateAsync(EngineModel model, GenerationRequest request, CancellationToken ct);

    Task<IReadOnlyList<double>> ScoreAsync(EngineModel model, string text, IReadOnlyList<string> continuations, CancellationToken ct);

    Task<IReadOnlyList<Classification>> ClassifyAsync(EngineModel model, IReadOnlyList<string> texts, CancellationToken ct);

    Task<IReadOnlyList<IReadOnlyList<float>>> EmbedAsync(EngineModel model, IReadOnlyList<string> texts, CancellationToken ct) =>
        throw new Platform.PilothouseException(Platform.ErrorCode.Unsupported, $"The engine '{Name}' has no embeddings. Use an OpenAI-compatible server.");
}

/// <summary>What an engine needs to know of a model.</summary>
/// <param name="Reference">For messages: <c>models:/assistant/2</c>, or the upstream's model name.</param>
/// <param name="Digest">Content digest: the key of the cache. Empty for a remote engine.</param>
/// <param name="Directory">Local directory with the files. Empty for a remote engine.</param>
/// <param name="Size">Bytes of all files.</param>
/// <param name="Url">Base URL of a remote engine.</param>
internal sealed record EngineModel(string Reference, string Digest, string Directory, long Size, string? Url)
{
    /// <summary>Environment variable with the key of a remote engine.</summary>
    public string? KeyVariable { get; init; }
}
