using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Evaluation.Scoring;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>One evaluation while it runs: asks the models, keeps progress, judges at the end.</summary>
internal sealed class EvaluationRun(EvaluationPlan plan, string id, RunBudget budget, AnswerSource source, EvaluationStore store, EvaluationOptions options, TimeProvider time)
{
    /// <summary>Answers written in one go.</summary>
    private const int BatchSize = 64;

    private static readonly TimeSpan WriteEvery = TimeSpan.FromMilliseconds(500);

    private readonly Lock _gate = new();
    private readonly List<(string Key, string Output)> _pending = [];
    private long _written = time.GetTimestamp();
    private int _done;

    /// <summary>Model calls done so far.</summary>
    public int Done => Volatile.Read(ref _done);

    public async Task<(string Verdict, string Reason, IReadOnlyList<SuiteResult> Suites, IReadOnlyList<EvaluationCase> Cases, IReadOnlyList<SuiteVerdicts> Verdicts)> RunAsync(CancellationToken ct)
    {
        var gates = plan.Suites.Sum(s => s.Entry.Gates.Count(g => g.Role == Protocols.ProjectFiles.GateRole.Primary));
        var judged = new List<JudgedSuite>();
        foreach (var suite in plan.Suites) judged.Add(suite.Entry.Looks.Count > 0 && suite.NeedsAnswers ? await LookAsync(suite, gates, ct) : await JudgeAsync(suite, ct));

        var adjusted = VerdictRules.AdjustFailures([.. judged.SelectMany(j => j.Gates)]);
        var suites = new List<SuiteResult>();
        var (cases, verdicts) = (new List<EvaluationCase>(), new List<SuiteVerdicts>());
        var at = 0;
        foreach (var one in judged)
        {
            var flaky = await FlakyAsync(one.Judge, verdicts, ct);
            suites.Add(one.Judge.Result([.. adjusted.Skip(at).Take(one.Gates.Count)], one.Looks, flaky));
            at += one.Gates.Count;
            cases.AddRange(one.Judge.Cases(cases.Count, flaky.Select(f => f.Case).ToHashSet(StringComparer.Ordinal)));
        }
        var (verdict, reason) = VerdictRules.Overall([.. suites.SelectMany(s => s.Gates.Select(g => (s.Name, g)))], plan.Faults);
        return (verdict, reason, suites, cases, verdicts);
    }

    /// <summary>Cases that flicker by the evaluations before and this one; its own verdicts are added to those that will be kept. A replay says nothing new.</summary>
    private async Task<IReadOnlyList<FlakyCase>> FlakyAsync(SuiteJudge judge, List<SuiteVerdicts> verdicts, CancellationToken ct)
    {
        if (EvaluationScope.Current?.Log is { IsReplay: true } || judge.Verdicts() is not { } own) return [];
        verdicts.Add(own);
        return FlakeRule.Find([.. await store.VerdictsAsync(plan.Project, own.Suite, own.Target, FlakeRule.Runs - 1, ct), own.Packed], judge.Keys());
    }

    private async Task<JudgedSuite> JudgeAsync(SuitePlan suite, CancellationToken ct)
    {
        var candidate = await AskAsync(suite, suite.Candidate, ct);
        var baseline = suite.ComparesBaseline ? await AskAsync(suite.AsBaseline, suite.Baseline!, ct) : null;
        budget.Require();
        var judge = new SuiteJudge(suite, candidate, baseline, await SuiteScoring.RunAsync(suite, candidate, baseline, ct), options.MaxFailedShare);
        return new JudgedSuite(judge, judge.Gates(), null);
    }

    /// <summary>Asks in a fixed random order and stops at the first look that decides.</summary>
    private async Task<JudgedSuite> LookAsync(SuitePlan suite, int gates, CancellationToken ct)
    {
        var looks = LookPlan.Of(suite);
        var sequential = new SequentialJudge(suite, looks, gates);
        var (own, other) = (new Answer[suite.Cases.Count][], new Answer[suite.Cases.Count][]);
        for (int look = 0, done = 0; ; look++)
        {
            int[] fresh = looks.Order[done..looks.Counts[look]], asked = [.. looks.Order[..looks.Counts[look]].Order()];
            done = looks.Counts[look];
            var part = suite with { Cases = [.. fresh.Select(i => suite.Cases[i])] };
            Place(own, fresh, await AskAsync(part, suite.Candidate, ct), suite.Repeats);
            if (suite.ComparesBaseline) Place(other, fresh, await AskAsync(part, suite.Baseline!, ct), suite.Repeats);
            budget.Require();
            var whole = suite with { Cases = [.. asked.Select(i => suite.Cases[i])] };
            Answer[] candidate = [.. asked.SelectMany(i => own[i])];
            Answer[]? baseline = suite.ComparesBaseline ? [.. asked.SelectMany(i => other[i])] : null;
            var judge = new SuiteJudge(whole, candidate, baseline, await SuiteScoring.RunAsync(whole, candidate, baseline, ct), options.MaxFailedShare);
            var stop = sequential.Look(look, judge);
            if (stop is not null || look == looks.Counts.Length - 1)
                return new JudgedSuite(judge, sequential.Judged, new LookResult(look + 1, looks.Counts.Length, done, suite.Cases.Count, stop));
        }
    }

    private static void Place(Answer[][] all, int[] cases, IReadOnlyList<Answer> answers, int repeats)
    {
        for (var k = 0; k < cases.Length; k++) all[cases[k]] = [.. answers.Skip(k * repeats).Take(repeats)];
    }

    private async Task<IReadOnlyList<Answer>> AskAsync(SuitePlan suite, ModelSubject model, CancellationToken ct)
    {
        if (!suite.NeedsAnswers) return [.. Enumerable.Repeat(Answer.NotAsked, suite.Cases.Count * suite.Repeats)];
        try
        {
            return await source.AskAsync(suite, model, new RunContext(id, plan.IsFresh, budget), FinishedAsync, ct);
        }
        finally
        {
            // What was paid for is kept, whatever stopped the asking.
            await WriteAsync(ct.IsCancellationRequested ? CancellationToken.None : ct);
        }
    }

    private async Task FinishedAsync((string Key, string Output)? answer, CancellationToken ct)
    {
        Interlocked.Increment(ref _done);
        lock (_gate)
        {
            if (answer is { } one) _pending.Add(one);
            if (_pending.Count < BatchSize && time.GetElapsedTime(_written) < WriteEvery) return;
        }
        await WriteAsync(ct);
    }

    private async Task WriteAsync(CancellationToken ct)
    {
        (string, string)[] batch;
        lock (_gate)
        {
            batch = [.. _pending];
            _pending.Clear();
            _written = time.GetTimestamp();
        }
        await store.ProgressAsync(id, Done, batch, ct);
    }

    /// <param name="Gates">With the p-value of "the gate holds", for the adjustment over all suites.</param>
    private sealed record JudgedSuite(SuiteJudge Judge, IReadOnlyList<(GateResult Gate, Func<double> FailureP)> Gates, LookResult? Looks);
}
