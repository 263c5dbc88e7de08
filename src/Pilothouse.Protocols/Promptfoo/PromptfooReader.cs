using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.Promptfoo;

/// <summary>
/// Reads <c>promptfooconfig.yaml</c> (https://www.promptfoo.dev/docs/configuration/reference). What would change a result and cannot be done here is a
/// fault with its line, or, for an assertion, leaves its test without a score: nothing is passed over in silence.
/// </summary>
public sealed class PromptfooReader
{
    /// <summary>Tests after lists of values are multiplied out.</summary>
    private const int MaxTests = 100_000;

    private static readonly string[] Harmless = ["description", "tags", "outputPath", "sharing", "commandLineOptions", "metadata", "writeLatestResults", "$schema", "derivedMetrics"];

    private static readonly string[] Known = ["prompts", "providers", "targets", "tests", "defaultTest", "evaluateOptions"];

    private const string NoVariable = "A variable of the environment ({{env.NAME}}) does not belong into what a model is told: reports show it to everybody.";

    private const string VariableRemedy = "Write its value as a variable of the test, or send it in the url, headers or body of an HTTP provider.";

    private readonly FaultList _faults = new();
    private readonly List<string> _notes = [];
    private readonly Func<string, string?> _file;
    private readonly PromptfooProviders _providers;
    private readonly PromptfooAssertions _assertions;

    private PromptfooReader(Func<string, string?> file)
    {
        _file = file;
        _providers = new PromptfooProviders(_faults);
        _assertions = new PromptfooAssertions(_faults, _providers);
    }

    /// <param name="file">Content of a file by its path relative to the configuration; null = there is none.</param>
    public static PromptfooResult Parse(string text, Func<string, string?> file)
    {
        var reader = new PromptfooReader(file);
        PromptfooConfig? config = null;
        try
        {
            if (YamlTree.Parse(text) is YamlMapping root) config = reader.Root(root);
            else reader._faults.Add(1, 1, "", "The configuration is not a mapping.", "Write prompts:, providers: and tests:.");
        }
        catch (YamlFaultException e)
        {
            reader._faults.Add(e.Line, e.Column, "", e.Message, e.Remedy);
        }
        return new PromptfooResult(reader._faults.Count == 0 ? config : null, reader._faults.InFileOrder());
    }

    internal static YamlNode? Get(YamlNode? node, string key) => (node as YamlMapping)?.Entries.FirstOrDefault(e => e.Key.Text == key)?.Value is { } value and not YamlScalar { IsNull: true } ? value : null;

    internal static string? Text(YamlNode? node) => node is YamlScalar { IsNull: false } scalar ? scalar.Text : null;

    internal static double? Number(YamlNode? node) => node is YamlScalar { IsPlain: true } scalar && double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : null;

    private PromptfooConfig Root(YamlMapping root)
    {
        foreach (var entry in root.Entries)
        {
            if (Known.Contains(entry.Key.Text)) continue;
            if (Harmless.Contains(entry.Key.Text)) _notes.Add($"line {entry.Key.Line}: '{entry.Key.Text}' changes no result and was left out");
            else _faults.Add(entry.Key, entry.Key.Text, $"'{ObjectReader.Shorten(entry.Key.Text)}' is not run here.", "Remove it, or run this configuration with promptfoo itself.");
        }
        _notes.RemoveAll(n => n.Contains("'description'", StringComparison.Ordinal));
        var defaults = Get(root, "defaultTest");
        _assertions.Defaults(defaults);
        var prompts = Prompts(Get(root, "prompts"), root);
        var providers = _providers.All(Get(root, "providers") ?? Get(root, "targets"), root);
        return new PromptfooConfig(Text(Get(root, "description")), prompts, providers, Tests(Get(root, "tests"), defaults), Repeat(Get(root, "evaluateOptions")), _notes);
    }

