using Pilothouse.Server.Platform.Projects;
using Pilothouse.Statistics;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>One answer with the case it answers.</summary>
/// <param name="IsBaseline">Of the base line: then what is missing counts as right, never as wrong.</param>
internal sealed record Scored(EvaluationInput Case, Answer Answer, bool IsBaseline);

/// <summary>Score of one answer, or why there is none.</summary>
internal readonly record struct Score(double Value, string? Error = null, string? Note = null)
{
    public static Score Without(string error) => new(double.NaN, error);

    public static Score Of(bool isRight) => new(isRight ? 1 : 0);
}

/// <summary>Scores single answers. An answer that cannot be scored gets a named error, never a number.</summary>
internal interface IScorer
{
    /// <summary>False when the model is asked for probabilities instead of an answer.</summary>
    bool NeedsAnswer => true;

    /// <summary>One score for each answer, in order.</summary>
    Task<Score[]> ScoreAsync(ModelSubject model, IReadOnlyList<Scored> answers, CancellationToken ct);
}

/// <summary>A scorer whose figure is no mean of single scores.</summary>
internal interface ICorpusScorer : IScorer
{
    /// <summary>Most by which the figure can change: 1 for 0 to 1, 2 for -1 to 1.</summary>
    double Span => 1;

    /// <summary>The figure of any cases, by their index; the answers of case i are those from i * repeats on.</summary>
    ItemStatistic Statistic(IReadOnlyList<Scored> answers, int repeats);
}

/// <summary>A scorer that compares two answers to the same case.</summary>
internal interface IPairScorer : IScorer
{
    /// <summary>1 = the candidate's answer is better, 0 = the base line's, 0.5 = neither.</summary>
    Task<Score[]> ComparePairsAsync(IReadOnlyList<Scored> candidate, IReadOnlyList<Scored> baseline, CancellationToken ct);
}

/// <summary>A scorer that looks at one answer by itself and at nothing else.</summary>
internal abstract class AnswerScorer : IScorer
{
    public Task<Score[]> ScoreAsync(ModelSubject model, IReadOnlyList<Scored> answers, CancellationToken ct) =>
        Task.FromResult(answers.Select(a => a.Answer.Error is { } error ? Score.Without(error) : One(model, a)).ToArray());

    protected abstract Score One(ModelSubject model, Scored answer);
}

/// <summary>A text scorer as a function of answer and reference.</summary>
internal sealed class TextScorer(Func<string, string, Score> score) : AnswerScorer
{
    protected override Score One(ModelSubject model, Scored answer) => score(answer.Answer.Output.Trim(), answer.Case.Expected?.Trim() ?? "");
}
