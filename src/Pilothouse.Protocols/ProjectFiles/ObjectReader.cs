using System.Globalization;
using System.Text.Json;
using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>
/// Reads one mapping key by key and records what is wrong with each. A key nobody asked for is unknown: so the known keys are
/// exactly those that are read. After a fault a harmless value is returned, and reading goes on to find the next fault.
/// </summary>
internal sealed class ObjectReader
{
    private readonly YamlMapping _node;
    private readonly string _section;
    private readonly ReadContext _context;
    private readonly Dictionary<string, YamlEntry> _entries = [];
    private readonly List<string> _asked = [];

    private ObjectReader(YamlMapping node, string path, string section, ReadContext context)
    {
        _node = node;
        _section = section;
        _context = context;
        Path = path;
        foreach (var entry in node.Entries)
        {
            if (!_entries.TryAdd(entry.Key.Text, entry))
            {
                context.Faults.Add(entry.Key, At(entry.Key.Text), $"The key '{Shorten(entry.Key.Text)}' is given twice (first on line {_entries[entry.Key.Text].Key.Line}).", "Keep one of them.");
            }
        }
    }

    public string Path { get; }

    public ProjectSource Source => new(_node.Line, _node.Column, Path);

    /// <returns>A reader, or null (and a fault) when the node is not a mapping.</returns>
    public static ObjectReader? Open(YamlNode node, string path, string section, ReadContext context)
    {
        if (node is YamlMapping mapping)
            return new ObjectReader(mapping, path, section, context);
        context.Faults.Add(node, path, $"Expected a mapping (key: value lines), found {node.Describe()}.", "See docs/schema/pilothouse.schema.json for its keys.");
        return null;
    }

    /// <summary>Reports the keys that no one asked for. Call it last.</summary>
    public void Finish()
    {
        foreach (var entry in _node.Entries.Where(e => !_asked.Contains(e.Key.Text)))
        {
            if (_context.Faults.IsFull)
                return;
            var near = Suggestion.Nearest(entry.Key.Text, _asked);
            var remedy = near is null ? $"Known keys here: {string.Join(", ", _asked)}." : $"Did you mean '{near}'?";
            _context.Faults.Add(entry.Key, At(entry.Key.Text), $"Unknown key '{Shorten(entry.Key.Text)}'.", remedy);
        }
    }

    public bool Has(string key) => _entries.ContainsKey(key);

    public string At(string key) => Path.Length == 0 ? Shorten(key) : $"{Path}.{Shorten(key)}";

    /// <summary>A fault inside the value of a key.</summary>
    public void FaultAt(YamlNode node, string below, string message, string remedy) => _context.Faults.Add(node, At("") + below, message, remedy);

    public void Fault(string key, string message, string remedy)
    {
        YamlNode at = _entries.TryGetValue(key, out var entry) ? entry.Value : _node;
        _context.Faults.Add(at, At(key), message, remedy);
    }

    /// <summary>The node of a key, or null when it is absent or empty (which is a fault when it is required).</summary>
    public YamlNode? Node(string key, bool required, string example, params string[] allowed)
    {
        _asked.Add(key);
        _context.Asked?.Invoke(new AskedKey(_section, key, required, allowed));
        if (_entries.TryGetValue(key, out var entry))
        {
            if (entry.Value is not YamlScalar { IsNull: true })
                return entry.Value;
            _context.Faults.Add(entry.Value, At(key), "The value is missing.", $"Write {key}: {example}, or remove the key.");
        }
        else if (required)
        {
            _context.Faults.Add(_node, At(key), $"'{key}' is required.", $"Add {key}: {example}.");
        }

        return null;
    }

    public string? Text(string key, bool required, string example) => TextOf(Node(key, required, example), At(key));

    public string TextOr(string key, string fallback) => Text(key, required: false, fallback) ?? fallback;

