using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Scores of single answers, all between 0 and 1, 1 = right. White space around answer and reference does not count.</summary>
internal static partial class Scorers
{
    /// <summary>Changed when a scorer's meaning changes, so that evaluations by different rules are not compared.</summary>
    public const string Version = "1";

    /// <summary>Longer texts are compared by their beginning: the distance costs length times length.</summary>
    private const int MaxDistanceLength = 4_096;

    /// <summary>True when the scorer needs a reference answer in every row.</summary>
    public static bool NeedsExpected(ScorerEntry scorer) => scorer.Type switch
    {
        ScorerType.Json => false,
        ScorerType.Regex => scorer.Pattern is null,
        _ => true,
    };

    /// <summary>The scorer as a function of the answer (generated text, or a classifier's label) and the reference.</summary>
    public static Func<string, string?, double> Compile(ScorerEntry scorer)
    {
        Func<string, string, double> score = scorer.Type switch
        {
            ScorerType.Exact or ScorerType.Accuracy => (answer, reference) => answer == reference ? 1 : 0,
            ScorerType.Contains => (answer, reference) => answer.Contains(reference, StringComparison.Ordinal) ? 1 : 0,
            ScorerType.Regex when scorer.Pattern is { } pattern => Matcher(Pattern(pattern)),
            ScorerType.Regex => (answer, reference) => Pattern(reference).IsMatch(answer) ? 1 : 0,
            ScorerType.Json => JsonScore,
            ScorerType.F1 => TokenF1,
            ScorerType.EditSimilarity => EditSimilarity,
            _ => throw new ArgumentOutOfRangeException(nameof(scorer), scorer.Type, "Unknown scorer."),
        };
        return (answer, expected) => score(answer.Trim(), expected?.Trim() ?? "");
    }

    private static Func<string, string, double> Matcher(Regex pattern) => (answer, _) => pattern.IsMatch(answer) ? 1 : 0;

    private static Regex Pattern(string pattern)
    {
        try
        {
            // Linear in the text whatever the pattern.
            return new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            throw new PilothouseException(ErrorCode.InvalidArgument, $"'{pattern}' is not a regular expression that can be run safely: {e.Message}");
        }
    }

    private static double JsonScore(string answer, string expected)
    {
        if (Parse(answer) is not { } given) return 0;
        if (expected.Length == 0) return 1;
        return Parse(expected) is { } reference && JsonElement.DeepEquals(given, reference) ? 1 : 0;
    }

    private static JsonElement? Parse(string text)
    {
        try
        {
            return JsonElement.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Harmonic mean of precision and recall of words, as SQuAD's but without dropping English articles. Case and punctuation do not count.</summary>
    internal static double TokenF1(string answer, string reference)
    {
        var given = Words(answer);
        var wanted = Words(reference);
        if (given.Count == 0 || wanted.Count == 0) return given.Count == wanted.Count ? 1 : 0;
        var left = wanted.GroupBy(w => w).ToDictionary(g => g.Key, g => g.Count());
        var common = 0;
        foreach (var word in given)
        {
            if (left.GetValueOrDefault(word) == 0) continue;
            left[word]--;
            common++;
        }
        return 2.0 * common / (given.Count + wanted.Count);
    }

    private static List<string> Words(string text) => [.. WordPattern().Matches(text.ToLowerInvariant()).Select(m => m.Value)];

    /// <summary>1 - Levenshtein distance / longer length, over Unicode characters.</summary>
    internal static double EditSimilarity(string answer, string reference)
    {
        Rune[] a = [.. answer.EnumerateRunes().Take(MaxDistanceLength)], b = [.. reference.EnumerateRunes().Take(MaxDistanceLength)];
        if (a.Length == 0 && b.Length == 0) return 1;
        var row = new int[b.Length + 1];
        for (var j = 0; j < row.Length; j++) row[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }
        return 1 - (double)row[b.Length] / Math.Max(a.Length, b.Length);
    }

    [GeneratedRegex(@"[\p{L}\p{N}]+", RegexOptions.NonBacktracking)]
    private static partial Regex WordPattern();
}
