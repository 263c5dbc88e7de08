using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Hub;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Hub;

/// <summary>What a revision says of itself.</summary>
/// <param name="Parameters">By element type, of all safetensors files.</param>
/// <param name="Gguf">Of the first GGUF file.</param>
internal sealed record HubCard(ModelCard Card, IReadOnlyList<string> Tags, string? PipelineTag, string? LibraryName, IReadOnlyDictionary<string, long>? Parameters, IReadOnlyDictionary<string, object>? Gguf, JsonElement? Config);

/// <summary>Reads cards, weight headers and configurations; kept by content, since content does not change.</summary>
internal sealed class HubCards(IBlobStore blobs)
{
    /// <summary>Cards that are kept.</summary>
    private const int MaxKept = 512;

    private const int MaxConfig = 1024 * 1024;
    private const int MaxTemplate = 20_000;

    private readonly ConcurrentDictionary<string, HubCard> _kept = new(StringComparer.Ordinal);

    public async Task<HubCard> ReadAsync(HubRevision revision, CancellationToken ct)
    {
        var key = $"{revision.Type} {revision.Digest} {revision.Model?.Kind}";
        if (_kept.TryGetValue(key, out var kept)) return kept;
        var card = await ComputeAsync(revision, ct);
        if (_kept.Count >= MaxKept) _kept.Clear();
        return _kept[key] = card;
    }

    private async Task<HubCard> ComputeAsync(HubRevision revision, CancellationToken ct)
    {
        var readme = revision.Files.FirstOrDefault(f => f.Path == "README.md" && f.Size <= ModelCard.MaxBytes);
        var card = readme is null ? new ModelCard(null, null) : ModelCard.Parse(Encoding.UTF8.GetString(await blobs.ReadAsync(readme.Digest, ModelCard.MaxBytes, ct)));
        var parameters = await ParametersAsync(revision.Files, ct);
        var gguf = revision.Files.FirstOrDefault(f => f.Path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)) is { } file ? await GgufAsync(file, ct) : null;
        var config = await ConfigAsync(revision.Files, ct);
        var library = card.LibraryName ?? (gguf is not null ? "gguf" : config is not null ? "transformers" : null);
        var task = card.PipelineTag ?? TaskOf(revision, config);
        var tags = new List<string>(card.Tags);
        if (library is not null) tags.Add(library);
        if (task is not null) tags.Add(task);
        foreach (var (ending, tag) in (ReadOnlySpan<(string, string)>)[(".safetensors", "safetensors"), (".gguf", "gguf"), (".onnx", "onnx")])
            if (revision.Files.Any(f => f.Path.EndsWith(ending, StringComparison.OrdinalIgnoreCase))) tags.Add(tag);
        if (revision.Dataset is { } dataset && dataset.Format != "mixed") tags.Add("format:" + dataset.Format);
        if (revision.Model is { } model)
        {
            if (config is { } c && c.TryGetProperty("model_type", out var type) && type.ValueKind == JsonValueKind.String) tags.Add(type.GetString()!);
            tags.AddRange(model.Datasets.Select(d => "dataset:" + d["datasets:/".Length..]));
            if (model.BaseModel is { } from) tags.Add("base_model:" + from);
        }
        return new HubCard(card, [.. tags.Distinct(StringComparer.Ordinal)], task, library, parameters, gguf, config);
    }

    /// <summary>The Hub guesses the task of a model without a card; so do we, from what the registry or the configuration says.</summary>
    private static string? TaskOf(HubRevision revision, JsonElement? config)
    {
        if (revision.Type != HubAddress.Model) return null;
        if (config is { } c && c.TryGetProperty("architectures", out var list) && list.ValueKind == JsonValueKind.Array && list.GetArrayLength() > 0 && list[0].ValueKind == JsonValueKind.String)
        {
            var name = list[0].GetString()!;
            if (name.EndsWith("ForCausalLM", StringComparison.Ordinal) || name.EndsWith("LMHeadModel", StringComparison.Ordinal)) return "text-generation";
            if (name.EndsWith("ForSequenceClassification", StringComparison.Ordinal)) return "text-classification";
            if (name.EndsWith("ForTokenClassification", StringComparison.Ordinal)) return "token-classification";
            if (name.EndsWith("ForMaskedLM", StringComparison.Ordinal)) return "fill-mask";
        }
        return revision.Model?.Kind switch { "generative" => "text-generation", "classifier" => "text-classification", "embedding" => "feature-extraction", "reranker" => "text-ranking", _ => null };
    }

    private async Task<Dictionary<string, long>?> ParametersAsync(IReadOnlyList<ArtifactFile> files, CancellationToken ct)
    {
        var parameters = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var file in files.Where(f => f.Path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)))
        {
            await using var content = await blobs.OpenReadAsync(file.Digest, ct);
            try
            {
                foreach (var tensor in (await SafetensorsHeader.ReadAsync(content, ct)).Tensors) parameters[tensor.Dtype] = parameters.GetValueOrDefault(tensor.Dtype) + tensor.Elements;
            }
            catch (Exception e) when (e is ProtocolFormatException or JsonException or EndOfStreamException)
            {
                // A file that only has the name. What can be said of the others is said.
            }
        }
        return parameters.Count == 0 ? null : parameters;
    }

    private async Task<Dictionary<string, object>?> GgufAsync(ArtifactFile file, CancellationToken ct)
    {
        await using var content = await blobs.OpenReadAsync(file.Digest, ct);
        try
        {
            var header = GgufHeader.Read(content);
            var said = new Dictionary<string, object>(StringComparer.Ordinal) { ["total"] = header.Tensors.Sum(t => t.Elements) };
            if (header.Metadata.GetValueOrDefault("general.architecture") is not string architecture) return said;
            said["architecture"] = architecture;
            foreach (var (key, name) in (ReadOnlySpan<(string, string)>)[($"{architecture}.context_length", "context_length"), ("tokenizer.chat_template", "chat_template"), ("tokenizer.ggml.bos_token_id", "bos_token_id"), ("tokenizer.ggml.eos_token_id", "eos_token_id")])
                if (header.Metadata.GetValueOrDefault(key) is { } value and (string or long or int or ulong or uint) && value is not string { Length: > MaxTemplate }) said[name] = value;
            return said;
        }
        catch (Exception e) when (e is ProtocolFormatException or EndOfStreamException)
        {
            return null;
        }
    }

    /// <summary>The parts of config.json that the Hub shows.</summary>
    private async Task<JsonElement?> ConfigAsync(IReadOnlyList<ArtifactFile> files, CancellationToken ct)
    {
        if (files.FirstOrDefault(f => f.Path == "config.json" && f.Size <= MaxConfig) is not { } file) return null;
        try
        {
            using var json = JsonDocument.Parse(await blobs.ReadAsync(file.Digest, MaxConfig, ct), new JsonDocumentOptions { MaxDepth = 64 });
            return json.RootElement.ValueKind == JsonValueKind.Object ? json.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
