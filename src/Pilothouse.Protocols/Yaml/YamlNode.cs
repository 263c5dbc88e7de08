namespace Pilothouse.Protocols.Yaml;

/// <summary>A YAML node that remembers where it stood. Lines and columns count from 1.</summary>
internal abstract class YamlNode(int line, int column)
{
    public int Line { get; } = line;

    public int Column { get; } = column;

    /// <summary>Nodes below and including this one, aliases counted each time they are used: the size of the expanded tree.</summary>
    public abstract long ExpandedSize { get; }

    /// <summary>Levels below this node, those behind aliases included: what bounds every recursion over the tree.</summary>
    public abstract int Height { get; }

    /// <summary>What to call it in a message to a person.</summary>
    public abstract string Describe();
}

/// <param name="plain">Written without quotes: only then may <c>2</c> or <c>true</c> mean a number or a boolean.</param>
internal sealed class YamlScalar(int line, int column, string text, bool plain) : YamlNode(line, column)
{
    public string Text { get; } = text;

    public bool IsPlain { get; } = plain;

    /// <summary>The null of YAML's core schema: nothing, <c>~</c> or <c>null</c>, unquoted.</summary>
    public bool IsNull => IsPlain && Text is "" or "~" or "null" or "Null" or "NULL";

    public override long ExpandedSize => 1;

    public override int Height => 0;

    public override string Describe() => IsNull ? "nothing" : $"'{(Text.Length <= 60 ? Text : Text[..57] + "...")}'";
}

internal sealed class YamlSequence(int line, int column, IReadOnlyList<YamlNode> items) : YamlNode(line, column)
{
    public IReadOnlyList<YamlNode> Items { get; } = items;

    public override long ExpandedSize { get; } = 1 + items.Sum(i => i.ExpandedSize);

    public override int Height { get; } = 1 + items.Select(i => i.Height).DefaultIfEmpty().Max();

    public override string Describe() => "a list";
}

internal sealed record YamlEntry(YamlScalar Key, YamlNode Value);

internal sealed class YamlMapping(int line, int column, IReadOnlyList<YamlEntry> entries) : YamlNode(line, column)
{
    /// <summary>In the order of the file; duplicate keys are kept so that the reader can report them.</summary>
    public IReadOnlyList<YamlEntry> Entries { get; } = entries;

    public override long ExpandedSize { get; } = 1 + entries.Sum(e => 1 + e.Value.ExpandedSize);

    public override int Height { get; } = 1 + entries.Select(e => e.Value.Height).DefaultIfEmpty().Max();

    public override string Describe() => "a mapping";
}
