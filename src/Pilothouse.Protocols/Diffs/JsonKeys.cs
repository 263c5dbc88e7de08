using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Pilothouse.Protocols.Diffs;

/// <summary>A JSON document as flat keys, <c>rope_scaling.factor</c>, for comparing configurations.</summary>
public static class JsonKeys
{
    /// <summary>Keys of one document; the rest is left out.</summary>
    public const int MaxKeys = 5_000;

    private const int MaxValue = 300;

    /// <summary>Values as JSON, cut after 300 characters. Short lists are one value; a list with objects has a key an element.</summary>
    /// <exception cref="ProtocolFormatException">Not JSON.</exception>
    public static IReadOnlyDictionary<string, string> Of(ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 64 });
            return Of(document.RootElement);
        }
        catch (JsonException e)
        {
            throw new ProtocolFormatException($"It is not valid JSON: {e.Message}", e);
        }
    }

    public static IReadOnlyDictionary<string, string> Of(JsonElement root)
    {
        var keys = new SortedDictionary<string, string>(StringComparer.Ordinal);
        Add(keys, "", root);
        return keys;
    }

    /// <summary>Keys with a value on one side only, or with two different ones; in order.</summary>
    public static IEnumerable<(string Key, string? From, string? To)> Compare(IReadOnlyDictionary<string, string> a, IReadOnlyDictionary<string, string> b) =>
        a.Keys.Union(b.Keys).Order(StringComparer.Ordinal).Select(key => (key, a.GetValueOrDefault(key), b.GetValueOrDefault(key))).Where(c => c.Item2 != c.Item3);

    private static void Add(SortedDictionary<string, string> keys, string path, JsonElement value)
    {
        if (keys.Count >= MaxKeys) return;
        if (value.ValueKind == JsonValueKind.Object && value.EnumerateObject().Any())
        {
            foreach (var property in value.EnumerateObject()) Add(keys, path.Length == 0 ? property.Name : $"{path}.{property.Name}", property.Value);
        }
        else if (value.ValueKind == JsonValueKind.Array && value.EnumerateArray().Any(e => e.ValueKind is JsonValueKind.Object))
        {
            var i = 0;
            foreach (var element in value.EnumerateArray()) Add(keys, $"{path}[{i++}]", element);
        }
        else
        {
            var text = value.GetRawText();
            // Two long values that begin alike must not look the same.
            keys[path] = text.Length <= MaxValue ? text : $"{text[..MaxValue]}... ({text.Length} characters, {Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..8]})";
        }
    }
}
