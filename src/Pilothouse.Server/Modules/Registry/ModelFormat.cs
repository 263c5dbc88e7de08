using System.Text.Json;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Checks that the files of a version are a model that an engine here could load, from their headers; weights are not read.</summary>
internal static class ModelFormat
{
    public const string Generative = "generative";
    public const string Classifier = "classifier";
    public const string Embedding = "embedding";
    public const string Reranker = "reranker";

    /// <summary>What MLflow's clients register: any directory, with a file MLmodel when a flavour wrote it. Also an object whose kind nobody stated.</summary>
    public const string Mlflow = "mlflow";

    private const string Accepted =
        "Accepted are: generative = config.json, tokenizer.json and model.onnx or safetensors, or a .gguf file, or a LoRA adapter (adapter_config.json, adapter_model.safetensors); embedding, reranker = config.json, tokenizer.json and model.onnx or safetensors, or a .gguf file; classifier = config.json and model.onnx; mlflow = MLmodel.";

    private const int MaxJson = 256 * 1024 * 1024;

    /// <exception cref="PilothouseException">Unsupported: not a format that is accepted, with those that are.</exception>
    public static void RequireFiles(string? kind, IReadOnlySet<string> paths)
    {
        string[] required = kind switch
        {
            Generative when paths.Contains("adapter_config.json") => ["adapter_model.safetensors"],
            Generative or Embedding or Reranker => paths.Any(p => p.EndsWith(".gguf", StringComparison.Ordinal)) ? [] : ["config.json", "tokenizer.json"],
            Classifier => ["config.json", "model.onnx"],
            Mlflow => ["MLmodel"],
            _ => throw new PilothouseException(ErrorCode.Unsupported, $"'{RegistryRules.Shorten(kind)}' is not a kind of model. {Accepted}"),
        };
        if (required.FirstOrDefault(file => !paths.Contains(file)) is { } missing)
            throw new PilothouseException(ErrorCode.Unsupported, $"A {kind} model without '{missing}' cannot be loaded. {Accepted}");
        if (kind is Generative or Embedding or Reranker && !paths.Contains("model.onnx") && !paths.Any(p => p.EndsWith(".safetensors", StringComparison.Ordinal) || p.EndsWith(".gguf", StringComparison.Ordinal)))
            throw new PilothouseException(ErrorCode.Unsupported, $"The model has no weights in a known format. {Accepted}");
    }

    /// <summary>The kind of a directory that was registered without one: what an engine here can load is that, all else is <see cref="Mlflow"/>.</summary>
    public static async Task<string> DetectAsync(IReadOnlyList<ArtifactFile> files, IBlobStore blobs, CancellationToken ct)
    {
        var paths = files.Select(f => f.Path).ToHashSet(StringComparer.Ordinal);
        if (paths.Contains("MLmodel") || !paths.Contains("config.json")) return Mlflow;
        var kind = paths.Contains("tokenizer.json") && (paths.Contains("model.onnx") || paths.Contains("model.safetensors")) ? Generative
            : paths.Contains("model.onnx") ? Classifier : Mlflow;
        if (kind == Mlflow) return kind;
        try
        {
            foreach (var file in files) await CheckAsync(file.Path, file.Digest, blobs, ct);
            return kind;
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.InvalidArgument)
        {
            return Mlflow; // It has the names only. MLflow's client may register any files.
        }
    }

    /// <exception cref="PilothouseException">InvalidArgument: a file is not what its name says, or is cut short.</exception>
    public static async Task CheckAsync(string path, string digest, IBlobStore blobs, CancellationToken ct)
    {
        if (Reader(path) is not { } read) return;
        await using var stream = await blobs.OpenReadAsync(digest, ct);
        try
        {
            await read(stream, ct);
        }
        catch (Exception e) when (e is ProtocolFormatException or JsonException or EndOfStreamException)
        {
            throw new PilothouseException(ErrorCode.InvalidArgument, $"'{path}' cannot be loaded: {e.Message} Nothing was registered.", e);
        }
    }

    private static Func<Stream, CancellationToken, Task>? Reader(string path) => Path.GetExtension(path) switch
    {
        ".safetensors" => SafetensorsHeader.ReadAsync,
        ".gguf" => (stream, _) => Task.FromResult(GgufHeader.Read(stream)),
        ".onnx" => (stream, _) => Task.FromResult(OnnxFile.Read(stream)),
        _ => path is "config.json" or "tokenizer.json" ? JsonObjectAsync : null,
    };

    private static async Task JsonObjectAsync(Stream stream, CancellationToken ct)
    {
        if (stream.Length > MaxJson) throw new ProtocolFormatException($"It has {stream.Length} bytes; {MaxJson} is the limit for JSON.");
        using var json = await JsonDocument.ParseAsync(stream, new JsonDocumentOptions { MaxDepth = 64 }, ct);
        if (json.RootElement.ValueKind != JsonValueKind.Object) throw new ProtocolFormatException("It is not a JSON object.");
    }
}
