using System.Text;

namespace Pilothouse.Statistics;

/// <summary>Levenshtein distance over Unicode code points.</summary>
public static class EditDistance
{
    /// <summary>Longest text compared, in code points: time grows with the product of both lengths.</summary>
    public const int MaxLength = 20_000;

    /// <summary>Fewest insertions, deletions and substitutions that turn one text into the other.</summary>
    public static int Distance(string first, string second)
    {
        ArgumentNullException.ThrowIfNull(first);
        ArgumentNullException.ThrowIfNull(second);
        return Distance(Runes(first), Runes(second));
    }

    /// <summary>1 - distance / longer length: 1 for equal texts, 0 for nothing in common; 1 for two empty texts.</summary>
    public static double Similarity(string first, string second)
    {
        Rune[] a = Runes(first), b = Runes(second);
        var longest = Math.Max(a.Length, b.Length);
        return longest == 0 ? 1 : 1 - (double)Distance(a, b) / longest;
    }

    /// <summary>The same over any items, for example words.</summary>
    public static int Distance<T>(ReadOnlySpan<T> first, ReadOnlySpan<T> second)
    {
        if (first.Length > MaxLength || second.Length > MaxLength)
            throw new ArgumentException($"Texts of more than {MaxLength} items are not compared; shorten them first.", nameof(first));
        var row = new int[second.Length + 1];
        for (var j = 0; j < row.Length; j++) row[j] = j;
        var comparer = EqualityComparer<T>.Default;
        for (var i = 0; i < first.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i + 1;
            for (var j = 0; j < second.Length; j++)
            {
                var cost = diagonal + (comparer.Equals(first[i], second[j]) ? 0 : 1);
                diagonal = row[j + 1];
                row[j + 1] = Math.Min(cost, Math.Min(diagonal, row[j]) + 1);
            }
        }
        return row[^1];
    }

    private static int Distance(Rune[] a, Rune[] b) => Distance<Rune>(a, b);

    private static Rune[] Runes(string text) => [.. text.EnumerateRunes()];
}
