using Pilothouse.Samples.TinyModels.Data;
using Pilothouse.Samples.TinyModels.Text;

namespace Pilothouse.Samples.TinyModels.Llama;

/// <summary>
/// Rows of different lengths laid end to end: no padding is computed, and no row sees another. A target of <see cref="Unscored"/> marks a position whose next token
/// is the question's, which the model is not asked to predict.
/// </summary>
internal sealed class TokenBatch
{
    public const int Unscored = -1;

    private TokenBatch(List<int> tokens, List<int> targets, List<int> starts)
    {
        Tokens = [.. tokens];
        Targets = [.. targets];
        RowStarts = [.. starts];
        Scored = [.. Enumerable.Range(0, Tokens.Length).Where(i => Targets[i] != Unscored)];
    }

    public int[] Tokens { get; }
    public int[] Targets { get; }

    /// <summary>Start of each row, then the total.</summary>
    public int[] RowStarts { get; }

    /// <summary>The positions that count for the loss.</summary>
    public int[] Scored { get; }

    public int Rows => RowStarts.Length - 1;

    public static TokenBatch Of(IEnumerable<EncodedRow> rows)
    {
        List<int> tokens = [], targets = [], starts = [0];
        foreach (var row in rows)
        {
            for (var i = 0; i + 1 < row.Ids.Length; i++)
            {
                tokens.Add(row.Ids[i]);
                targets.Add(i + 1 >= row.PromptLength ? row.Ids[i + 1] : Unscored);
            }
            starts.Add(tokens.Count);
        }
        return new TokenBatch(tokens, targets, starts);
    }
}

/// <summary>A dialogue as token ids; the first <paramref name="PromptLength"/> are the question.</summary>
internal sealed record EncodedRow(int[] Ids, int PromptLength)
{
    public static EncodedRow Of(Dialogue row, ByteLevelBpe tokenizer, int context)
    {
        var prompt = tokenizer.Encode(row.Prompt);
        var answer = tokenizer.Encode(row.Answer + ByteLevelBpe.Eos);
        if (prompt.Count + answer.Count > context) throw new ArgumentException($"A row of {prompt.Count + answer.Count} tokens does not fit the context of {context}: {row.Text}", nameof(row));
        return new EncodedRow([.. prompt, .. answer], prompt.Count);
    }
}
