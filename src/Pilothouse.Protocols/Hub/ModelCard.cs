using System.Text.Json;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Hub;

/// <summary>The front matter of a README.md, as the Hub reads it: YAML between two lines of <c>---</c> at the top.</summary>
/// <param name="Data">What it says, as JSON; null = there is none, or it is no mapping.</param>
/// <param name="Fault">Why it could not be read.</param>
public sealed record ModelCard(JsonElement? Data, string? Fault)
{
    /// <summary>Bytes of a README that are looked at.</summary>
    public const int MaxBytes = 1024 * 1024;

    private const int MaxTags = 200;
    private const int MaxTag = 200;

    public string? PipelineTag => Text("pipeline_tag");

    public string? LibraryName => Text("library_name");

    /// <summary>Tags as the Hub makes them of a card: <c>license:mit</c>, <c>dataset:squad</c>, languages, base models, and those it lists itself.</summary>
    public IReadOnlyList<string> Tags
    {
        get
        {
            var tags = new List<string>();
            if (LibraryName is { } library) tags.Add(library);
            tags.AddRange(Texts("tags"));
            if (PipelineTag is { } task) tags.Add(task);
            tags.AddRange(Texts("language"));
            tags.AddRange(Texts("base_model").Select(b => "base_model:" + b));
            tags.AddRange(Texts("datasets").Select(d => "dataset:" + d));
            tags.AddRange(Texts("task_categories").Select(d => "task_categories:" + d));
            tags.AddRange(Texts("size_categories").Select(d => "size_categories:" + d));
            tags.AddRange(Texts("license").Select(l => "license:" + l));
            return [.. tags.Where(t => t.Length is > 0 and <= MaxTag).Distinct(StringComparer.Ordinal).Take(MaxTags)];
        }
    }

    public static ModelCard Parse(string readme)
    {
        var text = readme.TrimStart('\uFEFF').ReplaceLineEndings("\n");
        if (!text.StartsWith("---\n", StringComparison.Ordinal) || text.IndexOf("\n---", 3, StringComparison.Ordinal) is not (> 0 and var end)) return new ModelCard(null, null);
        try
        {
            return YamlTree.Parse(text[4..Math.Max(4, end)]) is YamlMapping mapping ? new ModelCard(YamlJson.ToElement(mapping), null) : new ModelCard(null, null);
        }
        catch (Exception e) when (e is ProtocolFormatException or JsonException or InvalidOperationException or ArgumentException)
        {
            return new ModelCard(null, e.Message);
        }
    }

    private string? Text(string name) => Data is { } data && data.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>A text or a list of texts.</summary>
    public IReadOnlyList<string> Texts(string name)
    {
        if (Data is not { } data || !data.TryGetProperty(name, out var value)) return [];
        if (value.ValueKind == JsonValueKind.String) return [value.GetString()!];
        return value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray().Where(v => v.ValueKind == JsonValueKind.String).Select(v => v.GetString()!).Take(MaxTags)] : [];
    }
}
