using Pilothouse.Protocols.Yaml;

namespace Pilothouse.Protocols.ProjectFiles;

/// <summary>Readers of tools and of what counts as the same result.</summary>
internal sealed class ReproduceReader(ReadContext context)
{
    public ToolEntry? Tool(string name, YamlNode node, string path)
    {
        if (ObjectReader.Open(node, path, "tool", context) is not { } o)
            return null;
        var file = o.Text("path", required: true, $"tools/{name}.json");
        if (file is not null && !PathRule.IsValid(file))
            o.Fault("path", $"'{ObjectReader.Shorten(file)}' is not a path inside the project.", PathRule.Remedy);
        o.Finish();
        return new ToolEntry(o.Source, file ?? "");
    }

    public ReproduceEntry Reproduce(ObjectReader root)
    {
        if (root.Node("reproduce", required: false, "{ tolerance: { loss: 1% } }") is not { } node || ObjectReader.Open(node, "reproduce", "reproduce", context) is not { } o)
            return ReproduceEntry.Exact;
        var tolerances = new Dictionary<string, Tolerance>();
        foreach (var (metric, text) in o.TextMap("tolerance", required: false, "{ loss: 1% }"))
        {
            if (Tolerance.TryParse(text, out var tolerance))
                tolerances[metric] = tolerance;
            else
                o.Fault("tolerance", $"'{ObjectReader.Shorten(text)}', given for {ObjectReader.Shorten(metric)}, is not a tolerance.", Tolerance.Remedy);
        }

        var ignore = o.Texts("ignore", required: false, "[tokens_per_second]");
        o.Finish();
        return new ReproduceEntry(tolerances, ignore);
    }
}
