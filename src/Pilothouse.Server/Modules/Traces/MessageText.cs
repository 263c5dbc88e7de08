using System.Text.Json;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>What a person reads in a list: the text of the last message, out of the JSON in which conventions record messages.</summary>
internal static class MessageText
{
    /// <summary>Longer JSON is shown as it is rather than parsed for a preview.</summary>
    private const int MaxJson = 256 * 1024;

    // [{"role":"user","parts":[{"type":"text","content":"Hi"}]}], [{"role":"user","content":"Hi"}], {"messages":[...]}, or plain text
    public static string? Last(string? recorded)
    {
        if (recorded is not { Length: > 1 and <= MaxJson } || recorded[0] is not ('[' or '{')) return recorded;
        try
        {
            using var json = JsonDocument.Parse(recorded, new JsonDocumentOptions { MaxDepth = 32 });
            var root = json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("messages", out var messages) ? messages : json.RootElement;
            var last = root.ValueKind == JsonValueKind.Array ? root.EnumerateArray().LastOrDefault() : root;
            return Text(last) is { Length: > 0 } text ? text : recorded;
        }
        catch (JsonException)
        {
            return recorded;
        }
    }

    private static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Array => string.Join(' ', value.EnumerateArray().Select(Text).Where(t => t is not null)),
        JsonValueKind.Object when value.TryGetProperty("content", out var content) => Text(content),
        JsonValueKind.Object when value.TryGetProperty("parts", out var parts) => Text(parts),
        JsonValueKind.Object when value.TryGetProperty("text", out var text) => Text(text),
        _ => null,
    };
}
