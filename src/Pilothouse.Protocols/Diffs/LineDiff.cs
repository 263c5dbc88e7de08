namespace Pilothouse.Protocols.Diffs;

/// <summary>A line-by-line difference of two texts: the longest common subsequence.</summary>
public static class LineDiff
{
    /// <summary>Cells of the table of one comparison; beyond it all lines between the common beginning and end count as replaced.</summary>
    private const long MaxCells = 4_000_000;

    /// <returns>Lines in order: <c>' '</c> in both, <c>'-'</c> only in the first, <c>'+'</c> only in the second.</returns>
    public static IReadOnlyList<(char Op, string Text)> Of(string a, string b)
    {
        var (left, right) = (Lines(a), Lines(b));
        var start = 0;
        while (start < left.Length && start < right.Length && left[start] == right[start]) start++;
        var end = 0;
        while (end < left.Length - start && end < right.Length - start && left[^(end + 1)] == right[^(end + 1)]) end++;
        var result = new List<(char, string)>(left[..start].Select(l => (' ', l)));
        Middle(result, left[start..(left.Length - end)], right[start..(right.Length - end)]);
        result.AddRange(left[(left.Length - end)..].Select(l => (' ', l)));
        return result;
    }

    private static void Middle(List<(char, string)> result, string[] a, string[] b)
    {
        if ((long)(a.Length + 1) * (b.Length + 1) > MaxCells)
        {
            result.AddRange(a.Select(l => ('-', l)));
            result.AddRange(b.Select(l => ('+', l)));
            return;
        }
        var width = b.Length + 1;
        var length = new int[(a.Length + 1) * width];
        int At(int i, int j) => length[i * width + j];
        for (var i = a.Length - 1; i >= 0; i--)
            for (var j = b.Length - 1; j >= 0; j--)
                length[i * width + j] = a[i] == b[j] ? At(i + 1, j + 1) + 1 : Math.Max(At(i + 1, j), At(i, j + 1));
        for (int i = 0, j = 0; i < a.Length || j < b.Length;)
        {
            if (i < a.Length && j < b.Length && a[i] == b[j])
            {
                result.Add((' ', a[i++]));
                j++;
            }
            else if (j == b.Length || i < a.Length && At(i + 1, j) >= At(i, j + 1)) result.Add(('-', a[i++]));
            else result.Add(('+', b[j++]));
        }
    }

    private static string[] Lines(string text) => text.Length == 0 ? [] : text.ReplaceLineEndings("\n").Split('\n');
}
