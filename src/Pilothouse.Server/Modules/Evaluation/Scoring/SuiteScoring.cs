using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>
/// Turns answers into one column of case scores for each scorer. Repeats of a case are folded into its mean. What is missing (no answer, no
/// score) counts against the candidate on both sides, so that it never improves a result.
/// </summary>
internal static class SuiteScoring
{
    /// <summary>A score that counts as right for pass@k.</summary>
    private const double Right = 1 - 1e-9;

    /// <param name="candidate">Answers, those of one case together.</param>
    public static async Task<IReadOnlyList<ScoreColumn>> RunAsync(SuitePlan plan, IReadOnlyList<Answer> candidate, IReadOnlyList<Answer>? baseline, CancellationToken ct)
    {
        Scored[] Of(IReadOnlyList<Answer> answers, bool isBaseline) => [.. answers.Select((a, i) => new Scored(plan.Cases[i / plan.Repeats], a, isBaseline))];
        var (own, other) = (Of(candidate, false), baseline is null ? null : Of(baseline, true));
        var clusters = plan.Entry.Cluster is null ? null : plan.Cases.Select(c => c.Cluster!).ToArray();
        var scored = new Dictionary<string, (Score[] Candidate, Score[]? Baseline)>(StringComparer.Ordinal);
        foreach (var (entry, scorer, _) in plan.Scorers.Where(s => s.Entry.Of is null)) scored[entry.Name] = await ScoreAsync(plan, scorer, own, other, ct);
        return [.. plan.Scorers.Select(s => s.Entry.Of is { } of ? Counted(plan, s.Entry, scored[of], clusters) : Column(plan, s, scored[s.Entry.Name], own, other, clusters))];
    }

    private static async Task<(Score[], Score[]?)> ScoreAsync(SuitePlan plan, IScorer scorer, Scored[] own, Scored[]? other, CancellationToken ct)
    {
        if (scorer is IPairScorer pairs && other is not null)
        {
            var wins = await pairs.ComparePairsAsync(own, other, ct);
            return (wins, [.. wins.Select(w => w.Error is null ? w with { Value = 1 - w.Value } : w)]);
        }
        return (await scorer.ScoreAsync(plan.Candidate, own, ct), other is null ? null : await scorer.ScoreAsync(plan.Baseline!, other, ct));
    }

    private static ScoreColumn Column(SuitePlan plan, SuiteScorer scorer, (Score[] Candidate, Score[]? Baseline) scores, Scored[] own, Scored[]? other, string[]? clusters)
    {
        var column = new ScoreColumn(scorer.Entry.Name, Fold(scores.Candidate, plan.Repeats, 0), scores.Baseline is null ? null : Fold(scores.Baseline, plan.Repeats, 1), clusters)
        {
            Ids = [.. plan.Cases.Select(c => c.Id)],
            Errors = Errors(scores.Candidate, plan.Repeats),
            BaselineErrors = scores.Baseline is null ? null : Errors(scores.Baseline, plan.Repeats),
            Notes = [.. Enumerable.Range(0, plan.Cases.Count).Select(i => scores.Candidate[i * plan.Repeats].Note)],
            Unstable = plan.Repeats == 1 ? null : [.. Enumerable.Range(0, plan.Cases.Count).Select(i => scores.Candidate.AsSpan(i * plan.Repeats, plan.Repeats).ToArray().Select(s => s.Value).Distinct().Count() > 1)],
            Agreement = scorer.Scorer is IJudged judged ? judged.Agreement : [],
            MinAlpha = scorer.Entry.MinAlpha,
        };
        if (scorer.Scorer is not ICorpusScorer corpus) return column;
        var counted = plan.Counted;
        var statistic = Counted(corpus.Statistic(own, plan.Repeats), counted, plan.Cases.Count);
        var before = other is null ? null : Counted(corpus.Statistic(other, plan.Repeats), counted, plan.Cases.Count);
        var (items, groups) = (counted.Length, clusters is null ? null : counted.Select(i => clusters[i]).ToArray());
        return column with
        {
            Corpus = new CorpusColumn(new Lazy<ResampledStatistic>(() => new ResampledStatistic(items, statistic, corpus.Span, groups)),
                before is null ? null : new Lazy<ResampledStatistic>(() => new ResampledStatistic(items, before, corpus.Span, groups)),
                before is null ? null : new Lazy<ResampledStatistic>(() => new ResampledStatistic(items, some => statistic(some) - before(some), corpus.Span, groups))),
        };
    }

    /// <summary>The statistic over the cases that count: quarantined ones are never drawn.</summary>
    private static ItemStatistic Counted(ItemStatistic statistic, int[] counted, int all) => counted.Length == all ? statistic : items =>
    {
        var mapped = new int[items.Length];
        for (var k = 0; k < items.Length; k++) mapped[k] = counted[items[k]];
        return statistic(mapped);
    };

    /// <summary>Unbiased from c right of n answers of each case: pass@k (Chen et al. 2021), pass^k (tau-bench, arXiv:2406.12045).</summary>
    private static ScoreColumn Counted(SuitePlan plan, ScorerEntry entry, (Score[] Candidate, Score[]? Baseline) scores, string[]? clusters)
    {
        double[] Count(Score[] all, bool isBaseline) => [.. Enumerable.Range(0, plan.Cases.Count).Select(i =>
        {
            var right = 0;
            foreach (var one in all.AsSpan(i * plan.Repeats, plan.Repeats)) right += one.Error is not null ? (isBaseline ? 1 : 0) : one.Value >= Right ? 1 : 0;
            return entry.Type == ScorerType.PassAtK ? Planning.PassAtK(plan.Repeats, right, entry.K) : Planning.PassHatK(plan.Repeats, right, entry.K);
        })];
        return new ScoreColumn(entry.Name, Count(scores.Candidate, false), scores.Baseline is null ? null : Count(scores.Baseline, true), clusters)
        {
            Ids = [.. plan.Cases.Select(c => c.Id)],
            Errors = Errors(scores.Candidate, plan.Repeats),
            BaselineErrors = scores.Baseline is null ? null : Errors(scores.Baseline, plan.Repeats),
        };
    }

    private static double[] Fold(Score[] scores, int repeats, double missing) =>
        [.. Enumerable.Range(0, scores.Length / repeats).Select(i => Enumerable.Range(i * repeats, repeats).Average(k => scores[k].Error is null && double.IsFinite(scores[k].Value) ? scores[k].Value : missing))];

    private static string?[] Errors(Score[] scores, int repeats) => [.. Enumerable.Range(0, scores.Length / repeats).Select(i =>
        Enumerable.Range(i * repeats, repeats).Select(k => scores[k].Error ?? (double.IsFinite(scores[k].Value) ? null : "The score is not a number.")).FirstOrDefault(e => e is not null))];
}
