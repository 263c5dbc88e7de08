using System.Text;
using System.Text.Json;

namespace Pilothouse.Protocols.Tokenizers;

/// <summary>The parts of a <c>tokenizer.json</c> that a byte-level BPE needs, checked. What it cannot do it refuses rather than tokenise differently.</summary>
internal sealed class TokenizerJson
{
    public const int MaxLength = 64 * 1024 * 1024;
    private const int MaxId = 2_000_000;
    private const int MaxAdded = 10_000;

    private TokenizerJson()
    {
    }

    public byte[]?[] Bytes { get; private set; } = [];

    public int[] ByteIds { get; } = new int[256];

    public HashSet<int> Special { get; } = [];

    public Dictionary<string, int> Ids { get; } = [];

    public Dictionary<string, int> Added { get; } = [];

    public Dictionary<(int Left, int Right), ByteLevelBpe.Merge> Merges { get; } = [];

    public bool PrefixSpace { get; private set; }

    public bool IgnoreMerges { get; private set; }

    public static TokenizerJson Parse(ReadOnlyMemory<byte> json)
    {
        if (json.Length > MaxLength)
            throw new ProtocolFormatException($"The tokenizer.json is larger than {MaxLength / 1024 / 1024} MiB.");
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 32 });
            var parsed = new TokenizerJson();
            parsed.Read(document.RootElement);
            return parsed;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException and not ProtocolFormatException)
        {
            throw new ProtocolFormatException($"The tokenizer.json is not valid: {e.Message}", e);
        }
    }

    private void Read(JsonElement root)
    {
        RefuseUnless(TypeOf(root, "normalizer") is null, "normalizer", TypeOf(root, "normalizer"));
        RefuseUnless(TypeOf(root, "post_processor") is null or "ByteLevel", "post_processor", TypeOf(root, "post_processor"));
        RefuseUnless(TypeOf(root, "pre_tokenizer") == "ByteLevel", "pre_tokenizer", TypeOf(root, "pre_tokenizer") ?? "none");
        var preTokenizer = root.GetProperty("pre_tokenizer");
        RefuseUnless(Flag(preTokenizer, "use_regex", absent: true), "pre_tokenizer", "ByteLevel without use_regex");
        PrefixSpace = Flag(preTokenizer, "add_prefix_space", absent: true);

        var model = root.GetProperty("model");
        RefuseUnless(TypeOf(root, "model") is "BPE" or null, "model", TypeOf(root, "model"));
        RefuseUnless(!Flag(model, "byte_fallback", absent: false), "model", "byte_fallback");
        foreach (var affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
            RefuseUnless(!model.TryGetProperty(affix, out var value) || value.ValueKind == JsonValueKind.Null || value.GetString() == "", "model", affix);
        IgnoreMerges = Flag(model, "ignore_merges", absent: false);

        ReadAdded(root);
        ReadVocabulary(model.GetProperty("vocab"));
        ReadMerges(model.GetProperty("merges"));
    }

    // {"id":0,"content":"<|eos|>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}
    private void ReadAdded(JsonElement root)
    {
        if (!root.TryGetProperty("added_tokens", out var tokens) || tokens.ValueKind == JsonValueKind.Null)
            return;
        if (tokens.GetArrayLength() > MaxAdded)
            throw new ProtocolFormatException($"The tokenizer has more than {MaxAdded} added tokens.");
        foreach (var token in tokens.EnumerateArray())
        {
            var content = token.GetProperty("content").GetString();
            var id = Id(token.GetProperty("id"));
            if (string.IsNullOrEmpty(content) || !Added.TryAdd(content, id))
                throw new ProtocolFormatException("An added token of the tokenizer is empty or given twice.");
            foreach (var flag in (string[])["single_word", "lstrip", "rstrip"])
                RefuseUnless(!Flag(token, flag, absent: false), $"added token '{content}'", flag);
            if (Flag(token, "special", absent: false))
                Special.Add(id);
        }
    }

    private void ReadVocabulary(JsonElement vocabulary)
    {
        foreach (var entry in vocabulary.EnumerateObject())
        {
            if (!Ids.TryAdd(entry.Name, Id(entry.Value)))
                throw new ProtocolFormatException($"The token '{entry.Name}' is given twice in the vocabulary.");
        }

        Bytes = new byte[Ids.Values.Concat(Added.Values).DefaultIfEmpty(-1).Max() + 1][];
        foreach (var (content, id) in Added)
            Bytes[id] = Encoding.UTF8.GetBytes(content);
        foreach (var (text, id) in Ids.Where(p => !Added.ContainsKey(p.Key)))
        {
            if (Bytes[id] is not null)
                throw new ProtocolFormatException($"Two tokens have the id {id}.");
            Bytes[id] = ByteMap.ToBytes(text) ?? throw new ProtocolFormatException($"The token '{text}' is not in byte-level form.");
        }

        for (var b = 0; b < 256; b++)
        {
            if (!Ids.TryGetValue(ByteMap.ToChar((byte)b).ToString(), out ByteIds[b]))
                throw new ProtocolFormatException($"The vocabulary has no token for byte 0x{b:X2}, so not every text can be encoded.");
        }
    }

    // "Ġ t" or, since tokenizers 0.20, ["Ġ","t"]
    private void ReadMerges(JsonElement merges)
    {
        var rank = 0;
        foreach (var merge in merges.EnumerateArray())
        {
            var parts = merge.ValueKind == JsonValueKind.Array ? [.. merge.EnumerateArray().Select(p => p.GetString() ?? "")] : (merge.GetString() ?? "").Split(' ');
            if (parts.Length != 2
                || !Ids.TryGetValue(parts[0], out var left)
                || !Ids.TryGetValue(parts[1], out var right)
                || !Ids.TryGetValue(parts[0] + parts[1], out var id))
            {
                throw new ProtocolFormatException($"Merge {rank} of the tokenizer is not two tokens of the vocabulary that give a third.");
            }

            // Of two equal merges the later replaces the earlier, as in the reference implementation's map.
            Merges[(left, right)] = new ByteLevelBpe.Merge(rank++, id);
        }
    }

    private static int Id(JsonElement value)
    {
        var id = value.GetInt32();
        return id is >= 0 and <= MaxId ? id : throw new ProtocolFormatException($"The token id {id} is not between 0 and {MaxId}.");
    }

    private static string? TypeOf(JsonElement root, string part) =>
        root.TryGetProperty(part, out var value) && value.ValueKind == JsonValueKind.Object && value.TryGetProperty("type", out var type) ? type.GetString() : null;

    private static bool Flag(JsonElement element, string name, bool absent) =>
        element.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value.GetBoolean() : absent;

    private static void RefuseUnless(bool supported, string part, string? found)
    {
        if (!supported)
            throw new ProtocolFormatException($"This tokenizer's {part} ({found}) is not supported: only byte-level BPE with GPT-2's pattern is.");
    }
}
