using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Pilothouse.Protocols.Yaml;

/// <summary>A YAML text that cannot be read at all, with the place where reading stopped.</summary>
internal sealed class YamlFaultException(int line, int column, string message, string remedy) : ProtocolFormatException(message)
{
    public int Line { get; } = line;

    public int Column { get; } = column;

    public string Remedy { get; } = remedy;
}

/// <summary>
/// Builds the position-keeping tree of one YAML document from YamlDotNet's event parser. Bounded in length, depth and, because an
/// alias repeats what its anchor holds, in expanded size ("billion laughs").
/// </summary>
internal sealed class YamlTree
{
    public const int MaxLength = 1024 * 1024;
    public const int MaxDepth = 32;
    public const int MaxExpandedNodes = 100_000;

    private readonly Parser _parser;
    private readonly Dictionary<string, YamlNode> _anchors = [];

    private YamlTree(string text) => _parser = new Parser(new StringReader(text));

    /// <returns>The root node, or null for a text without a document.</returns>
    /// <exception cref="YamlFaultException">Not YAML, or beyond a bound.</exception>
    public static YamlNode? Parse(string text)
    {
        // UTF-8 is at most three bytes for one UTF-16 unit: characters first, so that a huge text is not counted byte by byte.
        if (text.Length > MaxLength || System.Text.Encoding.UTF8.GetByteCount(text) > MaxLength)
            throw new YamlFaultException(1, 1, $"The file is larger than {MaxLength / 1024} KiB.", "Move data out of it and refer to it by path.");

        var tree = new YamlTree(text);
        try
        {
            return tree.Document();
        }
        catch (YamlException e)
        {
            var at = e.Start;
            throw new YamlFaultException(
                (int)Math.Clamp(at.Line, 1, int.MaxValue),
                (int)Math.Clamp(at.Column, 1, int.MaxValue),
                $"This is not valid YAML: {(e.InnerException ?? e).Message.TrimEnd('.')}.",
                "Check the indentation, quotes, brackets and colons here.");
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            // YamlDotNet's scanner leaks these on some malformed texts instead of a YamlException.
            throw new YamlFaultException(1, 1, "This is not valid YAML.", "Check the indentation, quotes, brackets and colons.");
        }
    }

    private YamlNode? Document()
    {
        Next<StreamStart>();
        if (Peek() is StreamEnd)
            return null;
        Next<DocumentStart>();
        var root = Node(0);
        Next<DocumentEnd>();
        if (Peek() is not StreamEnd and var extra)
            throw Fault(extra, "The file holds more than one YAML document.", "Remove the '---' line and what follows it.");
        return root;
    }

    private YamlNode Node(int depth)
    {
        var start = Peek();
        if (depth > MaxDepth)
            throw Fault(start, $"Nested deeper than {MaxDepth} levels.", "Flatten it.");

        if (start is AnchorAlias alias)
        {
            _parser.MoveNext();
            return _anchors.TryGetValue(alias.Value.Value, out var target)
                ? target
                : throw Fault(start, $"Alias '*{alias.Value.Value}' has no anchor '&{alias.Value.Value}' before it.", "Define the anchor first, or write the value out.");
        }

        YamlNode node = start switch
        {
            Scalar scalar => Leaf(scalar),
            SequenceStart => Sequence(depth),
            MappingStart => Mapping(depth),
            _ => throw Fault(start, "Unexpected YAML.", "Check the indentation here."),
        };
        if (node.ExpandedSize > MaxExpandedNodes)
            throw Fault(start, $"The file holds more than {MaxExpandedNodes:N0} values when its aliases are expanded.", "Use fewer aliases.");
        if (node.Height > MaxDepth)
            throw Fault(start, $"Nested deeper than {MaxDepth} levels when its aliases are expanded.", "Flatten it.");
        if (start is NodeEvent { Anchor.IsEmpty: false } anchored)
            _anchors[anchored.Anchor.Value] = node;
        return node;
    }

    private YamlScalar Leaf(Scalar scalar)
    {
        _parser.MoveNext();
        return new YamlScalar(Line(scalar), Column(scalar), scalar.Value, scalar.Style == ScalarStyle.Plain);
    }

    private YamlSequence Sequence(int depth)
    {
        var start = Next<SequenceStart>();
        var items = new List<YamlNode>();
        while (Peek() is not SequenceEnd)
            items.Add(Node(depth + 1));
        _parser.MoveNext();
        return new YamlSequence(Line(start), Column(start), items);
    }

    private YamlMapping Mapping(int depth)
    {
        var start = Next<MappingStart>();
        var entries = new List<YamlEntry>();
        while (Peek() is not MappingEnd)
        {
            var keyEvent = Peek();
            if (Node(depth + 1) is not YamlScalar key)
                throw Fault(keyEvent, "A key must be a plain word.", "Write it as 'name: value'.");
            entries.Add(new YamlEntry(key, Node(depth + 1)));
        }

        _parser.MoveNext();
        return new YamlMapping(Line(start), Column(start), entries);
    }

    private ParsingEvent Peek()
    {
        if (_parser.Current is null)
            _parser.MoveNext();
        return _parser.Current ?? throw new YamlFaultException(1, 1, "The file ends in the middle of a value.", "Complete it.");
    }

    private T Next<T>()
        where T : ParsingEvent
    {
        var current = Peek();
        _parser.MoveNext();
        return current as T ?? throw Fault(current, "Unexpected YAML.", "Check the indentation here.");
    }

    private static int Line(ParsingEvent e) => (int)Math.Clamp(e.Start.Line, 1, int.MaxValue);

    private static int Column(ParsingEvent e) => (int)Math.Clamp(e.Start.Column, 1, int.MaxValue);

    private static YamlFaultException Fault(ParsingEvent at, string message, string remedy) => new(Line(at), Column(at), message, remedy);
}
