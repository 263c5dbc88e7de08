namespace Pilothouse.Statistics;

/// <summary>Precision, recall, F1 of one class or an average of classes; 0 where undefined (scikit-learn's convention).</summary>
public sealed record ClassScores(double Precision, double Recall, double F1);

/// <summary>Scores of predicted labels.</summary>
/// <param name="Labels">All labels of truth and predictions, in ordinal order.</param>
/// <param name="Confusion">Counts, rows = truth, columns = prediction.</param>
/// <param name="PerClass">Scores of each label.</param>
/// <param name="Accuracy">Share of right predictions.</param>
/// <param name="BalancedAccuracy">Mean recall of the labels that occur in the truth.</param>
/// <param name="Mcc">Matthews correlation, -1 to 1; 0 where undefined.</param>
/// <param name="Macro">Unweighted mean over labels.</param>
/// <param name="Micro">From pooled counts (equals accuracy for single-label data).</param>
/// <param name="Weighted">Mean over labels weighted by their number in the truth.</param>
public sealed record ClassificationReport(
    string[] Labels, long[][] Confusion, ClassScores[] PerClass, double Accuracy, double BalancedAccuracy, double Mcc,
    ClassScores Macro, ClassScores Micro, ClassScores Weighted)
{
    /// <summary>Number of items of each label in the truth.</summary>
    public long[] Support => [.. Confusion.Select(r => r.Sum())];

    /// <summary>Macro F-beta: recall counts beta times as much as precision.</summary>
    public double MacroF(double beta) => PerClass.Average(c => Classification.FBeta(c.Precision, c.Recall, beta));
}

/// <summary>Quality of classifiers: labels, and scores of a positive class.</summary>
public static class Classification
{
    /// <summary>scikit-learn's clip of probabilities before the logarithm.</summary>
    private const double Epsilon = 2.220446049250313e-16;

    /// <summary>All scores of predicted labels.</summary>
    public static ClassificationReport Report(IReadOnlyList<string> truth, IReadOnlyList<string> predicted)
    {
        Check.SameLength(truth.Count, predicted.Count);
        Check.NotEmpty(truth.Count, nameof(truth));
        string[] labels = [.. truth.Concat(predicted).Distinct().Order(StringComparer.Ordinal)];
        var index = labels.Select((label, k) => (label, k)).ToDictionary(x => x.label, x => x.k, StringComparer.Ordinal);
        var confusion = labels.Select(_ => new long[labels.Length]).ToArray();
        for (var k = 0; k < truth.Count; k++) confusion[index[truth[k]]][index[predicted[k]]]++;

        double n = truth.Count;
        double[] support = [.. confusion.Select(r => (double)r.Sum())];
        double[] guessed = [.. labels.Select((_, j) => (double)confusion.Sum(r => r[j]))];
        double[] right = [.. labels.Select((_, j) => (double)confusion[j][j])];
        ClassScores[] classes = [.. labels.Select((_, j) => Scores(right[j], guessed[j], support[j]))];
        ClassScores Average(Func<int, double> weight)
        {
            var total = Enumerable.Range(0, labels.Length).Sum(weight);
            double Mean(Func<ClassScores, double> score) => classes.Select((c, j) => weight(j) * score(c)).Sum() / total;
            return new ClassScores(Mean(c => c.Precision), Mean(c => c.Recall), Mean(c => c.F1));
        }
        var all = right.Sum();
        var cross = support.Zip(guessed, (s, g) => s * g).Sum();
        var spread = (n * n - support.Sum(s => s * s)) * (n * n - guessed.Sum(g => g * g));
        return new ClassificationReport(labels, confusion, classes, all / n,
            classes.Where((_, j) => support[j] > 0).Average(c => c.Recall), spread == 0 ? 0 : (all * n - cross) / Math.Sqrt(spread),
            Average(_ => 1), Scores(all, n, n), Average(j => support[j]));
    }

