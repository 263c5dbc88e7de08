using System.Globalization;

namespace Pilothouse.Protocols.Yaml;

/// <summary>Finds the node at a path such as <c>environments.production.rollout.steps[1]</c>.</summary>
internal static class YamlPath
{
    /// <returns>The node, or null. Names may hold dots: the longest key that fits wins.</returns>
    public static YamlNode? Find(YamlNode root, string path)
    {
        if (path.Length == 0)
            return root;
        if (path[0] == '[')
        {
            var close = path.IndexOf(']', StringComparison.Ordinal);
            return root is YamlSequence list && close > 1
                && int.TryParse(path.AsSpan(1, close - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var index)
                && index < list.Items.Count
                ? Find(list.Items[index], path[(close + 1)..].TrimStart('.'))
                : null;
        }

        if (root is not YamlMapping mapping)
            return null;
        var best = mapping.Entries
            .Where(e => path.StartsWith(e.Key.Text, StringComparison.Ordinal)
                && (path.Length == e.Key.Text.Length || path[e.Key.Text.Length] is '.' or '['))
            .MaxBy(e => e.Key.Text.Length);
        return best is null ? null : Find(best.Value, path[best.Key.Text.Length..].TrimStart('.'));
    }
}
