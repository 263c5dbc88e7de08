using System.Text.RegularExpressions;

namespace Pilothouse.Statistics;

/// <summary>How BLEU cuts a text into tokens.</summary>
public enum BleuTokenizer
{
    /// <summary>mteval-v13a, sacrebleu's default.</summary>
    Mteval13a,

    /// <summary>At blanks only.</summary>
    None,

    /// <summary>Every character.</summary>
    Character,
}

/// <summary>What BLEU does with an order of n-grams without a match.</summary>
public enum BleuSmoothing
{
    /// <summary>1/2, 1/4, ... of a match (NIST); the default.</summary>
    Exponential,

    /// <summary>A small constant.</summary>
    Floor,

    /// <summary>Adds a constant to matches and totals above order 1.</summary>
    AddK,

    /// <summary>Nothing: the score is 0.</summary>
    None,
}

/// <summary>Settings of BLEU.</summary>
/// <param name="Tokenizer">Tokenizer.</param>
/// <param name="Smoothing">Smoothing.</param>
/// <param name="SmoothingValue">Constant of Floor (0.1) and AddK (1).</param>
/// <param name="IsLowercase">Lower-case first.</param>
/// <param name="HasEffectiveOrder">Leave out orders longer than the text; for single sentences.</param>
public sealed record BleuOptions(BleuTokenizer Tokenizer = BleuTokenizer.Mteval13a, BleuSmoothing Smoothing = BleuSmoothing.Exponential,
    double SmoothingValue = 0, bool IsLowercase = false, bool HasEffectiveOrder = false);

/// <summary>BLEU with its parts.</summary>
/// <param name="Score">0 to 100.</param>
/// <param name="Precisions">Of orders 1 to 4, in per cent.</param>
/// <param name="Counts">Matches of each order.</param>
/// <param name="Totals">n-grams of each order in the hypotheses.</param>
/// <param name="BrevityPenalty">0 to 1.</param>
/// <param name="HypothesisLength">Tokens.</param>
/// <param name="ReferenceLength">Tokens of the closest references.</param>
public sealed record BleuScore(
    double Score, double[] Precisions, double[] Counts, double[] Totals, double BrevityPenalty, int HypothesisLength, int ReferenceLength);

/// <summary>BLEU (Papineni et al. 2002), equal to sacrebleu 2.</summary>
public static partial class Bleu
{
    private const int Order = 4;

    /// <summary>BLEU of a corpus.</summary>
    /// <param name="hypotheses">Texts.</param>
    /// <param name="references">Per reference set, one text for each hypothesis.</param>
    /// <param name="options">Settings.</param>
    public static BleuScore Corpus(IReadOnlyList<string> hypotheses, IReadOnlyList<IReadOnlyList<string>> references, BleuOptions? options = null)
    {
        options ??= new BleuOptions();
        double[] counts = new double[Order], totals = new double[Order];
        int length = 0, referenceLength = 0;
        for (var k = 0; k < hypotheses.Count; k++)
        {
            var hypothesis = Tokens(hypotheses[k], options);
            string[][] targets = [.. references.Select(r => Tokens(r[k], options))];
            length += hypothesis.Length;
            referenceLength += targets.Select(t => t.Length).OrderBy(n => Math.Abs(n - hypothesis.Length)).ThenBy(n => n).First();
            for (var n = 1; n <= Order; n++)
            {
                var grams = NGrams.Count(hypothesis, n);
                var most = new Dictionary<string, int>(StringComparer.Ordinal);
                foreach (var target in targets)
                    foreach (var (gram, count) in NGrams.Count(target, n)) most[gram] = Math.Max(count, most.GetValueOrDefault(gram));
                counts[n - 1] += NGrams.Overlap(grams, most);
                totals[n - 1] += Math.Max(0, hypothesis.Length - n + 1);
            }
        }
        return Score(counts, totals, length, referenceLength, options);
    }

    /// <summary>BLEU of one text, effective order on.</summary>
    public static BleuScore Sentence(string hypothesis, IReadOnlyList<string> references, BleuOptions? options = null) =>
        Corpus([hypothesis], [.. references.Select(r => (IReadOnlyList<string>)[r])], (options ?? new BleuOptions()) with { HasEffectiveOrder = true });

