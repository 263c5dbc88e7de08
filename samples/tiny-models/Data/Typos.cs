using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.TinyModels.Data;

/// <summary>Slips of the finger: two letters swapped, one left out, one doubled, or the neighbouring key hit.</summary>
internal static class Typos
{
    private const int ShortestWord = 4;

    private static readonly Dictionary<char, string> Neighbours = new()
    {
        ['a'] = "sqz",
        ['b'] = "vn",
        ['c'] = "xv",
        ['d'] = "sf",
        ['e'] = "wr",
        ['f'] = "dg",
        ['g'] = "fh",
        ['h'] = "gj",
        ['i'] = "uo",
        ['j'] = "hk",
        ['k'] = "jl",
        ['l'] = "k",
        ['m'] = "n",
        ['n'] = "bm",
        ['o'] = "ip",
        ['p'] = "o",
        ['q'] = "wa",
        ['r'] = "et",
        ['s'] = "ad",
        ['t'] = "ry",
        ['u'] = "yi",
        ['v'] = "cb",
        ['w'] = "qe",
        ['x'] = "zc",
        ['y'] = "tu",
        ['z'] = "xa",
    };

    /// <summary>
    /// The text with <paramref name="count"/> slips, each in another word of at least four letters. The word that contains <paramref name="target"/> comes first
    /// when <paramref name="hitTarget"/>. First letters stay: people rarely miss those.
    /// </summary>
    public static string Apply(string text, string target, int count, bool hitTarget, Rng rng)
    {
        var words = text.Split(' ');
        var candidates = Enumerable.Range(0, words.Length).Where(i => Letters(words[i]) >= ShortestWord).ToArray();
        rng.Shuffle<int>(candidates);
        if (hitTarget && target.Length > 0)
        {
            var parts = target.Split(' ').OrderByDescending(part => part.Length).ToArray();
            candidates = [.. candidates.OrderByDescending(i => words[i].StartsWith(parts[0], StringComparison.Ordinal))];
        }
        foreach (var i in candidates.Take(count)) words[i] = Slip(words[i], rng);
        return string.Join(' ', words);
    }

    /// <summary>One slip inside the leading letters of the word.</summary>
    public static string Slip(string word, Rng rng)
    {
        var letters = Letters(word);
        for (var attempt = 0; attempt < 8; attempt++)
        {
            var at = 1 + rng.Next(letters - 1);
            var changed = rng.Next(4) switch
            {
                0 when at + 1 < letters => word[..at] + word[at + 1] + word[at] + word[(at + 2)..],
                1 => word.Remove(at, 1),
                2 => word.Insert(at, word[at].ToString()),
                3 when Neighbours.TryGetValue(word[at], out var near) => word[..at] + near[rng.Next(near.Length)] + word[(at + 1)..],
                _ => word,
            };
            if (changed != word) return changed;
        }
        return word.Remove(1, 1);
    }

    private static int Letters(string word)
    {
        var n = 0;
        while (n < word.Length && char.IsAsciiLetter(word[n])) n++;
        return n;
    }
}
