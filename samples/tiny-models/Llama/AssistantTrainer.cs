using Pilothouse.Samples.TinyModels.Data;
using Pilothouse.Samples.TinyModels.Numerics;
using Pilothouse.Samples.TinyModels.Text;

namespace Pilothouse.Samples.TinyModels.Llama;

/// <summary>One training run, a step at a time; single-threaded and free of any clock, so that its result depends on its arguments alone.</summary>
internal sealed class AssistantTrainer
{
    private readonly AssistantRecipe _recipe;
    private readonly LlamaNetwork _network;
    private readonly AdamW _optimizer;
    private readonly EncodedRow[] _rows;
    private readonly TokenBatch _validation;
    private readonly Rng _rng;
    private int _next;

    public AssistantTrainer(AssistantRecipe recipe)
    {
        _recipe = recipe;
        Tokenizer = AssistantRecipe.TrainTokenizer();
        var dialogues = recipe.TrainingRows();
        CorpusDigest = SupportCorpus.Digest(dialogues);
        var context = LlamaConfig.Assistant.Context;
        _rows = [.. dialogues.Select(row => EncodedRow.Of(row, Tokenizer, context))];
        _validation = TokenBatch.Of(recipe.ValidationSet().Select(row => EncodedRow.Of(row, Tokenizer, context)));
        _rng = new Rng(recipe.Seed);
        Weights = LlamaWeights.Initialize(LlamaConfig.Assistant, _rng);
        _network = new LlamaNetwork(Weights);
        _optimizer = new AdamW(Weights.All, AssistantRecipe.PeakRate, recipe.Steps);
        _next = _rows.Length;
    }

    public ByteLevelBpe Tokenizer { get; }
    public LlamaWeights Weights { get; }
    public string CorpusDigest { get; }
    public int StepsDone { get; private set; }
    public bool Finished => StepsDone >= _recipe.Steps;

    /// <summary>Tokens read so far, questions included.</summary>
    public long TokensSeen { get; private set; }

    /// <summary>One batch; returns its loss before the update, in nats a token.</summary>
    public double Step()
    {
        if (_next + AssistantRecipe.BatchRows > _rows.Length) StartEpoch();
        var batch = TokenBatch.Of(_rows.AsSpan(_next, AssistantRecipe.BatchRows).ToArray());
        _next += AssistantRecipe.BatchRows;
        var loss = _network.LossAndGradient(batch);
        _optimizer.Step();
        StepsDone++;
        TokensSeen += batch.Tokens.Length;
        return loss;
    }

    public double ValidationLoss() => _network.Loss(_validation);

    /// <summary>Shuffles in pairs, because a counterfactual twin has to stay beside its row.</summary>
    private void StartEpoch()
    {
        var pairs = Enumerable.Range(0, _rows.Length / 2).ToArray();
        _rng.Shuffle<int>(pairs);
        var copy = _rows.ToArray();
        for (var i = 0; i < pairs.Length; i++) (_rows[2 * i], _rows[2 * i + 1]) = (copy[2 * pairs[i]], copy[2 * pairs[i] + 1]);
        _next = 0;
    }
}
