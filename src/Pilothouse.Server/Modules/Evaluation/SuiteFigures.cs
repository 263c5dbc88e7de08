using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>What a report says of a suite beside its scores: classes, tokens and time, judges, repeats.</summary>
internal static class SuiteFigures
{
    private const string NoAnswer = "(no answer)";

    private const int Bins = 10;

    /// <summary>Cases named as unstable.</summary>
    private const int MaxUnstable = 100;

    /// <summary>A classifier's figures by class; null for generative models. With two labels the second is the positive class.</summary>
    public static ClassificationTable? Classes(SuitePlan plan, IReadOnlyList<Answer> answers)
    {
        if (plan.Candidate.Entry.Kind != ModelKind.Classifier || plan.Cases.Any(c => c.Expected is null)) return null;
        var truth = plan.Cases.Select(c => c.Expected!.Trim()).ToArray();
        var report = Classification.Report(truth, [.. answers.Select(a => a.Failed ? NoAnswer : a.Output)]);
        double? auroc = null, brier = null, calibration = null;
        if (answers.All(a => a.Probabilities is { Count: 2 }))
        {
            var positive = answers[0].Probabilities!.Last().Key;
            bool[] isPositive = [.. truth.Select(t => t == positive)];
            double[] p = [.. answers.Select(a => Math.Clamp(a.Probabilities!.GetValueOrDefault(positive), 0, 1))];
            (auroc, brier, calibration) = (Finite(Classification.Auroc(isPositive, p)), Classification.Brier(isPositive, p), Calibration.Expected(Calibration.EqualWidth(isPositive, p, Bins)));
        }
        return new ClassificationTable(report.Labels, report.Confusion, [.. report.Labels.Select((label, k) => new ClassRow(label, report.PerClass[k].Precision, report.PerClass[k].Recall, report.PerClass[k].F1, report.Support[k]))],
            report.Accuracy, report.BalancedAccuracy, report.Macro.F1, report.Mcc, auroc, brier, calibration);
    }

    /// <summary>Tokens, latency and cost of all answers; null when no engine said anything.</summary>
    public static UsageFigures? Usage(IReadOnlyList<Answer> answers, TokenPrice? price)
    {
        CallUsage[] known = [.. answers.Select(a => a.Usage).OfType<CallUsage>()];
        if (known.Length == 0) return null;
        double[] times = [.. known.Select(u => u.Milliseconds).Order()];
        var (prompt, completion) = (known.Sum(u => (long)u.PromptTokens), known.Sum(u => (long)u.CompletionTokens));
        return new UsageFigures(prompt, completion, times[(times.Length - 1) / 2], times[(int)Math.Ceiling(0.95 * times.Length) - 1], price?.Of(prompt, completion));
    }

    public static IReadOnlyList<JudgeAgreement>? Agreement(IReadOnlyList<ScoreColumn> columns) =>
        columns.SelectMany(c => c.Agreement.Select(a => new JudgeAgreement(c.Scorer, a.Judge, a.With, Finite(a.Alpha), a.Units))).ToArray() is { Length: > 0 } all ? all : null;

    /// <summary>Cases whose repeats were scored differently.</summary>
    public static IReadOnlyList<string>? Unstable(SuitePlan plan, IReadOnlyList<ScoreColumn> columns) => plan.Repeats == 1 ? null
        : [.. plan.Cases.Where((_, i) => columns.Any(c => c.Unstable?[i] == true)).Select(c => c.Id).Take(MaxUnstable)];

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;
}
