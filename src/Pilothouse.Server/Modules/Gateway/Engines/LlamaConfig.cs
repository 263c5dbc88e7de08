using System.Text.Json;

namespace Pilothouse.Server.Modules.Gateway.Engines;

/// <summary>What the decoder needs of a Llama's config.json and generation_config.json, checked.</summary>
/// <param name="HeadWidth">Width of one head of the key/value cache.</param>
/// <param name="Context">Tokens of prompt and answer together.</param>
/// <param name="EosIds">Tokens that end an answer.</param>
internal sealed record LlamaConfig(int Vocabulary, int Layers, int KeyValueHeads, int HeadWidth, int Context, IReadOnlySet<int> EosIds)
{
    private const int MaxContext = 1 << 17;

    public static string ModelType(ModelFiles files) => files.Json("config.json", json => json.GetProperty("model_type").GetString() ?? "");

    public static LlamaConfig Read(ModelFiles files)
    {
        var config = files.Json("config.json", json =>
        {
            var heads = Number(json, "num_attention_heads", 1, 1024);
            var headWidth = json.TryGetProperty("head_dim", out var width) && width.ValueKind == JsonValueKind.Number ? Number(json, "head_dim", 1, 4096) : Number(json, "hidden_size", 1, 1 << 20) / heads;
            return new LlamaConfig(Number(json, "vocab_size", 1, 2_000_000), Number(json, "num_hidden_layers", 1, 512),
                json.TryGetProperty("num_key_value_heads", out _) ? Number(json, "num_key_value_heads", 1, 1024) : heads, headWidth,
                Number(json, "max_position_embeddings", 1, MaxContext), Ids(json));
        });
        // generation_config.json may name more end tokens than config.json; transformers lets it win.
        var eos = files.TryJson("generation_config.json", Ids);
        return eos is { Count: > 0 } ? config with { EosIds = eos } : config;
    }

    private static int Number(JsonElement json, string name, int min, int max)
    {
        if (!json.TryGetProperty(name, out var value)) throw new FormatException($"'{name}' is missing");
        var number = value.GetInt32();
        return number >= min && number <= max ? number : throw new FormatException($"'{name}' is {number}; {min} to {max} is possible");
    }

    // "eos_token_id": 2, or [128001, 128009], or null
    private static HashSet<int> Ids(JsonElement json) => !json.TryGetProperty("eos_token_id", out var eos) ? [] : eos.ValueKind switch
    {
        JsonValueKind.Number => [eos.GetInt32()],
        JsonValueKind.Array => [.. eos.EnumerateArray().Take(64).Select(e => e.GetInt32())],
        _ => [],
    };
}
