using System.Text.Json;
using System.Text.RegularExpressions;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Promptfoo;

/// <summary>Providers of a promptfoo configuration: <c>echo</c>, <c>openai:MODEL</c>, <c>openai:chat:MODEL</c>, <c>openai:embedding:MODEL</c>, <c>https://...</c>, <c>exec:...</c>.</summary>
internal sealed partial class PromptfooProviders(FaultList faults)
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
        if (id is "http" or "https" || id.StartsWith("http://", StringComparison.Ordinal) || id.StartsWith("https://", StringComparison.Ordinal)) return Http(node, id, label, config, key);
        if (id.StartsWith("exec:", StringComparison.Ordinal)) return Exec(node, id, label, config, key);
        var parts = id.Split(':', 3);
        if (parts is not ["openai", { Length: > 0 }, ..] || parts[1] is "responses" or "assistant" or "realtime" or "moderation" or "image")
        {
            faults.Add(node, key, $"The provider '{ObjectReader.Shorten(id)}' is not run here.", "Use openai:MODEL (any OpenAI-compatible server with config.apiBaseUrl), an address (HTTP), exec:COMMAND, echo, or a suite with target: { command: [...] }.");
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
            else if (name == "apiKey" && PromptfooReader.Text(entry.Value) is { } text && PromptfooVariables.Plain().Match(text) is { Success: true } named1 && named1.Length == text.Length) variable = named1.Groups[1].Value;
            else if (name == "apiKey") faults.Add(entry.Key, $"{key}.config.apiKey", "A key does not belong into a file.", "Write apiKeyEnvar: NAME (or apiKey: '{{env.NAME}}') and set that variable on the server.");
            else faults.Add(entry.Key, $"{key}.config.{ObjectReader.Shorten(name)}", $"'{ObjectReader.Shorten(name)}' is not sent by this server.", $"Remove it; {string.Join(", ", Sent)}, tools, apiBaseUrl, apiHost and apiKeyEnvar are known.");
        }
        if (!(Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https")) faults.Add(node, $"{key}.config.apiBaseUrl", $"'{ObjectReader.Shorten(url)}' is no address.", "For example http://127.0.0.1:8080/v1.");
        return new PromptfooProvider(node.Line, id, label, "openai", model, url, config is not null && PromptfooReader.Get(config, "apiBaseUrl") is not null && PromptfooReader.Get(config, "apiKeyEnvar") is null && PromptfooReader.Get(config, "apiKey") is null ? null : variable, parameters, tools);
    }

    private PromptfooProvider? Http(YamlNode node, string id, string label, YamlNode? config, string key)
    {
        var (url, method, body, output) = (id is "http" or "https" ? "" : id, "GET", (JsonElement?)null, (PromptfooPath?)null);
        var (headers, query) = (new SortedDictionary<string, string>(StringComparer.Ordinal), new SortedDictionary<string, string>(StringComparer.Ordinal));
        foreach (var entry in (config as YamlMapping)?.Entries ?? [])
        {
            var (name, text) = (entry.Key.Text, PromptfooReader.Text(entry.Value));
            if (name == "url" && text is not null) url = text;
            else if (name == "method" && text is not null) method = text.ToUpperInvariant();
            else if (name == "body" && text is not null && !text.StartsWith("file://", StringComparison.Ordinal)) body = JsonSerializer.SerializeToElement(text);
            else if (name == "body" && entry.Value is YamlMapping or YamlSequence) body = YamlJson.ToElement(entry.Value);
            else if (name is "headers" or "queryParams" && entry.Value is YamlMapping pairs)
                foreach (var pair in pairs.Entries) (name == "headers" ? headers : query)[name == "headers" ? pair.Key.Text.ToLowerInvariant() : pair.Key.Text] = PromptfooReader.Text(pair.Value) ?? "";
            else if (name is "transformResponse" or "responseParser" && text is not null)
            {
                output = PromptfooPath.Parse(text);
                if (output is null) faults.Add(entry.Value, $"{key}.config.{name}", $"'{ObjectReader.Shorten(text)}' is JavaScript, which is not run here.", "A path such as json.choices[0].message.content is read, also several with || between them, and text.");
            }
            else if (name is not ("maxRetries" or "timeoutMs")) faults.Add(entry.Key, $"{key}.config.{ObjectReader.Shorten(name)}", $"'{ObjectReader.Shorten(name)}' of an HTTP provider is not read here.", "url, method, headers, body, queryParams and transformResponse are known.");
        }
        if (body is null && method != "GET") faults.Add(node, $"{key}.config.body", "An HTTP provider needs a body, unless its method is GET.", "Add body: { prompt: '{{prompt}}' }.");
        if (!(Uri.TryCreate(Braced().Replace(url, "x"), UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https")) faults.Add(node, $"{key}.config.url", $"'{ObjectReader.Shorten(url)}' is no address.", "For example http://127.0.0.1:8080/chat.");
        string[] texts = [.. headers.Values, .. query.Values, url, .. body is { } given ? Texts(given) : []];
        foreach (var odd in texts.SelectMany(t => Secret().Matches(t)).Select(m => m.Value).Where(v => !PromptfooVariables.Plain().IsMatch(v)).Distinct())
            faults.Add(node, $"{key}.config", $"'{ObjectReader.Shorten(odd)}' is more than a variable of the environment.", "Write {{env.NAME}} and nothing else between the braces.");
        if (body is { ValueKind: JsonValueKind.Object or JsonValueKind.Array } && headers.TryGetValue("content-type", out var type) && !type.Contains("json", StringComparison.Ordinal))
            faults.Add(node, $"{key}.config.body", $"The content type is {ObjectReader.Shorten(type)}, but the body is a mapping.", "Write the body as one text, or take the content type out.");
        return new PromptfooProvider(node.Line, id, label, "http", label, url, null, new Dictionary<string, JsonElement>(), null)
        {
            Http = new PromptfooHttp(url, method, headers, query, body, output) { Variables = [.. texts.SelectMany(PromptfooVariables.In).Distinct(StringComparer.Ordinal)] },
        };
    }

    private static IEnumerable<string> Texts(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => [value.GetString()!],
        JsonValueKind.Object => value.EnumerateObject().SelectMany(m => Texts(m.Value)),
        JsonValueKind.Array => value.EnumerateArray().SelectMany(Texts),
        _ => [],
    };

    // exec:python3 bot.py --fast "two words"
    private PromptfooProvider? Exec(YamlNode node, string id, string label, YamlNode? config, string key)
    {
        foreach (var entry in (config as YamlMapping)?.Entries ?? [])
            faults.Add(entry.Key, $"{key}.config.{ObjectReader.Shorten(entry.Key.Text)}", $"'{ObjectReader.Shorten(entry.Key.Text)}' of a command is not read here.", "Remove it; arguments stand in the command.");
        string[] command = [.. Words().Matches(id["exec:".Length..]).Select(m => m.Groups[1].Success ? m.Groups[1].Value : m.Groups[2].Success ? m.Groups[2].Value : m.Value)];
        if (command.Length == 0)
        {
            faults.Add(node, key, "The command is empty.", "Write exec:python3 bot.py.");
            return null;
        }
        return new PromptfooProvider(node.Line, id, label, "exec", label, null, null, new Dictionary<string, JsonElement>(), null) { Command = command };
    }

    [GeneratedRegex("""[^\s"']+|"([^"]*)"|'([^']*)'""")]
    private static partial Regex Words();

    [GeneratedRegex(@"\{\{[^}]*\}\}")]
    private static partial Regex Braced();

    [GeneratedRegex(@"\{[{%][^}]*\benv\s*[.\[][^}]*\}\}?")]
    internal static partial Regex Secret();
}
