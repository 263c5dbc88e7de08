namespace Pilothouse.Statistics;

/// <summary>Ranks with ties.</summary>
public static class Ranks
{
    /// <summary>Rank of each value from 1, ties get the mean rank; `ties` is the sum of t^3 - t over groups of t equal values.</summary>
    public static double[] Average(ReadOnlySpan<double> values, out double ties)
    {
        var sorted = values.ToArray();
        var order = Enumerable.Range(0, sorted.Length).ToArray();
        Array.Sort(sorted, order);
        var ranks = new double[sorted.Length];
        ties = 0;
        for (var start = 0; start < sorted.Length;)
        {
            var end = start + 1;
            while (end < sorted.Length && sorted[end] == sorted[start]) end++;
            double count = end - start;
            ties += count * count * count - count;
            for (var k = start; k < end; k++) ranks[order[k]] = (start + end + 1) / 2.0;
            start = end;
        }
        return ranks;
    }
}
