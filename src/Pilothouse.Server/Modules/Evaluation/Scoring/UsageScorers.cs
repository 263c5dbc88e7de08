using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>Was an answer quick, short or cheap enough? As a share of answers within a limit, so that it can be gated like any score. Answers from the cache keep what they once took.</summary>
internal sealed class UsageScorer(ScorerEntry entry) : AnswerScorer
{
    protected override Score One(ModelSubject model, Scored answer)
    {
        if (answer.Answer.Usage is not { } usage) return Score.Without("The engine did not say what the answer took.");
        var value = entry.Type switch
        {
            ScorerType.Latency => usage.Milliseconds,
            ScorerType.Tokens => usage.CompletionTokens,
            _ => usage.Cost(model.Entry.Price) ?? double.NaN,
        };
        return double.IsNaN(value) ? Score.Without("The price of the model's tokens is not known.") : new Score(value <= entry.Max ? 1 : 0, null, FormattableString.Invariant($"{value:0.######}"));
    }
}
