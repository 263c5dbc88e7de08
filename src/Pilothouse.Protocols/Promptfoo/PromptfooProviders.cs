using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Promptfoo;

/// <summary>Providers of a promptfoo configuration: <c>echo</c>, <c>openai:MODEL</c>, <c>openai:chat:MODEL</c>, <c>openai:embedding:MODEL</c>.</summary>
internal sealed class PromptfooProviders(FaultList faults)
{
    public const string DefaultUrl = "https://api.openai.com/v1", DefaultKey = "OPENAI_API_KEY";

    private static readonly string[] Sent = ["temperature", "max_tokens", "seed"];

    public List<PromptfooProvider> All(YamlNode? node, YamlNode root)
    {
        IReadOnlyList<YamlNode> items = node is YamlSequence list ? list.Items : node is null ? [] : [node];
        if (items.Count == 0) faults.Add(root, "providers", "There is no provider.", "Add providers: [openai:gpt-4o-mini] or [echo].");
        List<PromptfooProvider> providers = [.. items.Select(i => One(i, "providers")).OfType<PromptfooProvider>()];
        foreach (var twice in providers.GroupBy(p => p.Label).Where(g => g.Count() > 1))
            faults.Add(twice.Last().Line, 1, "providers", $"Two providers are called '{ObjectReader.Shorten(twice.Key)}'.", "Give each a label: of its own.");
        return providers;
    }

    /// <summary>One provider, or null and a fault.</summary>
    public PromptfooProvider? One(YamlNode node, string key)
    {
        if (PromptfooReader.Text(node) is { } plain) return Of(node, plain, plain, null, key);
        if (PromptfooReader.Text(PromptfooReader.Get(node, "id")) is { } id) return Of(node, id, PromptfooReader.Text(PromptfooReader.Get(node, "label")) ?? id, PromptfooReader.Get(node, "config"), key);
        // { openai:gpt-4o: { config: ... } }
        if (node is YamlMapping { Entries: [var only] }) return Of(node, only.Key.Text, only.Key.Text, PromptfooReader.Get(only.Value, "config"), key);
        faults.Add(node, key, $"Expected a provider, found {node.Describe()}.", "Write openai:MODEL, echo, or { id: openai:MODEL, config: { ... } }.");
        return null;
    }

    private PromptfooProvider? Of(YamlNode node, string id, string label, YamlNode? config, string key)
    {
        if (id == "echo") return new PromptfooProvider(node.Line, id, label, "echo", "echo", null, null, new Dictionary<string, JsonElement>(), null);
        var parts = id.Split(':', 3);
        if (parts is not ["openai", { Length: > 0 }, ..] || parts[1] is "responses" or "assistant" or "realtime" or "moderation" or "image")
        {
            faults.Add(node, key, $"The provider '{ObjectReader.Shorten(id)}' is not run here.", "Use openai:MODEL (any OpenAI-compatible server with config.apiBaseUrl), echo, or a suite with target: { command: [...] }.");
            return null;
        }
        var model = parts is [_, "chat" or "completion" or "embedding" or "embeddings", var named] ? named : id["openai:".Length..];
        var parameters = new SortedDictionary<string, JsonElement>(StringComparer.Ordinal);
        var (url, variable, tools) = (DefaultUrl, DefaultKey, (string?)null);
        foreach (var entry in (config as YamlMapping)?.Entries ?? [])
        {
            var name = entry.Key.Text;
            if (Sent.Contains(name)) parameters[name] = YamlJson.ToElement(entry.Value);
            else if (name == "apiBaseUrl" && PromptfooReader.Text(entry.Value) is { } address) url = address.TrimEnd('/');
            else if (name == "apiHost" && PromptfooReader.Text(entry.Value) is { } host) url = $"https://{host}/v1";
            else if (name == "apiKeyEnvar" && PromptfooReader.Text(entry.Value) is { } key1) variable = key1;
            else if (name == "tools" && entry.Value is YamlSequence) tools = YamlJson.ToElement(entry.Value).GetRawText();
            else if (name == "apiKey") faults.Add(entry.Key, $"{key}.config.apiKey", "A key does not belong into a file.", "Write apiKeyEnvar: NAME and set that variable on the server.");
            else faults.Add(entry.Key, $"{key}.config.{ObjectReader.Shorten(name)}", $"'{ObjectReader.Shorten(name)}' is not sent by this server.", $"Remove it; {string.Join(", ", Sent)}, tools, apiBaseUrl, apiHost and apiKeyEnvar are known.");
        }
        if (!(Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https")) faults.Add(node, $"{key}.config.apiBaseUrl", $"'{ObjectReader.Shorten(url)}' is no address.", "For example http://127.0.0.1:8080/v1.");
        return new PromptfooProvider(node.Line, id, label, "openai", model, url, config is not null && PromptfooReader.Get(config, "apiBaseUrl") is not null && PromptfooReader.Get(config, "apiKeyEnvar") is null ? null : variable, parameters, tools);
    }
}
