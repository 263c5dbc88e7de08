using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.TinyModels.Llama;

/// <summary>One named tensor; a norm has one row.</summary>
internal sealed class Tensor(string name, int rows, int columns)
{
    public string Name { get; } = name;
    public int Rows { get; } = rows;
    public int Columns { get; } = columns;
    public float[] Values { get; } = new float[rows * columns];
    public float[] Gradient { get; } = new float[rows * columns];

    /// <summary>Norm scales are one-dimensional in the file, and are not decayed.</summary>
    public bool IsMatrix => Rows > 1;
}

internal sealed record LlamaLayer(Tensor InputNorm, Tensor Query, Tensor Key, Tensor Value, Tensor Output, Tensor MlpNorm, Tensor Gate, Tensor Up, Tensor Down)
{
    public Tensor[] Tensors => [InputNorm, Query, Key, Value, Output, MlpNorm, Gate, Up, Down];
}

/// <summary>The parameters under Hugging Face's Llama names.</summary>
internal sealed class LlamaWeights
{
    private const float InitialDeviation = 0.02f;

    public LlamaWeights(LlamaConfig config)
    {
        Config = config;
        Embedding = new Tensor("model.embed_tokens.weight", config.Vocabulary, config.Width);
        Layers = [.. Enumerable.Range(0, config.Layers).Select(i => Layer($"model.layers.{i}.", config))];
        FinalNorm = new Tensor("model.norm.weight", 1, config.Width);
        All = [Embedding, .. Layers.SelectMany(layer => layer.Tensors), FinalNorm];
    }

    public LlamaConfig Config { get; }
    public Tensor Embedding { get; }
    public LlamaLayer[] Layers { get; }
    public Tensor FinalNorm { get; }

    /// <summary>Every tensor, in the order of the safetensors file.</summary>
    public Tensor[] All { get; }

    public int ParameterCount => All.Sum(tensor => tensor.Values.Length);

    /// <summary>Normal with deviation 0.02, smaller for the two matrices that write into the residual stream (as in GPT-2).</summary>
    public static LlamaWeights Initialize(LlamaConfig config, Rng rng)
    {
        var weights = new LlamaWeights(config);
        var residual = InitialDeviation / MathF.Sqrt(2 * config.Layers);
        foreach (var tensor in weights.All)
        {
            var deviation = weights.Layers.Any(layer => tensor == layer.Output || tensor == layer.Down) ? residual : InitialDeviation;
            for (var i = 0; i < tensor.Values.Length; i++) tensor.Values[i] = tensor.IsMatrix ? rng.NextGaussian() * deviation : 1f;
        }
        return weights;
    }

    private static LlamaLayer Layer(string prefix, LlamaConfig c) => new(
        new Tensor(prefix + "input_layernorm.weight", 1, c.Width),
        new Tensor(prefix + "self_attn.q_proj.weight", c.Width, c.Width),
        new Tensor(prefix + "self_attn.k_proj.weight", c.Width, c.Width),
        new Tensor(prefix + "self_attn.v_proj.weight", c.Width, c.Width),
        new Tensor(prefix + "self_attn.o_proj.weight", c.Width, c.Width),
        new Tensor(prefix + "post_attention_layernorm.weight", 1, c.Width),
        new Tensor(prefix + "mlp.gate_proj.weight", c.Hidden, c.Width),
        new Tensor(prefix + "mlp.up_proj.weight", c.Hidden, c.Width),
        new Tensor(prefix + "mlp.down_proj.weight", c.Width, c.Hidden));
}
