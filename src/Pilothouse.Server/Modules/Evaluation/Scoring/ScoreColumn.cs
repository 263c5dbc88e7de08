using Pilothouse.Server.Modules.Evaluation.Scoring;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Scores of one scorer over all cases, candidate and base line in the same order.</summary>
/// <param name="Baseline">Null without a base line.</param>
/// <param name="Clusters">Cluster of each case; null when the cases are independent.</param>
internal sealed record ScoreColumn(string Scorer, double[] Candidate, double[]? Baseline, IReadOnlyList<string>? Clusters)
{
    /// <summary>Of the cases, for messages; empty = not known.</summary>
    public IReadOnlyList<string> Ids { get; init; } = [];

    /// <summary>Distributions of the figure when it is no mean of the case scores.</summary>
    public CorpusColumn? Corpus { get; init; }

    /// <summary>Why a case has no score.</summary>
    public IReadOnlyList<string?> Errors { get; init; } = [];

    /// <inheritdoc cref="Errors"/>
    public IReadOnlyList<string?>? BaselineErrors { get; init; }

    /// <summary>What the scorer says of each case.</summary>
    public IReadOnlyList<string?> Notes { get; init; } = [];

    /// <summary>Cases whose repeats differ; null when each was asked once.</summary>
    public IReadOnlyList<bool>? Unstable { get; init; }

    /// <summary>How well judges agree.</summary>
    public IReadOnlyList<Agreed> Agreement { get; init; } = [];

    /// <summary>Least agreement with people.</summary>
    public double? MinAlpha { get; init; }

    /// <summary>The same of some of the cases; the distributions are made of those that count already.</summary>
    public ScoreColumn Of(int[] cases)
    {
        IReadOnlyList<T> Some<T>(IReadOnlyList<T> all) => all.Count == 0 ? all : [.. cases.Select(i => all[i])];
        return cases.Length == Candidate.Length ? this : this with
        {
            Candidate = [.. cases.Select(i => Candidate[i])],
            Baseline = Baseline is null ? null : [.. cases.Select(i => Baseline[i])],
            Clusters = Clusters is null ? null : Some(Clusters),
            Ids = Some(Ids),
            Errors = Some(Errors),
            BaselineErrors = BaselineErrors is null ? null : Some(BaselineErrors),
            Notes = Some(Notes),
            Unstable = Unstable is null ? null : Some(Unstable),
        };
    }
}

/// <summary>Bootstrap distributions, made when they are asked for: they are dear.</summary>
internal sealed record CorpusColumn(Lazy<ResampledStatistic> Candidate, Lazy<ResampledStatistic>? Baseline, Lazy<ResampledStatistic>? Difference);
