namespace Pilothouse.Statistics;

/// <summary>Settings of chrF.</summary>
/// <param name="CharacterOrder">Longest run of characters.</param>
/// <param name="WordOrder">Longest run of words: 0 for chrF, 2 for chrF++.</param>
/// <param name="Beta">How many times as much recall counts.</param>
/// <param name="IsLowercase">Lower-case first.</param>
/// <param name="KeepsWhitespace">Count blanks as characters.</param>
public sealed record ChrFOptions(int CharacterOrder = 6, int WordOrder = 0, double Beta = 2, bool IsLowercase = false, bool KeepsWhitespace = false);

/// <summary>chrF and chrF++ (Popovic 2015, 2017), equal to sacrebleu 2.</summary>
public static class ChrF
{
    private const string Punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";

    /// <summary>chrF of a corpus, 0 to 100.</summary>
    /// <param name="hypotheses">Texts.</param>
    /// <param name="references">Per reference set, one text for each hypothesis; the best reference of each counts.</param>
    /// <param name="options">Settings.</param>
    public static double Corpus(IReadOnlyList<string> hypotheses, IReadOnlyList<IReadOnlyList<string>> references, ChrFOptions? options = null)
    {
        options ??= new ChrFOptions();
        var total = new double[3 * (options.CharacterOrder + options.WordOrder)];
        for (var k = 0; k < hypotheses.Count; k++)
        {
            var hypothesis = Grams(hypotheses[k], options);
            double[]? best = null;
            var highest = -1.0;
            foreach (var reference in references)
            {
                var statistics = Match(hypothesis, Grams(reference[k], options));
                var score = Score(statistics, options.Beta);
                if (score > highest) (highest, best) = (score, statistics);
            }
            for (var i = 0; i < total.Length; i++) total[i] += best![i];
        }
        return Score(total, options.Beta);
    }

    /// <summary>chrF of one text, 0 to 100.</summary>
    public static double Sentence(string hypothesis, string reference, ChrFOptions? options = null) => Corpus([hypothesis], [[reference]], options);

    /// <summary>chrF from summed parts, as <see cref="Parts"/> gives them.</summary>
    public static double OfParts(ReadOnlySpan<double> parts, ChrFOptions? options = null) => Score(parts.ToArray(), (options ?? new ChrFOptions()).Beta);

    /// <summary>What one text adds to a corpus: for each order the n-grams of text, reference and both.</summary>
    public static double[] Parts(string hypothesis, string reference, ChrFOptions? options = null) =>
        Match(Grams(hypothesis, options ?? new ChrFOptions()), Grams(reference, options ?? new ChrFOptions()));

    private static Dictionary<string, int>[] Grams(string text, ChrFOptions options)
    {
        if (options.IsLowercase) text = text.ToLowerInvariant();
        var characters = NGrams.Characters(options.KeepsWhitespace ? text : string.Concat(NGrams.Words(text)));
        string[] words = options.WordOrder == 0 ? [] : [.. NGrams.Words(text).SelectMany(SplitPunctuation)];
        return [.. Enumerable.Range(1, options.CharacterOrder).Select(n => NGrams.Count(characters, n)),
            .. Enumerable.Range(1, options.WordOrder).Select(n => NGrams.Count(words, n))];
    }

    /// <summary>"man." becomes "man", "."; one mark only, the last before the first.</summary>
    private static string[] SplitPunctuation(string word)
    {
        if (word.Length == 1) return [word];
        if (Punctuation.Contains(word[^1], StringComparison.Ordinal)) return [word[..^1], word[^1..]];
        return Punctuation.Contains(word[0], StringComparison.Ordinal) ? [word[..1], word[1..]] : [word];
    }

    private static double[] Match(Dictionary<string, int>[] hypothesis, Dictionary<string, int>[] reference) =>
        [.. hypothesis.Zip(reference).SelectMany(pair => new double[]
        {
            pair.Second.Count == 0 ? 0 : pair.First.Values.Sum(), pair.Second.Values.Sum(), NGrams.Overlap(pair.First, pair.Second),
        })];

    /// <summary>F-beta of the mean precision and recall over the orders that both sides have.</summary>
    private static double Score(double[] statistics, double beta)
    {
        double precision = 0, recall = 0, orders = 0;
        for (var k = 0; k < statistics.Length; k += 3)
        {
            if (statistics[k] == 0 || statistics[k + 1] == 0) continue;
            precision += statistics[k + 2] / statistics[k];
            recall += statistics[k + 2] / statistics[k + 1];
            orders++;
        }
        return orders == 0 ? 0 : 100 * Classification.FBeta(precision / orders, recall / orders, beta);
    }
}
