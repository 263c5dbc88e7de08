using Pilothouse.Samples.TinyModels.Llama;
using Pilothouse.Samples.TinyModels.Numerics;

namespace Pilothouse.Samples.TinyModels.Formats;

/// <summary>
/// The network as an ONNX graph of standard operators (opset 23) with a key/value cache.
/// Inputs: input_ids and position_ids int64 [1,T]; mask float [T,S], added to the attention scores (0 or a large negative number), where S = P + T;
/// past_k{l} and past_v{l} float [1,heads,P,head width], with P = 0 at the start. Outputs: logits float [1,T,vocabulary]; present_k{l} and present_v{l} [1,heads,S,head width].
/// </summary>
internal static class LlamaOnnx
{
    public static byte[] Build(LlamaWeights weights)
    {
        var c = weights.Config;
        var graph = new OnnxGraph("llama");
        graph.Input("input_ids", OnnxGraph.Int64, 1, "T");
        graph.Input("position_ids", OnnxGraph.Int64, 1, "T");
        graph.Input("mask", OnnxGraph.Float, "T", "S");
        var (cos, sin) = c.RotaryTables();
        graph.Constant("cos", cos, c.Context, c.HeadWidth / 2);
        graph.Constant("sin", sin, c.Context, c.HeadWidth / 2);
        graph.Constant(weights.Embedding.Name, weights.Embedding.Values, c.Vocabulary, c.Width);
        var x = graph.Node("Gather", [weights.Embedding.Name, "input_ids"]);
        for (var l = 0; l < c.Layers; l++) x = Layer(graph, c, weights.Layers[l], l, x);
        // The output matrix is the embedding (tied): transposed in the graph rather than stored twice.
        var head = graph.Node("Transpose", [weights.Embedding.Name], ("perm", new long[] { 1, 0 }));
        graph.Node("MatMul", [Norm(graph, weights.FinalNorm, x), head], ["logits"]);
        graph.Output("logits", OnnxGraph.Float, 1, "T", c.Vocabulary);
        for (var l = 0; l < c.Layers; l++)
        {
            graph.Output($"present_k{l}", OnnxGraph.Float, 1, c.Heads, "S", c.HeadWidth);
            graph.Output($"present_v{l}", OnnxGraph.Float, 1, c.Heads, "S", c.HeadWidth);
        }
        return graph.Build();
    }

    private static string Layer(OnnxGraph graph, LlamaConfig c, LlamaLayer w, int l, string x)
    {
        graph.Input($"past_k{l}", OnnxGraph.Float, 1, c.Heads, "P", c.HeadWidth);
        graph.Input($"past_v{l}", OnnxGraph.Float, 1, c.Heads, "P", c.HeadWidth);
        var norm = Norm(graph, w.InputNorm, x);
        var query = Rotate(graph, c, Linear(graph, w.Query, norm));
        var key = Rotate(graph, c, Linear(graph, w.Key, norm));
        var value = Linear(graph, w.Value, norm);
        graph.Node("Attention", [query, key, value, "mask", $"past_k{l}", $"past_v{l}"], [$"attended_{l}", $"present_k{l}", $"present_v{l}"], ("q_num_heads", c.Heads), ("kv_num_heads", c.Heads));
        x = graph.Node("Add", [x, Linear(graph, w.Output, $"attended_{l}")]);
        norm = Norm(graph, w.MlpNorm, x);
        var gate = Linear(graph, w.Gate, norm);
        var silu = graph.Node("Mul", [gate, graph.Node("Sigmoid", [gate])]);
        var hidden = graph.Node("Mul", [silu, Linear(graph, w.Up, norm)]);
        return graph.Node("Add", [x, Linear(graph, w.Down, hidden)]);
    }

    private static string Norm(OnnxGraph graph, Tensor scale, string x) =>
        graph.Node("RMSNormalization", [x, graph.Constant(scale.Name, scale.Values, scale.Columns)], ("axis", -1), ("epsilon", LlamaConfig.NormEpsilon));

    private static string Rotate(OnnxGraph graph, LlamaConfig c, string x) =>
        graph.Node("RotaryEmbedding", [x, "cos", "sin", "position_ids"], ("interleaved", 0), ("num_heads", c.Heads));

    /// <summary>MatMul multiplies from the right, so the matrix is stored transposed.</summary>
    private static string Linear(OnnxGraph graph, Tensor w, string x)
    {
        var transposed = new float[w.Values.Length];
        Gemm.Transpose(w.Values, transposed, w.Rows, w.Columns);
        return graph.Node("MatMul", [x, graph.Constant(w.Name, transposed, w.Columns, w.Rows)]);
    }
}
