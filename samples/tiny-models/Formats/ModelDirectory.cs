using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pilothouse.Samples.TinyModels.Llama;
using Pilothouse.Samples.TinyModels.Text;

namespace Pilothouse.Samples.TinyModels.Formats;

/// <summary>A model directory as Hugging Face lays it out.</summary>
internal static class ModelDirectory
{
    public const string Config = "config.json";
    public const string Weights = "model.safetensors";
    public const string Onnx = "model.onnx";
    public const string Gguf = "model.gguf";
    public const string Tokenizer = "tokenizer.json";
    public const string Training = "training.json";

    public static readonly JsonSerializerOptions Json = new()
    {
        WriteIndented = true,
        NewLine = "\n",
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes everything that is not derived; the same weights give the same bytes.</summary>
    public static void Write(string directory, LlamaWeights weights, ByteLevelBpe tokenizer)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, Config), ConfigJson(weights.Config));
        File.WriteAllText(Path.Combine(directory, "generation_config.json"), Text(new JsonObject { ["do_sample"] = false, ["eos_token_id"] = ByteLevelBpe.EosId, ["pad_token_id"] = ByteLevelBpe.EosId, ["max_new_tokens"] = 48 }));
        File.WriteAllText(Path.Combine(directory, Tokenizer), TokenizerFiles.TokenizerJson(tokenizer));
        File.WriteAllText(Path.Combine(directory, "tokenizer_config.json"), TokenizerFiles.TokenizerConfigJson(weights.Config.Context));
        File.WriteAllBytes(Path.Combine(directory, Weights), Safetensors.Write(weights));
    }

    public static (LlamaWeights Weights, ByteLevelBpe Tokenizer) Read(string directory)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(directory, Config)));
        int Number(string name) => json.RootElement.GetProperty(name).GetInt32();
        if (json.RootElement.GetProperty("model_type").GetString() != "llama") throw new InvalidDataException($"{directory} holds no Llama model.");
        var config = new LlamaConfig(Number("vocab_size"), Number("hidden_size"), Number("num_hidden_layers"), Number("num_attention_heads"), Number("intermediate_size"), Number("max_position_embeddings"));
        return (Safetensors.Read(File.ReadAllBytes(Path.Combine(directory, Weights)), config), TokenizerFiles.Read(File.ReadAllText(Path.Combine(directory, Tokenizer))));
    }

    public static string Digest(byte[] content) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));

    public static string Text(JsonObject json) => json.ToJsonString(Json) + "\n";

    private static string ConfigJson(LlamaConfig c) => Text(new JsonObject
    {
        ["architectures"] = new JsonArray("LlamaForCausalLM"),
        ["model_type"] = "llama",
        ["attention_bias"] = false,
        ["attention_dropout"] = 0.0,
        ["bos_token_id"] = null,
        ["eos_token_id"] = ByteLevelBpe.EosId,
        ["pad_token_id"] = ByteLevelBpe.EosId,
        ["head_dim"] = c.HeadWidth,
        ["hidden_act"] = "silu",
        ["hidden_size"] = c.Width,
        ["initializer_range"] = 0.02,
        ["intermediate_size"] = c.Hidden,
        ["max_position_embeddings"] = c.Context,
        ["mlp_bias"] = false,
        ["num_attention_heads"] = c.Heads,
        ["num_hidden_layers"] = c.Layers,
        ["num_key_value_heads"] = c.Heads,
        ["rms_norm_eps"] = 1e-5,
        ["rope_scaling"] = null,
        ["rope_theta"] = LlamaConfig.RopeTheta,
        ["tie_word_embeddings"] = true,
        ["torch_dtype"] = "float32",
        ["use_cache"] = true,
        ["vocab_size"] = c.Vocabulary,
    });
}
