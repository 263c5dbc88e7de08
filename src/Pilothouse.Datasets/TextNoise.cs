using Pilothouse.Statistics;

namespace Pilothouse.Datasets;

/// <summary>Small damage to texts, to train and test robustness: typing slips, and the word operations of easy data augmentation (arXiv:1901.11196).</summary>
internal static class TextNoise
{
    /// <summary>Share of words that get one slip.</summary>
    private const double TypoRate = 0.15;

    /// <summary>Share of words that are moved or deleted; at least one.</summary>
    private const double WordRate = 0.1;

    /// <summary>One slip in about every seventh word, at least one in the text: two letters swapped, one dropped, or one doubled.</summary>
    public static string? Typos(string text, Xoshiro256 random)
    {
        var words = text.Split(' ');
        var long_ = Enumerable.Range(0, words.Length).Where(i => words[i].Count(char.IsLetter) > 3).ToArray();
        if (long_.Length == 0) return null;
        var sure = long_[random.NextInt(long_.Length)];
        foreach (var i in long_)
            if (i == sure | random.NextBool(TypoRate)) words[i] = Slip(words[i], random);
        return string.Join(' ', words);
    }

    public static string WithoutPunctuation(string text) => new([.. text.Where(c => !char.IsPunctuation(c))]);

    /// <summary>Swaps pairs of words at random places.</summary>
    public static string? SwapWords(string text, Xoshiro256 random)
    {
        var words = text.Split(' ');
        if (words.Length < 2) return null;
        for (var n = Count(words.Length); n > 0; n--)
        {
            var (a, b) = (random.NextInt(words.Length), random.NextInt(words.Length));
            (words[a], words[b]) = (words[b], words[a]);
        }
        return string.Join(' ', words);
    }

    /// <summary>Deletes words at random places; never the last one left.</summary>
    public static string? DeleteWords(string text, Xoshiro256 random)
    {
        var words = text.Split(' ').ToList();
        if (words.Count < 2) return null;
        for (var n = Count(words.Count); n > 0 && words.Count > 1; n--) words.RemoveAt(random.NextInt(words.Count));
        return string.Join(' ', words);
    }

    private static int Count(int words) => Math.Max(1, (int)(words * WordRate));

    private static string Slip(string word, Xoshiro256 random)
    {
        // The first letter stays: people rarely miss it.
        var at = 1 + random.NextInt(word.Length - 2);
        return random.NextInt(3) switch
        {
            0 => word[..at] + word[at + 1] + word[at] + word[(at + 2)..],
            1 => word[..at] + word[(at + 1)..],
            _ => word[..at] + word[at] + word[at..],
        };
    }
}
