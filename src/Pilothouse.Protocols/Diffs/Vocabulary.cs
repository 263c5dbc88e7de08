using System.Text.Json;

namespace Pilothouse.Protocols.Diffs;

/// <summary>Tokens of a tokenizer with their ids.</summary>
/// <param name="Algorithm">Such as BPE or Unigram; null when it does not say.</param>
/// <param name="Merges">Merge rules of a BPE; their text decides whether two are the same.</param>
public sealed record Vocabulary(string? Algorithm, IReadOnlyDictionary<string, long> Tokens, int Merges, int MergesHash)
{
    /// <summary>Bytes of a tokenizer.json that is compared token by token; a larger one only by its digest.</summary>
    public const int MaxBytes = 64 * 1024 * 1024;

    /// <summary>Tokens of one vocabulary.</summary>
    public const int MaxTokens = 2_000_000;

    /// <summary>Reads a tokenizer.json of Hugging Face's tokenizers: <c>model.vocab</c> as an object (BPE, WordPiece, WordLevel) or a list of pairs (Unigram), and <c>added_tokens</c>.</summary>
    /// <exception cref="ProtocolFormatException">Not such a file, or beyond a bound.</exception>
    public static Vocabulary OfTokenizerJson(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 64 });
            var tokens = new Dictionary<string, long>(StringComparer.Ordinal);
            var (algorithm, merges, hash) = ((string?)null, 0, 0);
            if (document.RootElement.TryGetProperty("model", out var model) && model.ValueKind == JsonValueKind.Object)
            {
                algorithm = model.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString() : null;
                if (model.TryGetProperty("vocab", out var vocab)) AddVocab(tokens, vocab);
                if (model.TryGetProperty("merges", out var list) && list.ValueKind == JsonValueKind.Array) (merges, hash) = (list.GetArrayLength(), HashOf(list));
            }
            if (document.RootElement.TryGetProperty("added_tokens", out var added) && added.ValueKind == JsonValueKind.Array)
            {
                foreach (var token in added.EnumerateArray())
                    if (token.ValueKind == JsonValueKind.Object && token.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String && token.TryGetProperty("id", out var id) && IsId(id, out var number))
                        Add(tokens, content.GetString()!, number);
            }
            return new Vocabulary(algorithm, tokens, merges, hash);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException)
        {
            throw new ProtocolFormatException($"The tokenizer is not valid: {e.Message}", e);
        }
    }

    /// <summary>The tokens of a GGUF file: its list <c>tokenizer.ggml.tokens</c>, an id a place.</summary>
    /// <returns>Null when the file has none.</returns>
    public static Vocabulary? OfGguf(Artifacts.GgufHeader header)
    {
        if (header.Metadata.GetValueOrDefault("tokenizer.ggml.tokens") is not IReadOnlyList<object> list) return null;
        var tokens = new Dictionary<string, long>(StringComparer.Ordinal);
        for (var i = 0; i < list.Count; i++)
            if (list[i] is string token) Add(tokens, token, i);
        var merges = header.Metadata.GetValueOrDefault("tokenizer.ggml.merges") as IReadOnlyList<object> ?? [];
        var hash = new HashCode();
        foreach (var merge in merges) hash.Add(merge.ToString(), StringComparer.Ordinal);
        return new Vocabulary(header.Metadata.GetValueOrDefault("tokenizer.ggml.model") as string, tokens, merges.Count, hash.ToHashCode());
    }

    private static void AddVocab(Dictionary<string, long> tokens, JsonElement vocab)
    {
        if (vocab.ValueKind == JsonValueKind.Object)
        {
            foreach (var token in vocab.EnumerateObject())
                if (IsId(token.Value, out var id)) Add(tokens, token.Name, id);
        }
        else if (vocab.ValueKind == JsonValueKind.Array)
        {
            long id = 0;
            foreach (var pair in vocab.EnumerateArray())
            {
                if (pair.ValueKind == JsonValueKind.Array && pair.GetArrayLength() > 0 && pair[0].ValueKind == JsonValueKind.String) Add(tokens, pair[0].GetString()!, id);
                id++;
            }
        }
    }

    private static bool IsId(JsonElement value, out long id)
    {
        id = 0;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out id);
    }

    private static void Add(Dictionary<string, long> tokens, string token, long id)
    {
        tokens[token] = id;
        if (tokens.Count > MaxTokens) throw new ProtocolFormatException($"The tokenizer has more than {MaxTokens} tokens.");
    }

    private static int HashOf(JsonElement merges)
    {
        var hash = new HashCode();
        foreach (var merge in merges.EnumerateArray()) hash.Add(merge.GetRawText(), StringComparer.Ordinal);
        return hash.ToHashCode();
    }
}