    /// <summary>Area under the ROC curve of a positive class (ties count one half); NaN with one class only.</summary>
    public static double Auroc(IReadOnlyList<bool> truth, ReadOnlySpan<double> scores)
    {
        Check.SameLength(truth.Count, scores.Length);
        var ranks = Ranks.Average(scores, out _);
        double positives = truth.Count(t => t), sum = 0;
        for (var k = 0; k < truth.Count; k++) sum += truth[k] ? ranks[k] : 0;
        var pairs = positives * (truth.Count - positives);
        return pairs == 0 ? double.NaN : (sum - positives * (positives + 1) / 2) / pairs;
    }

    /// <summary>ROC points from (0, 0) to (1, 1), one per distinct score, from the highest score down.</summary>
    public static IReadOnlyList<(double FalsePositiveRate, double TruePositiveRate)> Roc(IReadOnlyList<bool> truth, ReadOnlySpan<double> scores)
    {
        double positives = truth.Count(t => t), negatives = truth.Count - positives;
        return [(0, 0), .. Steps(truth, scores).Select(s => (s.FalsePositives / negatives, s.TruePositives / positives))];
    }

    /// <summary>Average precision: step-wise sum of precision times the gain in recall.</summary>
    public static double AveragePrecision(IReadOnlyList<bool> truth, ReadOnlySpan<double> scores)
    {
        double positives = truth.Count(t => t), sum = 0, before = 0;
        foreach (var (fp, tp) in Steps(truth, scores))
        {
            sum += (tp - before) / positives * (tp / (tp + fp));
            before = tp;
        }
        return sum;
    }

    /// <summary>Mean squared difference of probability and outcome, 0 to 1, lower is better.</summary>
    public static double Brier(IReadOnlyList<bool> truth, ReadOnlySpan<double> probabilities)
    {
        Check.SameLength(truth.Count, probabilities.Length);
        var sum = 0.0;
        for (var k = 0; k < truth.Count; k++) sum += Math.Pow(probabilities[k] - (truth[k] ? 1 : 0), 2);
        return sum / truth.Count;
    }

    /// <summary>Mean negative log-likelihood in nats, probabilities clipped to [2.2e-16, 1 - 2.2e-16].</summary>
    public static double LogLoss(IReadOnlyList<bool> truth, ReadOnlySpan<double> probabilities)
    {
        Check.SameLength(truth.Count, probabilities.Length);
        var sum = 0.0;
        for (var k = 0; k < truth.Count; k++)
        {
            var p = Math.Clamp(probabilities[k], Epsilon, 1 - Epsilon);
            sum -= Math.Log(truth[k] ? p : 1 - p);
        }
        return sum / truth.Count;
    }

    /// <summary>Mean negative log-likelihood of several classes; rows are divided by their sum, then clipped.</summary>
    public static double LogLoss(IReadOnlyList<int> truth, IReadOnlyList<double[]> probabilities)
    {
        Check.SameLength(truth.Count, probabilities.Count);
        return truth.Select((t, k) => -Math.Log(Math.Clamp(probabilities[k][t] / probabilities[k].Sum(), Epsilon, 1 - Epsilon))).Average();
    }

    /// <summary>F-beta from precision and recall; 0 where undefined.</summary>
    public static double FBeta(double precision, double recall, double beta)
    {
        var square = beta * beta;
        var below = square * precision + recall;
        return below == 0 ? 0 : (1 + square) * precision * recall / below;
    }

    private static ClassScores Scores(double right, double guessed, double support)
    {
        double precision = guessed == 0 ? 0 : right / guessed, recall = support == 0 ? 0 : right / support;
        return new ClassScores(precision, recall, FBeta(precision, recall, 1));
    }

    private static List<(double FalsePositives, double TruePositives)> Steps(IReadOnlyList<bool> truth, ReadOnlySpan<double> scores)
    {
        Check.SameLength(truth.Count, scores.Length);
        var values = scores.ToArray();
        int[] order = [.. Enumerable.Range(0, values.Length).OrderByDescending(k => values[k])];
        List<(double, double)> steps = [];
        double fp = 0, tp = 0;
        for (var k = 0; k < order.Length; k++)
        {
            if (truth[order[k]]) tp++;
            else fp++;
            if (k + 1 == order.Length || values[order[k + 1]] != values[order[k]]) steps.Add((fp, tp));
        }
        return steps;
    }
}
