using System.Text.Json;
using Pilothouse.Protocols;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>Reads the small files of a model directory, which are foreign: bounded, and every fault names model and file.</summary>
internal sealed class ModelFiles(EngineModel model)
{
    private const int MaxJson = 64 * 1024 * 1024;

    public string Reference => model.Reference;

    public string PathOf(string name) => Path.Combine(model.Directory, name);

    public bool Has(string name) => File.Exists(PathOf(name));

    /// <summary>Path of model.onnx; without it the remedy for what is there.</summary>
    public string OnnxPath()
    {
        if (Has("model.onnx")) return PathOf("model.onnx");
        var remedy = Has("model.safetensors") ? "It has model.safetensors: export it to ONNX (samples/tiny-models: `export DIR`, or optimum-cli export onnx) and register that as a new version, or serve it with engine: openai and a server that reads safetensors."
            : Has("model.gguf") ? "It has model.gguf: serve it with engine: openai and llama.cpp's server, or export it to ONNX and register that as a new version."
            : "Register a version that contains model.onnx.";
        throw new PilothouseException(ErrorCode.Unsupported, $"{Reference} has no model.onnx, which the engine 'onnx' runs. {remedy}");
    }

    public byte[] Read(string name)
    {
        try
        {
            var file = new FileInfo(PathOf(name));
            if (!file.Exists) throw Fault(name, "it is missing");
            if (file.Length > MaxJson) throw Fault(name, $"it is larger than {MaxJson / 1024 / 1024} MiB");
            return File.ReadAllBytes(file.FullName);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new PilothouseException(ErrorCode.Unavailable, $"{name} of {Reference} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Parses a JSON object; null when the file is not there.</summary>
    public T? TryJson<T>(string name, Func<JsonElement, T> read) where T : class => Has(name) ? Json(name, read) : null;

    public T Json<T>(string name, Func<JsonElement, T> read)
    {
        var content = Read(name);
        try
        {
            using var document = JsonDocument.Parse(content, new JsonDocumentOptions { MaxDepth = 32 });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw Fault(name, "it is not a JSON object");
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or OverflowException)
        {
            throw Fault(name, e is ProtocolFormatException ? e.Message : $"it is not what it should be ({e.Message})", e);
        }
    }

    public PilothouseException Fault(string name, string what, Exception? inner = null) =>
        new(ErrorCode.Unsupported, $"{name} of {Reference} cannot be used: {what.TrimEnd('.')}. Register a version with a correct file.", inner);
}
