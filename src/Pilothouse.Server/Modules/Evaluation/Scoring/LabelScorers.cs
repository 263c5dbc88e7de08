using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform.Projects;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>F1 and Matthews correlation of labels: right or wrong for one answer, the figure for all.</summary>
internal sealed class LabelScorer(ScorerEntry entry) : AnswerScorer, ICorpusScorer
{
    public double Span => entry.Type == ScorerType.Mcc ? 2 : 1;

    public ItemStatistic Statistic(IReadOnlyList<Scored> answers, int repeats)
    {
        string Truth(Scored s) => s.Case.Expected?.Trim() ?? "";
        // An answer that is missing is a label of its own, which is never right; the base line's counts as right.
        string Predicted(Scored s) => s.Answer.Failed ? (s.IsBaseline ? Truth(s) : "\0") : s.Answer.Output.Trim();
        string[] labels = [.. answers.Select(Truth).Concat(answers.Select(Predicted)).Distinct().Order(StringComparer.Ordinal)];
        var index = labels.Select((label, k) => (label, k)).ToDictionary(l => l.label, l => l.k, StringComparer.Ordinal);
        (int Truth, int Predicted)[] pairs = [.. answers.Select(a => (index[Truth(a)], index[Predicted(a)]))];
        var positive = entry.Label is { } label ? (index.TryGetValue(label, out var known) ? known : -1) : Positive(answers, index);
        return items =>
        {
            var confusion = new Confusion(labels.Length);
            foreach (var item in items)
                for (var r = 0; r < repeats; r++) confusion.Add(pairs[item * repeats + r].Truth, pairs[item * repeats + r].Predicted);
            return entry.Type == ScorerType.Mcc ? confusion.Mcc() : positive is { } one ? (one < 0 ? double.NaN : confusion.F1(one)) : confusion.MacroF1();
        };
    }

    protected override Score One(ModelSubject model, Scored answer) => Score.Of(answer.Answer.Output.Trim() == answer.Case.Expected?.Trim());

    /// <summary>With two labels in the model's config the second one is the positive class; with more there is none, and the mean counts.</summary>
    private static int? Positive(IReadOnlyList<Scored> answers, Dictionary<string, int> index) =>
        answers.Select(a => a.Answer.Probabilities).FirstOrDefault(p => p is not null) is { Count: 2 } probabilities && index.TryGetValue(probabilities.Last().Key, out var positive) ? positive : null;
}

/// <summary>AUROC and calibration of a classifier's probabilities.</summary>
internal sealed class ProbabilityScorer(ScorerEntry entry) : AnswerScorer, ICorpusScorer
{
    public ItemStatistic Statistic(IReadOnlyList<Scored> answers, int repeats)
    {
        var labels = answers.Select(a => a.Answer.Probabilities).FirstOrDefault(p => p is not null)?.Keys.ToArray() ?? [];
        string[] positives = entry.Label is { } label ? [label] : labels.Length == 2 ? [labels[^1]] : labels;
        if (positives.Length == 0 || (entry.Label is not null && !labels.Contains(entry.Label))) return _ => double.NaN;
        if (entry.Type == ScorerType.Auroc)
        {
            var curves = positives.Select(p => Curve(answers, p)).ToArray();
            return items =>
            {
                var sum = 0.0;
                foreach (var curve in curves) sum += curve(items);
                return sum / curves.Length;
            };
        }
        // One positive label: is "0.8" right in 80 %? Several: is the chosen label right as often as its probability says (Guo et al. 2017)?
        (double P, double Right)[] pairs = positives.Length == 1 ? [.. answers.Select(a => (Probability(a, positives[0]), a.Case.Expected?.Trim() == positives[0] ? 1.0 : 0))]
            : [.. answers.Select(a => Chosen(a))];
        return items =>
        {
            var (count, sum, right) = (new double[entry.Bins], new double[entry.Bins], new double[entry.Bins]);
            foreach (var item in items)
            {
                var bin = Math.Min((int)(pairs[item].P * entry.Bins), entry.Bins - 1);
                count[bin]++;
                sum[bin] += pairs[item].P;
                right[bin] += pairs[item].Right;
            }
            var gap = 0.0;
            for (var b = 0; b < entry.Bins; b++) gap += Math.Abs(right[b] - sum[b]);
            return 1 - gap / items.Length;
        };
    }

    protected override Score One(ModelSubject model, Scored answer) => answer.Answer.Probabilities is not { } probabilities ? Score.Without("The engine gave no probabilities.")
        : answer.Case.Expected?.Trim() is { } truth && probabilities.TryGetValue(truth, out var p) ? new Score(p) : Score.Without($"The reference '{answer.Case.Expected}' is none of the model's labels: {string.Join(", ", probabilities.Keys.Take(10))}.");

    private static (double, double) Chosen(Scored a)
    {
        if (a.Answer.Probabilities is not { } probabilities) return a.IsBaseline ? (1, 1) : (1, 0);
        var best = probabilities.MaxBy(p => p.Value);
        return (best.Value, best.Key == a.Case.Expected?.Trim() ? 1 : 0);
    }

    /// <summary>A missing answer is as wrong as can be for the candidate, and as right for the base line.</summary>
    private static double Probability(Scored a, string label)
    {
        if (a.Answer.Probabilities?.TryGetValue(label, out var p) == true) return Math.Clamp(p, 0, 1);
        return a.Case.Expected?.Trim() == label == a.IsBaseline ? 1 : 0;
    }

    /// <summary>Area under the curve of one label against the rest (Hanley and McNeil 1982), by the ranks of one sorting: an item drawn twice counts twice.</summary>
    private static ItemStatistic Curve(IReadOnlyList<Scored> answers, string label)
    {
        var scores = answers.Select(a => Probability(a, label)).ToArray();
        var truth = answers.Select(a => a.Case.Expected?.Trim() == label).ToArray();
        int[] order = [.. Enumerable.Range(0, scores.Length).OrderBy(i => scores[i])];
        return items =>
        {
            var times = new int[scores.Length];
            foreach (var item in items) times[item]++;
            double negatives = 0, positives = 0, area = 0;
            for (var k = 0; k < order.Length;)
            {
                double positive = 0, negative = 0;
                for (var score = scores[order[k]]; k < order.Length && scores[order[k]] == score; k++)
                {
                    if (truth[order[k]]) positive += times[order[k]];
                    else negative += times[order[k]];
                }
                area += positive * (negatives + negative / 2);
                (positives, negatives) = (positives + positive, negatives + negative);
            }
            return positives * negatives == 0 ? double.NaN : area / (positives * negatives);
        };
    }
}

/// <summary>1 minus the Brier score (1950): half the squared distance of the probabilities from what was true, so that two labels give (p - y)^2.</summary>
internal sealed class BrierScorer : AnswerScorer
{
    protected override Score One(ModelSubject model, Scored answer)
    {
        if (answer.Answer.Probabilities is not { } probabilities) return Score.Without("The engine gave no probabilities.");
        var truth = answer.Case.Expected?.Trim() ?? "";
        if (!probabilities.ContainsKey(truth)) return Score.Without($"The reference '{truth}' is none of the model's labels: {string.Join(", ", probabilities.Keys.Take(10))}.");
        return new Score(1 - 0.5 * probabilities.Sum(p => Math.Pow(p.Value - (p.Key == truth ? 1 : 0), 2)));
    }
}
