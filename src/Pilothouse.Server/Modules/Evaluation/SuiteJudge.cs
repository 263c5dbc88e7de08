using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;
using GateResult = Pilothouse.Protocols.V1.GateResult;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Turns the answers of one suite into scores, intervals and gate results. Pure.</summary>
internal sealed class SuiteJudge(SuitePlan plan, IReadOnlyList<Answer> candidate, IReadOnlyList<Answer>? baseline, IReadOnlyList<ScoreColumn> columns, double maxFailedShare)
{
    private const double ReportConfidence = 0.95;

    private const int MaxDifferences = 100;

    private readonly ScoreColumn[] _columns = [.. columns];

    /// <summary>Of the cases that count: quarantined ones are asked and reported, but decide nothing.</summary>
    private readonly ScoreColumn[] _counted = [.. columns.Select(c => c.Of(plan.Counted))];

    /// <summary>The suite's result; its gates are not yet adjusted for their number.</summary>
    /// <param name="flaky">Cases that flicker, by the history of the suite.</param>
    public SuiteResult Result(IReadOnlyList<GateResult> gates, LookResult? looks = null, IReadOnlyList<FlakyCase>? flaky = null) => new(plan.Name, plan.Candidate.Reference, plan.Baseline?.Reference, plan.Data.Reference, plan.Cases.Count, [.. _counted.Select(Score)], gates,
        Differences(), plan.Data.Digest, plan.Candidate.Digest, plan.Baseline?.Digest, plan.Candidate.PromptDigest, candidate.Count(a => a.Failed), baseline?.Count(a => a.Failed) ?? 0,
        candidate.Count(a => a.IsCached) + (baseline?.Count(a => a.IsCached) ?? 0), plan.Entry.Cluster is null ? null : plan.Cases.Select(c => c.Cluster).Distinct().Count(), [.. plan.Notes, .. Moved(), .. Masked()], plan.Registered, plan.Repeats, SuiteFigures.Classes(plan, candidate), SuiteFigures.Usage(candidate, plan.Candidate.Entry.Price),
        baseline is null ? null : SuiteFigures.Usage(baseline, plan.Baseline!.Entry.Price), SuiteFigures.Agreement(_columns), SuiteFigures.Unstable(plan, _columns), SuiteSlices.Of(plan, _columns), looks,
        plan.Quarantined.Count == 0 ? null : [.. plan.Cases.Where(c => plan.Quarantined.Contains(c.Id)).Select(c => c.Id)], plan.OwnBaseline, flaky is { Count: > 0 } ? flaky : null);

    /// <summary>One gate at a look: PASS at one level, FAIL at another.</summary>
    public GateResult GateAt(GateEntry gate, double passLevel, double failLevel, int look, bool isLast)
    {
        GateResult At(double level) => Judge(gate with { Confidence = 1 - level });
        var unknown = Judge(gate);
        if (unknown.Verdict is VerdictRules.Invalid or VerdictRules.Skipped) return unknown;
        if (gate.Type == GateType.Every) return isLast || unknown.Verdict == VerdictRules.Fail ? unknown : unknown with { Verdict = VerdictRules.Inconclusive, Reason = $"{unknown.Reason} Not all cases have been asked." };
        GateResult Named(GateResult result) => result with { Confidence = gate.Confidence, Method = $"{result.Method}, look {look} by O'Brien-Fleming spending" };
        if (passLevel >= Statistics.GroupSequential.LeastLevel && At(passLevel) is { Verdict: VerdictRules.Pass } passed) return Named(passed);
        if (failLevel >= Statistics.GroupSequential.LeastLevel && At(failLevel) is { Verdict: VerdictRules.Fail } failed) return Named(failed);
        var open = passLevel >= Statistics.GroupSequential.LeastLevel ? At(passLevel) : unknown;
        return Named(open with { Verdict = VerdictRules.Inconclusive, Reason = open.Verdict == VerdictRules.Inconclusive ? open.Reason : $"{open.Reason} At this look that is not yet enough." });
    }

    /// <summary>What an <c>every</c> gate says new failures are: single cases that changed sides since the base line. Where either side has no score, nothing is known.</summary>
    private IEnumerable<string> Moved()
    {
        const int MaxNamed = 10;
        foreach (var gate in plan.Entry.Gates.Where(g => g.Type == GateType.Every))
        {
            if (Find(gate) is not { Baseline: { } before } column || column.Ids.Count != before.Length) continue;
            var least = (gate.Min ?? 1) - 1e-9;
            string[] Of(Func<int, bool> moved) => [.. Enumerable.Range(0, before.Length).Where(i => column.Errors.ElementAtOrDefault(i) is null && column.BaselineErrors?.ElementAtOrDefault(i) is null && moved(i)).Select(i => column.Ids[i])];
            string Named(string[] ids) => ids.Length == 0 ? "" : $" ({string.Join(", ", ids.Take(MaxNamed))}{(ids.Length > MaxNamed ? ", ..." : "")})";
            var (broken, mended) = (Of(i => column.Candidate[i] < least && before[i] >= least), Of(i => column.Candidate[i] >= least && before[i] < least));
            yield return $"{column.Scorer}, since the base line: {broken.Length} cases fail that passed{Named(broken)}, {mended.Length} pass that failed{Named(mended)}.";
        }
    }

