namespace Pilothouse.Statistics;

/// <summary>Counts of runs of n tokens.</summary>
internal static class NGrams
{
    /// <summary>Parts joined by a character that no token holds.</summary>
    public static Dictionary<string, int> Count(IReadOnlyList<string> tokens, int order)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var k = 0; k + order <= tokens.Count; k++)
        {
            var key = string.Join('\u0001', tokens.Skip(k).Take(order));
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
        return counts;
    }

    public static int Overlap(Dictionary<string, int> left, Dictionary<string, int> right) =>
        left.Sum(one => Math.Min(one.Value, right.GetValueOrDefault(one.Key)));

    public static string[] Words(string text) => text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    public static string[] Characters(string text) => [.. text.EnumerateRunes().Select(r => r.ToString())];
}
