namespace Pilothouse.Web.Text;

/// <summary>Colour (0 to 7) and dash (0 to 3) of a run's curve.</summary>
public readonly record struct RunColour(int Colour, int Dash);

/// <summary>
/// Colours of runs on one page. A run's id chooses its colour, so that it keeps it whatever is shown beside it; only runs that would get the same colour move on to
/// the next that is used least. Lines of the same colour differ by their dashes.
/// </summary>
public static class RunColours
{
    private const int Colours = 8;
    private const int Dashes = 4;

    public static IReadOnlyDictionary<string, RunColour> Of(IEnumerable<string> ids)
    {
        var used = new int[Colours];
        var result = new Dictionary<string, RunColour>(StringComparer.Ordinal);
        // In the order of the ids, not of the page: sorting or hiding changes nothing.
        foreach (var id in ids.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            var wanted = (int)(Hash(id) % Colours);
            var colour = Enumerable.Range(0, Colours).Select(i => (wanted + i) % Colours).MinBy(c => used[c]);
            result[id] = new RunColour(colour, used[colour]++ % Dashes);
        }
        return result;
    }

    /// <summary>FNV-1a: the same in every process, unlike string.GetHashCode.</summary>
    private static uint Hash(string text)
    {
        var hash = 2166136261u;
        foreach (var c in text) hash = unchecked((hash ^ c) * 16777619u);
        return hash;
    }
}