    /// <summary>Answers from which secrets were taken before anything was stored: no scorer saw them, and the reader has to know.</summary>
    private IEnumerable<string> Masked()
    {
        string[] masked = [.. plan.Cases.Where((_, i) => Enumerable.Range(i * plan.Repeats, plan.Repeats).Any(k => candidate[k].Output.Contains(SecretMask.Mark, StringComparison.Ordinal))).Select(c => c.Id)];
        if (masked.Length > 0) yield return $"The candidate's answers to {masked.Length} cases held secrets, which were masked before anything was scored or stored: {string.Join(", ", masked.Take(10))}{(masked.Length > 10 ? ", ..." : "")}.";
    }

    /// <summary>Gates with the p-value of "the gate holds", for the adjustment over all suites.</summary>
    public IReadOnlyList<(GateResult Gate, Func<double> FailureP)> Gates() => [.. plan.Entry.Gates.Select(gate => (Judge(gate), (Func<double>)(() => GateJudge.FailurePValue(gate, Find(gate)))))];

    /// <summary>Right or wrong, of the cases that were asked anew and could be judged; null when there are none.</summary>
    public SuiteVerdicts? Verdicts()
    {
        if (_columns is not [var column, ..]) return null;
        var least = plan.Entry.Gates.FirstOrDefault(g => g.Type == GateType.Every && g.Scorer == column.Scorer)?.Min is { } min ? min - 1e-9 : FlakeRule.Right;
        int[] known = [.. Enumerable.Range(0, plan.Cases.Count).Where(i => (column.Errors.Count == 0 || column.Errors[i] is null) && Enumerable.Range(i * plan.Repeats, plan.Repeats).All(k => candidate[k] is { IsCached: false, Failed: false }))];
        return known.Length == 0 ? null : new SuiteVerdicts(plan.Name, Target(), FlakeRule.Pack(known.Select(i => (FlakeRule.KeyOf(plan.Cases[i]), column.Candidate[i] >= least))));
    }

