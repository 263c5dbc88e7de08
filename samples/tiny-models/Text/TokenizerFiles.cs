using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pilothouse.Samples.TinyModels.Text;

/// <summary>tokenizer.json and tokenizer_config.json in Hugging Face's format.</summary>
internal static class TokenizerFiles
{
    /// <summary>The chat template in the Jinja that transformers and llama.cpp read; <see cref="Data.Dialogue.ChatPrompt"/> is the same for one message.</summary>
    public const string ChatTemplate =
        "{% for message in messages %}{% if message['role'] == 'assistant' %}{{ '<|assistant|>' + message['content'] + '<|eos|>' }}" +
        "{% else %}{{ '<|user|>' + message['content'] }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string TokenizerJson(ByteLevelBpe tokenizer)
    {
        var added = new JsonArray();
        foreach (var (id, special) in ByteLevelBpe.SpecialTokens.Index())
            added.Add(new JsonObject
            {
                ["id"] = id,
                ["content"] = special,
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            });
        var vocabulary = new JsonObject();
        for (var id = 0; id < tokenizer.VocabularySize; id++) vocabulary[tokenizer.TokenText(id)] = id;
        var merges = new JsonArray();
        foreach (var (left, right) in tokenizer.Merges) merges.Add($"{tokenizer.TokenText(left)} {tokenizer.TokenText(right)}");
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = added,
            ["normalizer"] = null,
            ["pre_tokenizer"] = ByteLevel(),
            ["post_processor"] = null,
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = vocabulary,
                ["merges"] = merges,
            },
        }.ToJsonString(Indented) + "\n";
    }

    public static string TokenizerConfigJson(int context) => new JsonObject
    {
        ["tokenizer_class"] = "PreTrainedTokenizerFast",
        ["eos_token"] = ByteLevelBpe.Eos,
        ["pad_token"] = ByteLevelBpe.Eos,
        ["model_max_length"] = context,
        ["clean_up_tokenization_spaces"] = false,
        ["chat_template"] = ChatTemplate,
    }.ToJsonString(Indented) + "\n";

    /// <exception cref="InvalidDataException">The file is no byte-level BPE of ours.</exception>
    public static ByteLevelBpe Read(string json)
    {
        using var document = JsonDocument.Parse(json);
        var model = document.RootElement.GetProperty("model");
        var ids = model.GetProperty("vocab").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetInt32());
        var merges = new List<(int Left, int Right)>();
        foreach (var merge in model.GetProperty("merges").EnumerateArray())
        {
            var parts = merge.GetString()!.Split(' ');
            if (parts.Length != 2) throw new InvalidDataException($"The merge '{merge}' is not a pair.");
            merges.Add((ids[parts[0]], ids[parts[1]]));
        }
        var tokenizer = new ByteLevelBpe(merges);
        for (var id = 0; id < tokenizer.VocabularySize; id++)
            if (!ids.TryGetValue(tokenizer.TokenText(id), out var written) || written != id) throw new InvalidDataException($"Token {id} of the vocabulary is not where its merge puts it.");
        return tokenizer;
    }

    private static JsonObject ByteLevel() => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true };
}
