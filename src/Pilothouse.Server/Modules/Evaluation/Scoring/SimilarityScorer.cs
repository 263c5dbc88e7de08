using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>Cosine of the embeddings of answer and reference, negative ones as 0. The embedding model is behind an OpenAI-compatible server (<c>POST /embeddings</c>).</summary>
internal sealed class SimilarityScorer(ScorerEntry entry, IInference inference) : IScorer
{
    /// <summary>Texts of one call.</summary>
    private const int BatchSize = 64;

    public async Task<Score[]> ScoreAsync(ModelSubject model, IReadOnlyList<Scored> answers, CancellationToken ct)
    {
        var target = new InferenceTarget(entry.Model ?? "", "openai", entry.Url);
        var scores = new Score[answers.Count];
        foreach (var batch in Enumerable.Range(0, answers.Count).Chunk(BatchSize))
        {
            try
            {
                string[] texts = [.. batch.Select(i => answers[i].Answer.Output.Trim()), .. batch.Select(i => answers[i].Case.Expected?.Trim() ?? "")];
                // Servers refuse empty texts.
                var vectors = await inference.EmbedAsync(target, [.. texts.Select(t => t.Length == 0 ? " " : t)], ct);
                for (var k = 0; k < batch.Length; k++) scores[batch[k]] = answers[batch[k]].Answer.Error is { } error ? Score.Without(error) : Cosine(vectors[k], vectors[batch.Length + k]);
            }
            catch (PilothouseException e)
            {
                foreach (var i in batch) scores[i] = Score.Without(e.Message);
            }
        }
        return scores;
    }

    internal static Score Cosine(IReadOnlyList<float> a, IReadOnlyList<float> b)
    {
        if (a.Count != b.Count) return Score.Without($"The embeddings have {a.Count} and {b.Count} numbers.");
        double product = 0, left = 0, right = 0;
        for (var k = 0; k < a.Count; k++)
        {
            product += (double)a[k] * b[k];
            left += (double)a[k] * a[k];
            right += (double)b[k] * b[k];
        }
        var cosine = product / Math.Sqrt(left * right);
        return double.IsFinite(cosine) ? new Score(Math.Clamp(cosine, 0, 1)) : Score.Without("The embedding has no direction (its numbers are 0 or not finite).");
    }
}