    private int Repeat(YamlNode? options)
    {
        foreach (var entry in (options as YamlMapping)?.Entries ?? [])
            if (entry.Key.Text is not ("repeat" or "maxConcurrency" or "delay" or "showProgressBar" or "cache")) _faults.Add(entry.Key, $"evaluateOptions.{entry.Key.Text}", "This option is not known here.", "Remove it.");
        return Number(Get(options, "repeat")) is { } repeat ? (int)Math.Clamp(repeat, 1, 100) : 1;
    }

    private List<PromptfooPrompt> Prompts(YamlNode? node, YamlNode root)
    {
        var prompts = new List<PromptfooPrompt>();
        foreach (var item in node is YamlSequence list ? list.Items : node is null ? [] : [node])
        {
            var text = Text(item) ?? Text(Get(item, "raw")) ?? Text(Get(item, "id"));
            if (text is null)
            {
                _faults.Add(item, "prompts", $"Expected a prompt, found {item.Describe()}.", "Write its text, file://PATH, or { raw: ..., label: ... }.");
                continue;
            }
            var label = Text(Get(item, "label")) ?? $"prompt {prompts.Count + 1}";
            if (!text.StartsWith("file://", StringComparison.Ordinal)) prompts.Add(new PromptfooPrompt(item.Line, label, text));
            else if (File(item, text, "prompts", ".txt", ".md", ".json", ".j2") is { } content)
                // A .txt file may hold several prompts, with --- between them.
                prompts.AddRange((text.EndsWith(".txt", StringComparison.Ordinal) ? content.Split("\n---\n") : [content]).Select((one, i) => new PromptfooPrompt(item.Line, i == 0 ? label : $"{label}.{i + 1}", one.Trim())));
        }
        foreach (var prompt in prompts.Where(p => PromptfooProviders.Secret().IsMatch(p.Text))) _faults.Add(prompt.Line, 1, "prompts", NoVariable, VariableRemedy);
        if (prompts.Count == 0 && _faults.Count == 0) _faults.Add(root, "prompts", "There is no prompt.", "Add prompts: ['Answer: {{question}}'].");
        return prompts;
    }

