namespace Pilothouse.Protocols.Yaml;

/// <summary>"Did you mean": the nearest known word by edit distance.</summary>
internal static class Suggestion
{
    // Names longer than this are compared by their start only, so that a hostile key cannot buy quadratic work.
    private const int MaxCompared = 64;

    /// <returns>The nearest candidate within a third of the word's length (at least one edit), or null.</returns>
    public static string? Nearest(string word, IEnumerable<string> candidates)
    {
        string? best = null;
        var bestDistance = Math.Max(1, Math.Min(word.Length, MaxCompared) / 3) + 1;
        foreach (var candidate in candidates)
        {
            var distance = Distance(word, candidate);
            if (distance < bestDistance)
                (best, bestDistance) = (candidate, distance);
        }

        return best;
    }

    /// <summary>Optimal string alignment distance (a swap of neighbours is one edit), letter case ignored.</summary>
    internal static int Distance(string a, string b)
    {
        var x = a.AsSpan(0, Math.Min(a.Length, MaxCompared));
        var y = b.AsSpan(0, Math.Min(b.Length, MaxCompared));
        var rows = new int[x.Length + 1, y.Length + 1];
        for (var i = 0; i <= x.Length; i++)
            rows[i, 0] = i;
        for (var j = 0; j <= y.Length; j++)
            rows[0, j] = j;
        for (var i = 1; i <= x.Length; i++)
        {
            for (var j = 1; j <= y.Length; j++)
            {
                var same = Same(x[i - 1], y[j - 1]);
                var edit = Math.Min(Math.Min(rows[i - 1, j], rows[i, j - 1]) + 1, rows[i - 1, j - 1] + (same ? 0 : 1));
                if (i > 1 && j > 1 && Same(x[i - 1], y[j - 2]) && Same(x[i - 2], y[j - 1]))
                    edit = Math.Min(edit, rows[i - 2, j - 2] + 1);
                rows[i, j] = edit;
            }
        }

        return rows[x.Length, y.Length];
    }

    private static bool Same(char a, char b) => char.ToLowerInvariant(a) == char.ToLowerInvariant(b);
}
