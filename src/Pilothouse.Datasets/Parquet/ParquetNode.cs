using Pilothouse.Protocols;
using Pilothouse.Protocols.Parquet;

namespace Pilothouse.Datasets.Parquet;

/// <summary>A node of the schema's tree with its levels. See <see href="https://github.com/apache/parquet-format/blob/master/README.md#nested-encoding"/>.</summary>
internal sealed class ParquetNode
{
    private const int Required = 0, Repeated = 2;
    private const int ListConverted = 3, ListLogical = 3;

    private ParquetNode(ParquetElement element, int definition, int repetition)
    {
        Element = element;
        Definition = definition;
        Repetition = repetition;
    }

    public ParquetElement Element { get; }

    /// <summary>Definition level from which on it is there.</summary>
    public int Definition { get; }

    public int Repetition { get; }

    public List<ParquetNode> Children { get; } = [];

    /// <summary>Place among the leaves; -1 for a group.</summary>
    public int Leaf { get; private set; } = -1;

    /// <summary>The first and the number of leaves at or below it.</summary>
    public int FirstLeaf { get; private set; }

    public int LeafCount { get; private set; }

    public string Path { get; private init; } = "";

    public bool IsRepeated => Element.Repetition == Repeated;

    /// <summary>What a list repeats: <c>group (LIST) { repeated group list { element } }</c>; null for any other node.</summary>
    public ParquetNode? ListOf => (Element.Converted == ListConverted || Element.Logical == ListLogical) && !IsRepeated && Children is [{ IsRepeated: true } repeated] ? repeated : null;

    /// <summary>Of the repeated node of a list: its only child is the element, unless old writers meant the node itself.</summary>
    public ParquetNode? Wrapped => Children is [{ IsRepeated: false } only] && Element.Name != "array" && !Element.Name.EndsWith("_tuple", StringComparison.Ordinal) ? only : null;

    /// <summary>The tree of a footer, and its leaves in the order of the columns.</summary>
    public static ParquetNode Tree(ParquetFooter footer, out List<ParquetNode> leaves)
    {
        (leaves, var at) = (new List<ParquetNode>(), 0);
        return Read(footer.Schema, ref at, null, leaves);
    }

    private static ParquetNode Read(IReadOnlyList<ParquetElement> schema, ref int at, ParquetNode? parent, List<ParquetNode> leaves)
    {
        var element = schema[at++];
        var (definition, repetition) = parent is null ? (0, 0) : (parent.Definition + ((element.Repetition ?? Required) == Required ? 0 : 1), parent.Repetition + (element.Repetition == Repeated ? 1 : 0));
        // The root's own name is no part of a path.
        var node = new ParquetNode(element, definition, repetition) { Path = parent is null ? "" : parent.Path.Length == 0 ? element.Name : $"{parent.Path}.{element.Name}", FirstLeaf = leaves.Count };
        if (element.Children == 0 && parent is not null)
        {
            node.Leaf = leaves.Count;
            leaves.Add(node);
        }
        for (var i = 0; i < element.Children; i++) node.Children.Add(Read(schema, ref at, node, leaves));
        node.LeafCount = leaves.Count - node.FirstLeaf;
        if (node.Children.Select(c => c.Element.Name).Distinct(StringComparer.Ordinal).Count() != node.Children.Count)
            throw new ProtocolFormatException($"The Parquet schema names a field twice below '{node.Path}'.");
        return node;
    }
}
