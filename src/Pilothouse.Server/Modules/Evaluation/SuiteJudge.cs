using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using GateResult = Pilothouse.Protocols.V1.GateResult;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Turns the answers of one suite into scores, intervals and gate results. Pure.</summary>
internal sealed class SuiteJudge(SuitePlan plan, IReadOnlyList<Answer> candidate, IReadOnlyList<Answer>? baseline, double maxFailedShare)
{
    private const double ReportConfidence = 0.95;

    private const int MaxDifferences = 100;

    private readonly ScoreColumn[] _columns = [.. plan.Entry.Scorers.Select(scorer => Column(plan, scorer, candidate, baseline))];

    /// <summary>The suite's result; its gates are not yet adjusted for their number.</summary>
    public SuiteResult Result(IReadOnlyList<GateResult> gates) => new(plan.Name, plan.Candidate.Reference, plan.Baseline?.Reference, plan.Data.Reference, plan.Cases.Count, [.. _columns.Select(Score)], gates,
        Differences(), plan.Data.Digest, plan.Candidate.Digest, plan.Baseline?.Digest, plan.Candidate.PromptDigest, candidate.Count(a => a.Failed), baseline?.Count(a => a.Failed) ?? 0,
        candidate.Count(a => a.IsCached) + (baseline?.Count(a => a.IsCached) ?? 0), plan.Entry.Cluster is null ? null : plan.Cases.Select(c => c.Cluster).Distinct().Count(), plan.Notes, plan.Registered);

    /// <summary>Gates with the p-value of "the gate holds", for the adjustment over all suites.</summary>
    public IReadOnlyList<(GateResult Gate, Func<double> FailureP)> Gates() => [.. plan.Entry.Gates.Select(gate => (Judge(gate), (Func<double>)(() => GateJudge.FailurePValue(gate, Find(gate)))))];

    public IEnumerable<EvaluationCase> Cases(int firstIndex)
    {
        for (var i = 0; i < plan.Cases.Count; i++)
        {
            var (input, one, other) = (plan.Cases[i], candidate[i], baseline?[i]);
            yield return new EvaluationCase(firstIndex + i, plan.Name, input.Id, input.Cluster, input.Input, input.Expected, one.Output, one.Error, other?.Output, other?.Error, Outcome(i),
                _columns.ToDictionary(c => c.Scorer, c => c.Candidate[i]), other is null ? null : _columns.ToDictionary(c => c.Scorer, c => c.Baseline![i]));
        }
    }

    private static ScoreColumn Column(SuitePlan plan, ScorerEntry entry, IReadOnlyList<Answer> candidate, IReadOnlyList<Answer>? baseline)
    {
        var score = Scorers.Compile(entry);
        // A case without an answer is scored against the candidate on both sides: what is missing must never improve a result.
        double[] Scores(IReadOnlyList<Answer> answers, double missing) => [.. answers.Select((a, i) => a.Failed ? missing : score(a.Output, plan.Cases[i].Expected))];
        return new ScoreColumn(entry.Name, Scores(candidate, 0), baseline is null ? null : Scores(baseline, 1), plan.Entry.Cluster is null ? null : [.. plan.Cases.Select(c => c.Cluster!)]);
    }

    private ScoreColumn Find(GateEntry gate) => _columns.First(c => c.Scorer == gate.Scorer);

    private GateResult Judge(GateEntry gate)
    {
        var compares = gate.Type == GateType.NonInferiority;
        if (TooManyFailed("candidate", candidate) is { } fault) return GateJudge.Without(gate, VerdictRules.Invalid, fault);
        if (compares && plan.Fault is { } incomparable) return GateJudge.Without(gate, VerdictRules.Invalid, incomparable);
        if (compares && baseline is null) return GateJudge.Without(gate, VerdictRules.Skipped, "Skipped: there is no base line to compare with.");
        if (compares && TooManyFailed("base line", baseline!) is { } baseFault) return GateJudge.Without(gate, VerdictRules.Invalid, baseFault);
        return GateJudge.Judge(gate, Find(gate));
    }

    private string? TooManyFailed(string whose, IReadOnlyList<Answer> answers)
    {
        var failed = answers.Count(a => a.Failed);
        if (failed <= answers.Count * maxFailedShare) return null;
        return FormattableString.Invariant($"The {whose}'s engine did not answer {failed} of {answers.Count} cases (at most {maxFailedShare:P0} may be missing). First error: {answers.First(a => a.Failed).Error}");
    }

    /// <summary>Two-sided 95 % intervals: the gates' own methods with each bound at 97.5 %.</summary>
    private static ScorerResult Score(ScoreColumn column)
    {
        const double Each = 1 - (1 - ReportConfidence) / 2;
        var own = Statistics.Gates.Floor(column.Candidate, 0, Each, column.Clusters);
        var difference = column.Baseline is null ? null : Statistics.Gates.NonInferiority(column.Candidate, column.Baseline, 0, Each, column.Clusters);
        return new ScorerResult(column.Scorer, own.Value, own.Interval.Lower, own.Interval.Upper, difference?.BaselineMean, difference?.Value, difference?.Interval.Lower, difference?.Interval.Upper,
            ReportConfidence, difference is null ? own.Method : $"{own.Method}; difference: {difference.Method}, {difference.Difference.Method} p {GateJudge.P(difference.Difference.PValue)}");
    }

    private string Outcome(int i)
    {
        if (_columns is not [{ Baseline: { } before } column, ..]) return "new";
        var change = column.Candidate[i] - before[i];
        return change < 0 ? "worsened" : change > 0 ? "improved" : "same";
    }

    private List<CaseResult> Differences()
    {
        if (_columns is not [{ Baseline: { } before } column, ..]) return [];
        return [.. Enumerable.Range(0, plan.Cases.Count).Where(i => column.Candidate[i] != before[i]).OrderBy(i => column.Candidate[i] - before[i]).ThenBy(i => i).Take(MaxDifferences)
            .Select(i => new CaseResult(plan.Cases[i].Id, plan.Cases[i].Input, plan.Cases[i].Expected, Shown(candidate[i]), column.Candidate[i], Shown(baseline![i]), before[i]))];
    }

    private static string Shown(Answer answer) => answer.Error is null ? answer.Output : $"(no answer: {answer.Error})";
}
