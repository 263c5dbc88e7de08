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

    public async Task<(string Verdict, string Reason, IReadOnlyList<SuiteResult> Suites, IReadOnlyList<EvaluationCase> Cases)> RunAsync(CancellationToken ct)
    {
        var judges = new List<(SuitePlan Plan, SuiteJudge Judge)>();
        foreach (var suite in plan.Suites)
        {
            var candidate = await AskAsync(suite, suite.Candidate, ct);
            var baseline = suite.ComparesBaseline ? await AskAsync(suite, suite.Baseline!, ct) : null;
            budget.Require();
            judges.Add((suite, new SuiteJudge(suite, candidate, baseline, await SuiteScoring.RunAsync(suite, candidate, baseline, ct), options.MaxFailedShare)));
        }

        var judged = judges.Select(j => j.Judge.Gates()).ToList();
        var adjusted = VerdictRules.AdjustFailures([.. judged.SelectMany(g => g)]);
        var suites = new List<SuiteResult>();
        var cases = new List<EvaluationCase>();
        var at = 0;
        for (var k = 0; k < judges.Count; k++)
        {
            suites.Add(judges[k].Judge.Result([.. adjusted.Skip(at).Take(judged[k].Count)]));
            at += judged[k].Count;
            cases.AddRange(judges[k].Judge.Cases(cases.Count));
        }
        var (verdict, reason) = VerdictRules.Overall([.. suites.SelectMany(s => s.Gates.Select(g => (s.Name, g)))], plan.Faults);
        return (verdict, reason, suites, cases);
    }

    private async Task<IReadOnlyList<Answer>> AskAsync(SuitePlan suite, ModelSubject model, CancellationToken ct)
    {
        if (!suite.NeedsAnswers) return [.. Enumerable.Repeat(Answer.NotAsked, suite.Cases.Count * suite.Repeats)];
        try
        {
            return await source.AskAsync(model, suite.Cases, suite.Repeats, plan.IsFresh, budget, FinishedAsync, ct);
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
}
