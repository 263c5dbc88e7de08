using System.Text.RegularExpressions;

namespace Pilothouse.Statistics;

/// <summary>
/// ROUGE (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries") of one text against one reference, as F1. Words are runs of
/// letters and digits of any script, lower-cased; no stemming, no stop words.
/// </summary>
public static partial class Rouge
{
    /// <summary>Words compared; the rest of a longer text is left out, since the common subsequence costs words times words.</summary>
    public const int MaxWords = 20_000;

    /// <summary>ROUGE-N (section 2): overlap of runs of n words, each counted as often as both sides have it. 1 for two texts too short to have any.</summary>
    public static ClassScores N(string answer, string reference, int n)
    {
        if (n < 1) throw new ArgumentOutOfRangeException(nameof(n), n, "Runs have at least one word.");
        var (given, wanted) = (NGrams.Count(Words(answer), n), NGrams.Count(Words(reference), n));
        return Scores(NGrams.Overlap(given, wanted), given.Values.Sum(), wanted.Values.Sum());
    }

    /// <summary>ROUGE-L (section 3.1): longest common subsequence of words.</summary>
    public static ClassScores L(string answer, string reference)
    {
        string[] given = Words(answer), wanted = Words(reference);
        return Scores(CommonSubsequence(given, wanted), given.Length, wanted.Length);
    }

    private static ClassScores Scores(double common, double given, double wanted)
    {
        if (given == 0 && wanted == 0) return new ClassScores(1, 1, 1);
        double precision = given == 0 ? 0 : common / given, recall = wanted == 0 ? 0 : common / wanted;
        return new ClassScores(precision, recall, Classification.FBeta(precision, recall, 1));
    }

    private static int CommonSubsequence(string[] a, string[] b)
    {
        var row = new int[b.Length + 1];
        foreach (var word in a)
        {
            var diagonal = 0;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = word == b[j - 1] ? diagonal + 1 : Math.Max(above, row[j - 1]);
                diagonal = above;
            }
        }
        return row[^1];
    }

    private static string[] Words(string text) => [.. Word().Matches(text.ToLowerInvariant()).Take(MaxWords).Select(m => m.Value)];

    [GeneratedRegex(@"[\p{L}\p{N}]+", RegexOptions.NonBacktracking)]
    private static partial Regex Word();
}