    /// <summary>BLEU from summed parts: for each order its matches and its total, then both lengths (ten numbers, as <see cref="Parts"/> gives them).</summary>
    public static double OfParts(ReadOnlySpan<double> parts, BleuOptions? options = null) =>
        Score(parts[..Order].ToArray(), parts[Order..(2 * Order)].ToArray(), (int)parts[2 * Order], (int)parts[2 * Order + 1], options ?? new BleuOptions()).Score;

    /// <summary>What one text adds to a corpus, for bootstrapping corpora without cutting the texts again.</summary>
    public static double[] Parts(string hypothesis, string reference, BleuOptions? options = null)
    {
        var score = Corpus([hypothesis], [[reference]], (options ?? new BleuOptions()) with { Smoothing = BleuSmoothing.None });
        return [.. score.Counts, .. score.Totals, score.HypothesisLength, score.ReferenceLength];
    }

    private static BleuScore Score(double[] counts, double[] totals, int length, int referenceLength, BleuOptions options)
    {
        var penalty = length >= referenceLength ? 1 : length == 0 ? 0 : Math.Exp(1 - (double)referenceLength / length);
        var precisions = new double[Order];
        if (counts.All(c => c == 0)) return new BleuScore(0, precisions, counts, totals, penalty, length, referenceLength);
        var (order, share) = (Order, 1.0);
        for (var n = 0; n < Order; n++)
        {
            if (options.Smoothing == BleuSmoothing.AddK && n > 0)
            {
                counts[n] += options.SmoothingValue;
                totals[n] += options.SmoothingValue;
            }
            if (totals[n] == 0) break;
            if (options.HasEffectiveOrder) order = n + 1;
            if (counts[n] > 0) precisions[n] = 100 * counts[n] / totals[n];
            else if (options.Smoothing == BleuSmoothing.Exponential) precisions[n] = 100 / ((share *= 2) * totals[n]);
            else if (options.Smoothing == BleuSmoothing.Floor) precisions[n] = 100 * options.SmoothingValue / totals[n];
        }
        var isZero = precisions.Take(order).Contains(0);
        var score = isZero ? 0 : penalty * Math.Exp(precisions.Take(order).Sum(Math.Log) / order);
        return new BleuScore(score, precisions, counts, totals, penalty, length, referenceLength);
    }

    private static string[] Tokens(string text, BleuOptions options)
    {
        if (options.IsLowercase) text = text.ToLowerInvariant();
        return options.Tokenizer switch
        {
            BleuTokenizer.None => NGrams.Words(text),
            BleuTokenizer.Character => [.. NGrams.Characters(text).Where(c => !string.IsNullOrWhiteSpace(c))],
            _ => NGrams.Words(Mteval(text)),
        };
    }

    /// <summary>"It's 3.5, isn't it?" becomes "It's 3.5 , isn't it ?".</summary>
    private static string Mteval(string text)
    {
        text = text.TrimEnd().Replace("<skipped>", "", StringComparison.Ordinal).Replace("-\n", "", StringComparison.Ordinal)
            .Replace('\n', ' ').Replace("&quot;", "\"", StringComparison.Ordinal).Replace("&amp;", "&", StringComparison.Ordinal)
            .Replace("&lt;", "<", StringComparison.Ordinal).Replace("&gt;", ">", StringComparison.Ordinal);
        text = Symbols().Replace($" {text} ", " $1 ");
        text = MarkAfterNonDigit().Replace(text, "$1 $2 ");
        text = MarkBeforeNonDigit().Replace(text, " $1 $2");
        return DashAfterDigit().Replace(text, "$1 $2 ");
    }

    [GeneratedRegex(@"([\{-\~\[-\` -\&\(-\+\:-\@\/])")]
    private static partial Regex Symbols();

    [GeneratedRegex(@"([^0-9])([\.,])")]
    private static partial Regex MarkAfterNonDigit();

    [GeneratedRegex(@"([\.,])([^0-9])")]
    private static partial Regex MarkBeforeNonDigit();

    [GeneratedRegex(@"([0-9])(-)")]
    private static partial Regex DashAfterDigit();
}
