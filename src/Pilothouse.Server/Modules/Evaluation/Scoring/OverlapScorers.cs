using System.Text.RegularExpressions;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform.Projects;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>How much of the reference an answer has: words, n-grams, edits. 0 to 1; the formulas and their sources stand in Pilothouse.Statistics.</summary>
internal static partial class OverlapScorers
{
    /// <summary>Longer texts are compared by their beginning: the distance costs length times length.</summary>
    private const int MaxDistanceLength = 4_096;

    public static Func<string, string, Score> Of(ScorerEntry entry)
    {
        var bleu = new BleuOptions(IsLowercase: entry.IgnoreCase);
        var chrf = new ChrFOptions(IsLowercase: entry.IgnoreCase);
        return entry.Type switch
        {
            ScorerType.F1 => (answer, reference) => new Score(TokenF1(answer, reference)),
            ScorerType.Bleu => (answer, reference) => new Score(Bleu.Sentence(answer, [reference], bleu).Score / 100),
            ScorerType.Chrf => (answer, reference) => new Score(ChrF.Sentence(answer, reference, chrf) / 100),
            ScorerType.RougeN => (answer, reference) => new Score(Rouge.N(answer, reference, entry.N).F1),
            ScorerType.RougeL => (answer, reference) => new Score(Rouge.L(answer, reference).F1),
            ScorerType.Ter => (answer, reference) => new Score(Math.Max(0, 1 - Ter.Sentence(answer, reference) / 100)),
            ScorerType.EditSimilarity => (answer, reference) => new Score(EditDistance.Similarity(Beginning(answer), Beginning(reference))),
            _ => throw new ArgumentOutOfRangeException(nameof(entry), entry.Type, "No scorer of overlap."),
        };
    }

    /// <summary>Harmonic mean of precision and recall of words, as SQuAD's (Rajpurkar et al. 2016) but without dropping English articles. Case and punctuation do not count.</summary>
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

    private static string Beginning(string text) => text.Length <= MaxDistanceLength ? text : string.Concat(text.EnumerateRunes().Take(MaxDistanceLength));

    [GeneratedRegex(@"[\p{L}\p{N}]+", RegexOptions.NonBacktracking)]
    private static partial Regex WordPattern();
}

/// <summary>BLEU and chrF of all answers together: the parts of each are summed, the figure is made of the sums.</summary>
internal sealed class CorpusTextScorer(ScorerEntry entry) : AnswerScorer, ICorpusScorer
{
    private readonly bool _isBleu = entry.Type == ScorerType.CorpusBleu;
    private readonly BleuOptions _bleu = new(IsLowercase: entry.IgnoreCase);
    private readonly ChrFOptions _chrf = new(IsLowercase: entry.IgnoreCase);

    public ItemStatistic Statistic(IReadOnlyList<Scored> answers, int repeats)
    {
        var cases = new double[answers.Count / repeats][];
        for (var i = 0; i < answers.Count; i++)
        {
            var (one, reference) = (answers[i], answers[i].Case.Expected?.Trim() ?? "");
            var text = one.Answer.Failed ? (one.IsBaseline ? reference : "") : one.Answer.Output.Trim();
            var parts = _isBleu ? Bleu.Parts(text, reference, _bleu) : ChrF.Parts(text, reference, _chrf);
            var sum = cases[i / repeats] ??= new double[parts.Length];
            for (var k = 0; k < parts.Length; k++) sum[k] += parts[k];
        }
        return items =>
        {
            Span<double> total = stackalloc double[cases[0].Length];
            foreach (var item in items)
                for (var k = 0; k < total.Length; k++) total[k] += cases[item][k];
            return (_isBleu ? Bleu.OfParts(total, _bleu) : ChrF.OfParts(total, _chrf)) / 100;
        };
    }

    protected override Score One(ModelSubject model, Scored answer)
    {
        var (text, reference) = (answer.Answer.Output.Trim(), answer.Case.Expected?.Trim() ?? "");
        return new Score((_isBleu ? Bleu.Sentence(text, [reference], _bleu).Score : ChrF.Sentence(text, reference, _chrf)) / 100);
    }
}