    public T Choice<T>(string key, string example, params (string Word, T Value)[] choices)
        where T : struct
    {
        var words = choices.Select(c => c.Word).ToArray();
        var node = Node(key, required: true, example, words);
        var text = TextOf(node, At(key));
        return text is null ? default : ChoiceOf(node!, text, At(key), choices);
    }

    public T ChoiceOf<T>(YamlNode node, string text, string path, (string Word, T Value)[] choices)
        where T : struct
    {
        foreach (var (word, value) in choices)
        {
            if (word == text)
                return value;
        }

        var words = choices.Select(c => c.Word).ToArray();
        var near = Suggestion.Nearest(text, words);
        _context.Faults.Add(node, path, $"'{Shorten(text)}' is not one of {string.Join(", ", words)}.", near is null ? "Use one of these." : $"Did you mean '{near}'?");
        return default;
    }

    public int? Integer(string key, bool required, int min, int max, string example)
    {
        var node = Node(key, required, example);
        return node is null ? null : IntegerOf(node, At(key), min, max);
    }

    public int? IntegerOf(YamlNode node, string path, int min, int max)
    {
        if (node is YamlScalar { IsPlain: true } scalar
            && int.TryParse(scalar.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value)
            && value >= min && value <= max)
        {
            return value;
        }

        var range = max == int.MaxValue ? $"of {min} or more" : $"between {min} and {max}";
        _context.Faults.Add(node, path, $"Expected a whole number {range}, found {node.Describe()}.", "Write it in digits, without quotes or a fraction.");
        return null;
    }

    /// <param name="open">The ends themselves are not allowed: a probability of exactly 0 or 1 would prove nothing.</param>
    public double? Fraction(string key, bool required, bool open, string example)
    {
        var node = Node(key, required, example);
        if (node is null)
            return null;
        if (node is YamlScalar { IsPlain: true } scalar
            && double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            && (open ? value > 0 && value < 1 : value >= 0 && value <= 1))
        {
            return value;
        }

        var range = open ? "greater than 0 and less than 1" : "from 0 to 1";
        _context.Faults.Add(node, At(key), $"Expected a number {range}, found {node.Describe()}.", $"For example {key}: {example}.");
        return null;
    }

    /// <summary>A switch; false when it is absent.</summary>
    public bool Flag(string key)
    {
        var node = Node(key, required: false, "true");
        if (node is null or YamlScalar { IsPlain: true, Text: "false" })
            return false;
        if (node is YamlScalar { IsPlain: true, Text: "true" })
            return true;
        _context.Faults.Add(node, At(key), $"Expected true or false, found {node.Describe()}.", $"Write {key}: true.");
        return false;
    }

    public double? Number(string key, bool required, string example)
    {
        var node = Node(key, required, example);
        if (node is null)
            return null;
        if (node is YamlScalar { IsPlain: true } scalar && double.TryParse(scalar.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value))
            return value;
        _context.Faults.Add(node, At(key), $"Expected a number, found {node.Describe()}.", $"For example {key}: {example}.");
        return null;
    }

    public TimeSpan? Interval(string key, bool required, string example)
    {
        var node = Node(key, required, example);
        if (node is null)
            return null;
        if (node is YamlScalar scalar && Duration.TryParse(scalar.Text, out var value))
            return value;
        _context.Faults.Add(node, At(key), $"Expected a duration, found {node.Describe()}.", "Write a whole number and a unit: 500ms, 5s, 2m, 1h or 7d (at most 365d).");
        return null;
    }

    public IReadOnlyList<YamlNode> Items(string key, bool required, string example)
    {
        var node = Node(key, required, example);
        switch (node)
        {
            case null:
                return [];
            case YamlSequence { Items.Count: 0 } when required:
                _context.Faults.Add(node, At(key), "The list is empty.", $"Add at least one, such as {example}.");
                return [];
            case YamlSequence { Items.Count: <= ProjectFileReader.MaxItems } list:
                return list.Items;
            case YamlSequence list:
                _context.Faults.Add(node, At(key), $"The list has {list.Items.Count} items, more than {ProjectFileReader.MaxItems}.", "Split it.");
                return [];
            default:
                _context.Faults.Add(node, At(key), $"Expected a list, found {node.Describe()}.", $"Write {key}: {example}.");
                return [];
        }
    }