    /// <summary>Everything but the cases that decides what is answered and how it is judged.</summary>
    private string Target()
    {
        var (model, scorer) = (plan.Candidate, plan.Scorers[0]);
        return "sha256:" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(new object?[]
        {
            model.Digest ?? model.Reference, model.PromptDigest, model.Parameters.OrderBy(p => p.Key, StringComparer.Ordinal), plan.Entry.Tools, plan.Repeats, scorer.Entry.Name, scorer.Entry.Definition(), scorer.Material,
        })));
    }

    /// <summary>Key of each case in the history, with its id.</summary>
    public IEnumerable<(string Key, string Id)> Keys() => plan.Cases.Select(c => (FlakeRule.KeyOf(c), c.Id));

    public IEnumerable<EvaluationCase> Cases(int firstIndex, IReadOnlySet<string> flaky)
    {
        for (var i = 0; i < plan.Cases.Count; i++)
        {
            var (input, one, other) = (plan.Cases[i], First(candidate, i), baseline is null ? null : First(baseline, i));
            yield return new EvaluationCase(firstIndex + i, plan.Name, input.Id, input.Cluster, input.Input, input.Expected, one.Output, one.Error, other?.Output, other?.Error, Outcome(i),
                _columns.ToDictionary(c => c.Scorer, c => c.Candidate[i]), other is null ? null : _columns.ToDictionary(c => c.Scorer, c => c.Baseline![i]),
                Said(c => c.Errors, i), Said(c => c.Notes, i), one.Usage?.Milliseconds, one.Usage?.CompletionTokens, one.Usage?.Cost(plan.Candidate.Entry.Price), _columns.Any(c => c.Unstable?[i] == true) ? true : null, plan.Quarantined.Contains(input.Id) ? true : null, flaky.Contains(input.Id) ? true : null);
        }
    }

    /// <summary>The answer that stands for a case: the first that is one.</summary>
    private Answer First(IReadOnlyList<Answer> answers, int i)
    {
        for (var r = 0; r < plan.Repeats; r++)
            if (!answers[i * plan.Repeats + r].Failed) return answers[i * plan.Repeats + r];
        return answers[i * plan.Repeats];
    }

    private Dictionary<string, string>? Said(Func<ScoreColumn, IReadOnlyList<string?>> of, int i) =>
        _columns.Where(c => of(c).Count > i && of(c)[i] is not null).ToDictionary(c => c.Scorer, c => of(c)[i]!) is { Count: > 0 } said ? said : null;

    private ScoreColumn Find(GateEntry gate) => _counted.First(c => c.Scorer == gate.Scorer);

    private GateResult Judge(GateEntry gate)
    {
        var compares = gate.Type == GateType.NonInferiority;
        if (plan.Invalid is { } invalid) return GateJudge.Without(gate, VerdictRules.Invalid, invalid);
        if (TooManyFailed("candidate", candidate) is { } fault) return GateJudge.Without(gate, VerdictRules.Invalid, fault);
        if (compares && plan.Fault is { } incomparable) return GateJudge.Without(gate, VerdictRules.Invalid, incomparable);
        if (compares && baseline is null) return GateJudge.Without(gate, VerdictRules.Skipped, "Skipped: there is no base line to compare with.");
        if (compares && TooManyFailed("base line", baseline!) is { } baseFault) return GateJudge.Without(gate, VerdictRules.Invalid, baseFault);
        var column = Find(gate);
        if (TooManyWithout("candidate's answers", gate, column.Errors) is { } unscored) return GateJudge.Without(gate, VerdictRules.Invalid, unscored);
        if (compares && TooManyWithout("base line's answers", gate, column.BaselineErrors ?? []) is { } baseUnscored) return GateJudge.Without(gate, VerdictRules.Invalid, baseUnscored);
        if (Distrusted(column) is { } distrusted) return GateJudge.Without(gate, VerdictRules.Invalid, distrusted);
        return GateJudge.Judge(gate, column);
    }

    private string? TooManyWithout(string whose, GateEntry gate, IReadOnlyList<string?> errors)
    {
        var failed = errors.Count(e => e is not null);
        return failed <= errors.Count * maxFailedShare ? null
            : FormattableString.Invariant($"{gate.Scorer} could not score {failed} of {errors.Count} of the {whose} (at most {maxFailedShare:P0} may be missing). First error: {First(errors)}");
    }

    /// <summary>A judge that does not agree with people decides nothing.</summary>
    private static string? Distrusted(ScoreColumn column)
    {
        if (column.MinAlpha is not { } least) return null;
        var people = column.Agreement.Where(a => a.With == "people").ToArray();
        if (people.Length == 0) return $"{column.Scorer} demands agreement with people (min_alpha), but no case has a person's grade.";
        return people.FirstOrDefault(a => !(a.Alpha >= least)) is { } poor
            ? FormattableString.Invariant($"{column.Scorer}: the judge {poor.Judge} agrees too little with people (Krippendorff's alpha {poor.Alpha:0.00} on {poor.Units} cases, {least:0.00} is demanded).") : null;
    }

    /// <summary>The first error that explains something.</summary>
    private static string? First(IEnumerable<string?> errors) => errors.Where(e => e is not null).OrderBy(e => e == AnswerSource.NotAsked ? 1 : 0).FirstOrDefault();

    private string? TooManyFailed(string whose, IReadOnlyList<Answer> answers)
    {
        var failed = answers.Count(a => a.Failed);
        if (failed <= answers.Count * maxFailedShare) return null;
        return FormattableString.Invariant($"The {whose}'s engine did not answer {failed} of {answers.Count} cases (at most {maxFailedShare:P0} may be missing). First error: {First(answers.Select(a => a.Error))}");
    }

    /// <summary>Two-sided 95 % intervals: the gates' own methods with each bound at 97.5 %.</summary>
    private static ScorerResult Score(ScoreColumn column)
    {
        const double Each = 1 - (1 - ReportConfidence) / 2;
        var failed = column.Errors.Count(e => e is not null);
        if (column.Corpus is { } corpus)
        {
            var (now, change) = (corpus.Candidate.Value, corpus.Difference?.Value);
            return new ScorerResult(column.Scorer, now.Value, now.Lower(Each), now.Upper(Each), corpus.Baseline?.Value.Value, change?.Value, change?.Lower(Each), change?.Upper(Each), ReportConfidence,
                change is null ? now.Method : $"{now.Method}; difference p {GateJudge.P(Statistics.CorpusGates.PValueOfNoDifference(change))}", failed,
                Statistics.CorpusGates.Decide(change ?? now, 0, ReportConfidence, isStrict: false).MinimumDetectableEffect);
        }
        var own = Statistics.Gates.Floor(column.Candidate, 0, Each, column.Clusters);
        var difference = column.Baseline is null ? null : Statistics.Gates.NonInferiority(column.Candidate, column.Baseline, 0, Each, column.Clusters);
        return new ScorerResult(column.Scorer, own.Value, own.Interval.Lower, own.Interval.Upper, difference?.BaselineMean, difference?.Value, difference?.Interval.Lower, difference?.Interval.Upper,
            ReportConfidence, difference is null ? own.Method : $"{own.Method}; difference: {difference.Method}, {difference.Difference.Method} p {GateJudge.P(difference.Difference.PValue)}", failed,
            difference is null ? Statistics.Gates.Floor(column.Candidate, 0, ReportConfidence, column.Clusters).MinimumDetectableEffect
                : Statistics.Gates.NonInferiority(column.Candidate, column.Baseline!, 0, ReportConfidence, column.Clusters).MinimumDetectableEffect);
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
            .Select(i => new CaseResult(plan.Cases[i].Id, plan.Cases[i].Input, plan.Cases[i].Expected, Shown(First(candidate, i)), column.Candidate[i], Shown(First(baseline!, i)), before[i]))];
    }

    private static string Shown(Answer answer) => answer.Error is null ? answer.Output : $"(no answer: {answer.Error})";
}
