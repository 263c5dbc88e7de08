using Pilothouse.Protocols.V1;

namespace Pilothouse.Commands.Live;

/// <summary>A lineage graph as two trees, one each way. A thing that is reached twice is shown whole once.</summary>
internal static class LineageTree
{
    /// <summary>Lines of one tree.</summary>
    private const int MaxLines = 500;

    public static IEnumerable<string> Lines(LineageGraph graph, string direction)
    {
        var nodes = graph.Nodes.ToDictionary(n => n.Key);
        yield return Text(nodes[graph.Root]);
        foreach (var (title, up) in ((string, bool)[])[("made from", true), ("what came of it", false)])
        {
            if (direction == (up ? "down" : "up")) continue;
            var links = graph.Edges.ToLookup(e => up ? e.To : e.From);
            yield return title;
            var lines = new List<string>();
            Add(lines, graph.Root, "", links, nodes, up, [graph.Root]);
            if (lines.Count == 0) yield return up ? "  nothing that was noted" : "  nothing yet";
            foreach (var line in lines.Take(MaxLines)) yield return "  " + line;
            if (lines.Count > MaxLines) yield return "  ...";
        }
        if (graph.Truncated) yield return $"There is more than {graph.Nodes.Count}: ask for more with --limit, or go on from one of these.";
    }

    private static void Add(List<string> lines, string key, string indent, ILookup<string, LineageLink> links, Dictionary<string, LineageVertex> nodes, bool up, HashSet<string> seen)
    {
        var below = links[key].Select(l => (Node: nodes[up ? l.From : l.To], l.Relation)).Where(b => up ? b.Node.Depth < 0 || !seen.Contains(b.Node.Key) : b.Node.Depth > 0 || !seen.Contains(b.Node.Key)).ToList();
        for (var i = 0; i < below.Count && lines.Count <= MaxLines; i++)
        {
            var (node, relation) = below[i];
            var last = i == below.Count - 1;
            var known = !seen.Add(node.Key);
            lines.Add($"{indent}{(last ? "└─ " : "├─ ")}{Text(node)}  ({relation}){(known && links[node.Key].Any() ? "  see above" : "")}");
            if (!known) Add(lines, node.Key, indent + (last ? "   " : "│  "), links, nodes, up, seen);
        }
    }

    private static string Text(LineageVertex node)
    {
        var id = node.Kind switch
        {
            "commit" => Short(node.Id, 12),
            "release" => Figures.Short(node.Id),
            _ => node.Id,
        };
        var title = node.Title == node.Id || node.Title.Replace(" version ", "/", StringComparison.Ordinal) == node.Id ? "" : $" \"{node.Title}\"";
        return $"{node.Kind.Replace('_', ' ')} {id}{title}{(node.Detail is { } detail ? $", {detail}" : "")}{(node.TimeMs is { } time ? $", {Figures.Time(time)}" : "")}{(node.IsDeleted ? ", deleted" : "")}";
    }

    /// <summary><c>PROJECT/SHA40</c> with the first digits; without the project when it is not known.</summary>
    private static string Short(string id, int digits)
    {
        var cut = id.LastIndexOf('/');
        var (project, sha) = (id[..cut], id[(cut + 1)..]);
        return (project == "-" ? "" : project + "/") + (sha.Length > digits ? sha[..digits] : sha);
    }
}