    public IReadOnlyList<string> Texts(string key, bool required, string example)
    {
        var items = Items(key, required, example);
        var texts = new List<string>(items.Count);
        for (var i = 0; i < items.Count; i++)
        {
            if (TextOf(items[i], $"{At(key)}[{i}]") is { } text)
                texts.Add(text);
        }

        return texts;
    }

    /// <summary>The named entries of a mapping such as <c>models</c>; a name must be fit for URLs and file names.</summary>
    public OrderedDictionary<string, T> Named<T>(string key, Func<string, YamlNode, string, T?> read)
        where T : class
    {
        var entries = new OrderedDictionary<string, T>();
        foreach (var (name, value) in Mapping(key, required: false, "{ name: { ... } }"))
        {
            var path = $"{At(key)}.{Shorten(name.Text)}";
            if (!NameRule.IsValid(name.Text))
                _context.Faults.Add(name, path, $"'{Shorten(name.Text)}' cannot be a name.", NameRule.Remedy);
            if (entries.ContainsKey(name.Text))
                _context.Faults.Add(name, path, $"'{Shorten(name.Text)}' is given twice.", "Keep one of them, or rename it.");
            else if (read(name.Text, value, path) is { } entry)
                entries.Add(name.Text, entry);
        }

        return entries;
    }

    public OrderedDictionary<string, string> TextMap(string key, bool required, string example)
    {
        var map = new OrderedDictionary<string, string>();
        foreach (var (name, value) in Mapping(key, required, example))
        {
            var path = $"{At(key)}.{Shorten(name.Text)}";
            if (TextOf(value, path) is { } text && !map.TryAdd(name.Text, text))
                _context.Faults.Add(name, path, $"'{Shorten(name.Text)}' is given twice.", "Keep one of them.");
        }

        return map;
    }

    public OrderedDictionary<string, JsonElement> JsonMap(string key)
    {
        var map = new OrderedDictionary<string, JsonElement>();
        foreach (var (name, value) in Mapping(key, required: false, "{ temperature: 0 }"))
        {
            if (!map.TryAdd(name.Text, YamlJson.ToElement(value)))
                _context.Faults.Add(name, $"{At(key)}.{Shorten(name.Text)}", $"'{Shorten(name.Text)}' is given twice.", "Keep one of them.");
        }

        return map;
    }

    private IReadOnlyList<YamlEntry> Mapping(string key, bool required, string example)
    {
        var node = Node(key, required, example);
        switch (node)
        {
            case null:
                return [];
            case YamlMapping { Entries.Count: <= ProjectFileReader.MaxItems } mapping:
                return mapping.Entries;
            case YamlMapping mapping:
                _context.Faults.Add(node, At(key), $"It has {mapping.Entries.Count} entries, more than {ProjectFileReader.MaxItems}.", "Split it.");
                return [];
            default:
                _context.Faults.Add(node, At(key), $"Expected a mapping, found {node.Describe()}.", $"Write {key}: {example}.");
                return [];
        }
    }

    private string? TextOf(YamlNode? node, string path)
    {
        switch (node)
        {
            case null:
                return null;
            case YamlScalar { IsNull: false, Text.Length: > 0 } scalar:
                return scalar.Text;
            default:
                _context.Faults.Add(node, path, $"Expected a text, found {(node is YamlScalar ? "nothing" : node.Describe())}.", "Write one value.");
                return null;
        }
    }

    internal static string Shorten(string text) => text.Length <= 80 ? text : text[..77] + "...";
}

/// <summary>What all readers of one file share.</summary>
/// <param name="Faults">Where faults go.</param>
/// <param name="Asked">Listener for tests, or null.</param>
internal sealed record ReadContext(FaultList Faults, Action<AskedKey>? Asked);
