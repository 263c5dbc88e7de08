using System.Text;
using System.Text.Json;
using Pilothouse.Protocols;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>
/// Scores by the probabilities of given texts, without generating any. After the prompt (its messages' texts, joined by line ends) the model's
/// log-probability of a continuation is divided by its UTF-8 bytes, so that tokenizers and lengths compare (bits per byte, Gao et al. 2020;
/// lm-evaluation-harness' acc_bytes).
/// </summary>
internal sealed class LikelihoodScorer(ScorerEntry entry, IInference inference, EvaluationOptions options) : IScorer
{
    /// <summary>Choices of one case.</summary>
    private const int MaxChoices = 100;

    public bool NeedsAnswer => false;

    public async Task<Score[]> ScoreAsync(ModelSubject model, IReadOnlyList<Scored> answers, CancellationToken ct)
    {
        var scores = new Score[answers.Count];
        await Parallel.ForAsync(0, answers.Count, new ParallelOptions { MaxDegreeOfParallelism = options.Concurrency, CancellationToken = ct }, async (i, stop) =>
        {
            try
            {
                scores[i] = entry.Type == ScorerType.MultipleChoice ? await ChoiceAsync(model, answers[i].Case, stop) : await PerplexityAsync(model, answers[i].Case, stop);
            }
            catch (Exception e) when (e is PilothouseException or ProtocolFormatException)
            {
                scores[i] = Score.Without(e.Message);
            }
        });
        return scores;
    }

    /// <summary>exp(log p / bytes) = 1 / perplexity per byte, 0 to 1.</summary>
    private async Task<Score> PerplexityAsync(ModelSubject model, EvaluationInput one, CancellationToken ct)
    {
        if (string.IsNullOrEmpty(one.Expected)) return Score.Without("There is no reference whose probability could be asked for.");
        var perByte = (await PerByteAsync(model, one, [one.Expected], ct))[0];
        return new Score(Math.Exp(perByte), null, FormattableString.Invariant($"perplexity per byte {Math.Exp(-perByte):0.####}"));
    }

    private async Task<Score> ChoiceAsync(ModelSubject model, EvaluationInput one, CancellationToken ct)
    {
        if (!one.Fields.TryGetValue(entry.Choices, out var text) || AssertionScorers.Parse(text) is not { ValueKind: JsonValueKind.Array } list || list.GetArrayLength() is < 2 or > MaxChoices)
            return Score.Without($"The field '{entry.Choices}' is not a list of 2 to {MaxChoices} choices.");
        string[] choices = [.. list.EnumerateArray().Select(c => c.ValueKind == JsonValueKind.String ? c.GetString()! : c.GetRawText())];
        if (Right(choices, one.Expected?.Trim()) is not { } right) return Score.Without($"The reference '{one.Expected}' is none of the choices. Write the choice itself, or its number from 0.");
        var perByte = await PerByteAsync(model, one, choices, ct);
        var best = Enumerable.Range(0, choices.Length).MaxBy(c => perByte[c]);
        return new Score(best == right ? 1 : 0, null, $"chose '{choices[best]}'");
    }

    private static int? Right(string[] choices, string? expected)
    {
        var at = Array.FindIndex(choices, c => c.Trim() == expected);
        return at >= 0 ? at : int.TryParse(expected, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var index) && index < choices.Length ? index : null;
    }

    private async Task<double[]> PerByteAsync(ModelSubject model, EvaluationInput one, IReadOnlyList<string> continuations, CancellationToken ct)
    {
        var context = string.Join('\n', PromptRenderer.Messages(model.Prompt, one.Input, one.Fields).Select(m => m.Content));
        // A word after a word begins with a blank; a choice that brings its own is left alone.
        string[] texts = [.. continuations.Select(c => context.Length == 0 || char.IsWhiteSpace(context[^1]) || char.IsWhiteSpace(c[0]) ? c : " " + c)];
        var logs = await inference.ScoreContinuationsAsync(model.Target, context, texts, ct);
        return [.. logs.Select((log, k) => log / Encoding.UTF8.GetByteCount(texts[k]))];
    }
}
