using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Pilothouse.EndToEnd.Tests.Mlflow;

/// <summary>Hostile neighbours of a request: one value of it replaced, removed or repeated, or the bytes themselves damaged.</summary>
internal sealed class JsonMutator(int seed)
{
    private static readonly string[] Values =
    [
        "null", "true", "-1", "0", "1.5", "1e308", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e999", "\"\"", "\" \"", "\"\\u0000\"", "\"a\\u0000b\"", "\"\\ud800\"", "\"\\udc00x\"",
        "\"NaN\"", "\"-Infinity\"", "\"../../etc/passwd\"", "\"' OR 1=1 --\"", "\"%_%\"", "\"\\uD83D\\uDE00\\u202E\"", "[]", "[[]]", "[null]", "{}", "{\"a\":{}}", "\"2147483648\"", "\"models:/\"", "\"runs:/\"", "\"attributes.x ~ 1\"",
    ];

    private const string Mark = "hostile-value";

    private readonly Random _random = new(seed);

    /// <summary>Bytes that are no JSON are damaged as bytes.</summary>
    public byte[] Body(byte[] body)
    {
        if (_random.Next(6) == 0 || !TryParse(body, out var root)) return Damage(body);
        var places = Places(root).ToList();
        if (places.Count == 0) return Encoding.UTF8.GetBytes(Value());
        var (parent, key) = places[_random.Next(places.Count)];
        switch (parent)
        {
            case JsonObject o when _random.Next(4) == 0: o.Remove((string)key); break;
            case JsonObject o: o[(string)key] = Mark; break;
            case JsonArray a when _random.Next(4) == 0: a.Add(a[(int)key]?.DeepClone()); break;
            case JsonArray a: a[(int)key] = Mark; break;
        }
        // Not every value can be a node (a lone surrogate, 1e999): they are written into the text.
        return Encoding.UTF8.GetBytes(root.ToJsonString().Replace($"\"{Mark}\"", Hostile(), StringComparison.Ordinal));
    }

    public string Query(string value) => _random.Next(2) == 0 ? value : _random.Next(8) == 0 ? new string('x', 5_000) : Value().Trim('"').Replace("\\u0000", "\0", StringComparison.Ordinal);

    private static IEnumerable<(JsonNode Parent, object Key)> Places(JsonNode? node) => node switch
    {
        JsonObject o => o.SelectMany(p => Places(p.Value).Prepend((o, p.Key))),
        JsonArray a => a.SelectMany((child, i) => Places(child).Prepend((a, i))),
        _ => [],
    };

    private static bool TryParse(byte[] body, out JsonNode root)
    {
        try
        {
            root = JsonNode.Parse(body)!;
            return root is JsonObject or JsonArray;
        }
        catch (JsonException)
        {
            root = null!;
            return false;
        }
    }

    private byte[] Damage(byte[] body)
    {
        if (body.Length == 0) return Encoding.UTF8.GetBytes(Value());
        var at = _random.Next(body.Length);
        return _random.Next(3) switch
        {
            0 => body[..at],
            1 => [.. body[..at], (byte)_random.Next(256), .. body[(at + 1)..]],
            _ => [.. body[..at], .. Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("[", 200))), .. body[at..]],
        };
    }

    private string Value() => Values[_random.Next(Values.Length)];

    private string Hostile() => _random.Next(20) == 0 ? $"\"{new string('x', 100_000)}\"" : Value();
}
