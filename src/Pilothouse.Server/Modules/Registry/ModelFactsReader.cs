using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>Reads what the files of a version say of themselves: headers, config.json, adapter_config.json, the front matter of the card. Never weights.</summary>
internal sealed partial class ModelFactsReader(IBlobStore blobs) : IModelFacts
{
    private const int MaxConfig = 4 * 1024 * 1024;
    private const int MaxCard = 1024 * 1024;
    private const int MaxMetadata = 40;
    private const int MaxValue = 200;

    private static readonly string[] ContextKeys = ["max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length"];
    private static readonly string[] LayerKeys = ["num_hidden_layers", "n_layer", "num_layers"];
    private static readonly string[] WidthKeys = ["hidden_size", "n_embd", "d_model"];

    public async Task<ModelFacts> ReadAsync(ModelVersion version, CancellationToken ct)
    {
        var notes = new List<string>();
        var (dtypes, metadata, formats) = (new SortedDictionary<string, long>(StringComparer.Ordinal), new SortedDictionary<string, string>(StringComparer.Ordinal), new SortedSet<string>(StringComparer.Ordinal));
        var gguf = new Dictionary<string, object>();
        foreach (var file in version.Files)
        {
            try
            {
                switch (Path.GetExtension(file.Path))
                {
                    case ".safetensors":
                        formats.Add("safetensors");
                        await using (var stream = await blobs.OpenReadAsync(file.Digest, ct))
                        {
                            var header = await SafetensorsHeader.ReadAsync(stream, ct);
                            Count(dtypes, header.Tensors);
                            foreach (var (key, value) in header.Metadata) metadata.TryAdd(key, Cut(value));
                        }
                        break;
                    case ".gguf":
                        formats.Add("GGUF");
                        await using (var stream = await blobs.OpenReadAsync(file.Digest, ct))
                        {
                            var header = GgufHeader.Read(stream);
                            Count(dtypes, header.Tensors);
                            foreach (var (key, value) in header.Metadata.Where(m => m.Value is not IReadOnlyList<object> { Count: > 8 })) gguf.TryAdd(key, value);
                        }
                        break;
                    case ".onnx":
                        formats.Add("ONNX");
                        await using (var stream = await blobs.OpenReadAsync(file.Digest, ct)) Count(dtypes, OnnxHeader.Read(stream).Initializers);
                        break;
                }
            }
            catch (Exception e) when (e is ProtocolFormatException or EndOfStreamException)
            {
                notes.Add($"{file.Path} is not what its name says: {e.Message}");
            }
        }
        foreach (var (key, value) in gguf.Where(g => g.Key.StartsWith("general.", StringComparison.Ordinal))) metadata.TryAdd(key, Cut(Text(value)));
        var config = await JsonAsync(version, "config.json", notes, ct);
        var adapter = await JsonAsync(version, "adapter_config.json", notes, ct);
        var (cardBase, cardRelation) = await CardAsync(version, ct);
        var architecture = gguf.GetValueOrDefault("general.architecture") as string ?? First(config, "architectures") ?? First(config, "model_type");
        long? OfGguf(string key) => gguf.GetValueOrDefault($"{architecture}.{key}") is long number ? number : null;
        return new ModelFacts(formats.Count == 0 ? null : string.Join(", ", formats), dtypes.Values.Sum(), dtypes, architecture,
            OfGguf("context_length") ?? Number(config, ContextKeys), OfGguf("block_count") ?? Number(config, LayerKeys), OfGguf("embedding_length") ?? Number(config, WidthKeys),
            adapter is null ? null : new AdapterFacts(First(adapter, "peft_type") ?? "adapter", Number(adapter, ["r"]), adapter.Value.TryGetProperty("lora_alpha", out var alpha) && alpha.ValueKind == JsonValueKind.Number ? alpha.GetDouble() : null, Targets(adapter.Value)),
            First(adapter, "base_model_name_or_path") ?? gguf.GetValueOrDefault("general.base_model.0.name") as string ?? cardBase, cardRelation,
            metadata.Take(MaxMetadata).ToDictionary(m => m.Key, m => m.Value), notes);
    }

    private static void Count(SortedDictionary<string, long> dtypes, IEnumerable<TensorInfo> tensors)
    {
        foreach (var tensor in tensors) dtypes[tensor.Dtype] = dtypes.GetValueOrDefault(tensor.Dtype) + tensor.Elements;
    }

    private async Task<JsonElement?> JsonAsync(ModelVersion version, string path, List<string> notes, CancellationToken ct)
    {
        if (version.Files.FirstOrDefault(f => f.Path == path) is not { Size: <= MaxConfig } file) return null;
        try
        {
            using var document = JsonDocument.Parse(await blobs.ReadAsync(file.Digest, MaxConfig, ct), new JsonDocumentOptions { MaxDepth = 64 });
            return document.RootElement.ValueKind == JsonValueKind.Object ? document.RootElement.Clone() : null;
        }
        catch (JsonException e)
        {
            notes.Add($"{path} is not valid JSON: {e.Message}");
            return null;
        }
    }

    // ---
    // base_model: meta-llama/Llama-3.1-8B
    // base_model_relation: adapter
    // ---
    private async Task<(string? Base, string? Relation)> CardAsync(ModelVersion version, CancellationToken ct)
    {
        if (version.Files.FirstOrDefault(f => f.Path == "README.md") is not { Size: <= MaxCard } file) return (null, null);
        var text = Encoding.UTF8.GetString(await blobs.ReadAsync(file.Digest, MaxCard, ct)).ReplaceLineEndings("\n");
        if (!text.StartsWith("---\n", StringComparison.Ordinal) || text.IndexOf("\n---", 3, StringComparison.Ordinal) is not (> 0 and var end)) return (null, null);
        var front = text[..end];
        return (BaseModel().Match(front) is { Success: true } b ? Cut(b.Groups[1].Value) : null, Relation().Match(front) is { Success: true } r ? Cut(r.Groups[1].Value) : null);
    }

    private static string? First(JsonElement? root, string name)
    {
        if (root is not { } json || !json.TryGetProperty(name, out var value)) return null;
        if (value.ValueKind == JsonValueKind.Array) value = value.EnumerateArray().FirstOrDefault();
        return value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? Cut(text) : null;
    }

    private static long? Number(JsonElement? root, string[] names)
    {
        foreach (var name in names)
            if (root is { } json && json.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number)) return number;
        return null;
    }

    private static IReadOnlyList<string> Targets(JsonElement adapter) => !adapter.TryGetProperty("target_modules", out var targets) ? []
        : targets.ValueKind == JsonValueKind.Array ? [.. targets.EnumerateArray().Where(t => t.ValueKind == JsonValueKind.String).Select(t => Cut(t.GetString()!)).Take(50)]
        : targets.ValueKind == JsonValueKind.String ? [Cut(targets.GetString()!)] : [];

    private static string Text(object value) => value is IReadOnlyList<object> list ? string.Join(", ", list.Select(Text)) : Convert.ToString(value, CultureInfo.InvariantCulture) ?? "";

    private static string Cut(string text) => text.Length <= MaxValue ? text : text[..MaxValue] + "...";

    [GeneratedRegex(@"^base_model:[ \t]*(?:\n[ \t]*-[ \t]*)?[""']?([^\s""'\[\]]+)", RegexOptions.Multiline | RegexOptions.NonBacktracking)]
    private static partial Regex BaseModel();

    [GeneratedRegex(@"^base_model_relation:[ \t]*[""']?(\w+)", RegexOptions.Multiline | RegexOptions.NonBacktracking)]
    private static partial Regex Relation();
}