    private List<PromptfooTest> Tests(YamlNode? node, YamlNode? defaults)
    {
        if (Text(node) is { } path) node = Loaded(node!, path);
        var tests = new List<PromptfooTest>();
        IReadOnlyList<YamlNode> items = node is YamlSequence list ? [.. list.Items.SelectMany(i => Text(i) is { } file ? (Loaded(i, file) as YamlSequence)?.Items ?? [] : [i])] : [];
        if (items.Count == 0 && defaults is YamlMapping) items = [defaults]; // no tests: one with the defaults alone
        var ids = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var item in items)
        {
            foreach (var entry in (item as YamlMapping)?.Entries ?? [])
                if (entry.Key.Text is not ("description" or "vars" or "assert" or "threshold" or "metadata" or "options")) _faults.Add(entry.Key, $"tests.{entry.Key.Text}", $"'{ObjectReader.Shorten(entry.Key.Text)}' of a test is not run here.", "Remove it, or run this configuration with promptfoo itself.");
            _assertions.CheckOptions(Get(item, "options"));
            var vars = new OrderedDictionary<string, YamlNode>(StringComparer.Ordinal);
            foreach (var one in new[] { ReferenceEquals(item, defaults) ? null : defaults, item })
                foreach (var entry in (Get(one, "vars") as YamlMapping)?.Entries ?? []) vars[entry.Key.Text] = entry.Value;
            var assertions = _assertions.Read(ReferenceEquals(item, defaults) ? null : Get(defaults, "assert")).Concat(_assertions.Read(Get(item, "assert"))).ToArray();
            var threshold = Number(Get(item, "threshold")) ?? Number(Get(defaults, "threshold"));
            foreach (var combination in Combinations(vars))
            {
                if (tests.Count >= MaxTests)
                {
                    _faults.Add(item, "tests", $"There are more than {MaxTests} tests.", "Split the configuration.");
                    return tests;
                }
                var id = Text(Get(item, "description")) ?? "test-" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(JsonSerializer.Serialize(combination) + JsonSerializer.Serialize(assertions.Select(a => new { a.Type, a.IsInverse, a.Value })))))[..8];
                ids[id] = ids.GetValueOrDefault(id) + 1;
                tests.Add(new PromptfooTest(item.Line, ids[id] == 1 ? id : $"{id} #{ids[id]}", combination, assertions, threshold) { Prefix = Option(item, defaults, "prefix"), Suffix = Option(item, defaults, "suffix") });
            }
        }
        return tests;
    }

    private static string Option(YamlNode item, YamlNode? defaults, string name) => Text(Get(Get(item, "options"), name)) ?? Text(Get(Get(defaults, "options"), name)) ?? "";

    /// <summary>A list of values stands for as many tests.</summary>
    private IEnumerable<IReadOnlyDictionary<string, JsonElement>> Combinations(OrderedDictionary<string, YamlNode> vars)
    {
        IEnumerable<OrderedDictionary<string, JsonElement>> all = [new OrderedDictionary<string, JsonElement>(StringComparer.Ordinal)];
        foreach (var (name, node) in vars)
        {
            foreach (var text in (node is YamlSequence several ? several.Items : [node]).Select(n => Text(n) ?? "").Where(t => PromptfooProviders.Secret().IsMatch(t))) _faults.Add(node, $"vars.{ObjectReader.Shorten(name)}", NoVariable, VariableRemedy);
            JsonElement[] values = node is YamlSequence list ? [.. list.Items.Select(Value)] : [Value(node)];
            all = all.SelectMany(one => values.Select(value => new OrderedDictionary<string, JsonElement>(one, StringComparer.Ordinal) { [name] = value })).Take(MaxTests + 1);
        }
        return all;
    }

    private JsonElement Value(YamlNode node) => Text(node) is { } text && text.StartsWith("file://", StringComparison.Ordinal)
        ? JsonSerializer.SerializeToElement(File(node, text, "vars", ".txt", ".md", ".json", ".yaml", ".yml") ?? "") : YamlJson.ToElement(node);

    private YamlNode? Loaded(YamlNode at, string path)
    {
        if (File(at, path, "tests", ".yaml", ".yml", ".json", ".jsonl", ".csv") is not { } content) return null;
        try
        {
            return YamlTree.Parse(content.Length == 0 ? "[]" : path.EndsWith(".csv", StringComparison.Ordinal) ? PromptfooRows.Csv(content, path) : path.EndsWith(".jsonl", StringComparison.Ordinal) ? PromptfooRows.Lines(content, path) : content);
        }
        catch (ProtocolFormatException e) when (e is not YamlFaultException)
        {
            _faults.Add(at, "tests", e.Message, "Correct the file, or take what it needs out of it.");
            return null;
        }
        catch (YamlFaultException e)
        {
            _faults.Add(at, "tests", $"{path}, line {e.Line}: {e.Message}", e.Remedy);
            return null;
        }
    }

    private string? File(YamlNode at, string reference, string key, params string[] endings)
    {
        var path = reference.StartsWith("file://", StringComparison.Ordinal) ? reference["file://".Length..] : reference;
        if (path.StartsWith("./", StringComparison.Ordinal)) path = path[2..];
        if (!PathRule.IsValid(path) || !endings.Any(e => path.EndsWith(e, StringComparison.Ordinal)))
        {
            _faults.Add(at, key, $"'{ObjectReader.Shorten(reference)}' cannot be read here.", $"Use a file inside the repository with the ending {string.Join(", ", endings)}.");
            return null;
        }
        var content = _file(path);
        if (content is null) _faults.Add(at, key, $"There is no file {path}.", "Add it to the commit, or correct the path (relative to the configuration).");
        return content;
    }
}
