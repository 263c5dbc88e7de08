using System.Text.RegularExpressions;

namespace Pilothouse.Datasets;

/// <summary>
/// Swaps English gendered words (counterfactual data augmentation). "her" is both "him" and "his"; which one is meant is guessed from what
/// follows: before a word it is possessive ("her lamp" -&gt; "his lamp"), before punctuation, the end or a function word it is not ("saw her." -&gt; "saw him.").
/// </summary>
internal static partial class PronounSwap
{
    private static readonly Dictionary<string, string> Pairs = BothWays(
        ("she", "he"), ("hers", "his"), ("herself", "himself"), ("woman", "man"), ("women", "men"), ("girl", "boy"), ("girls", "boys"), ("mother", "father"), ("mothers", "fathers"),
        ("daughter", "son"), ("daughters", "sons"), ("sister", "brother"), ("sisters", "brothers"), ("wife", "husband"), ("wives", "husbands"), ("aunt", "uncle"), ("lady", "gentleman"),
        ("ladies", "gentlemen"), ("ms", "mr"), ("mrs", "mr"), ("queen", "king"), ("actress", "actor"), ("waitress", "waiter"), ("grandmother", "grandfather"), ("female", "male"));

    private static readonly HashSet<string> NotAfterPossessive = new(StringComparer.OrdinalIgnoreCase)
    {
        "a", "about", "after", "again", "and", "as", "at", "because", "before", "but", "by", "for", "from", "if", "in", "is", "it", "now", "of", "on", "or", "so", "that", "the",
        "then", "this", "to", "today", "tomorrow", "was", "when", "where", "who", "why", "with", "yesterday",
    };

    /// <summary>The swapped text, or null when it has no gendered word.</summary>
    public static string? Apply(string text)
    {
        var changed = false;
        var result = Word().Replace(text, match =>
        {
            var swapped = Swap(match.Value.ToLowerInvariant(), text[(match.Index + match.Length)..]);
            if (swapped is null) return match.Value;
            changed = true;
            return Like(match.Value, swapped);
        });
        return changed ? result : null;
    }

    private static string? Swap(string word, string rest) => word switch
    {
        "her" => IsPossessive(rest) ? "his" : "him",
        "him" => "her",
        "his" => IsPossessive(rest) ? "her" : "hers",
        _ => Pairs.GetValueOrDefault(word),
    };

    private static bool IsPossessive(string rest) => Following().Match(rest) is { Success: true } next && !NotAfterPossessive.Contains(next.Groups[1].Value);

    /// <summary>SHE -&gt; HE, She -&gt; He, she -&gt; he.</summary>
    private static string Like(string original, string word) =>
        original.Length > 1 && original.All(char.IsUpper) ? word.ToUpperInvariant() : char.IsUpper(original[0]) ? char.ToUpperInvariant(word[0]) + word[1..] : word;

    private static Dictionary<string, string> BothWays(params (string Female, string Male)[] pairs)
    {
        var result = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (female, male) in pairs)
        {
            result[female] = male;
            result.TryAdd(male, female);
        }
        result.Remove("his"); // see Swap
        return result;
    }

    [GeneratedRegex(@"[\p{L}]+", RegexOptions.NonBacktracking)]
    private static partial Regex Word();

    [GeneratedRegex(@"\A +([\p{L}]+)", RegexOptions.NonBacktracking)]
    private static partial Regex Following();
}
