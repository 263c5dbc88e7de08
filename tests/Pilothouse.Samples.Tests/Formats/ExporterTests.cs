using Microsoft.ML.OnnxRuntime;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Samples.TinyModels.Data;
using Pilothouse.Samples.TinyModels.Formats;
using Pilothouse.Samples.TinyModels.Llama;
using Pilothouse.Samples.TinyModels.Text;

namespace Pilothouse.Samples.Tests.Formats;

/// <summary>One model, three files: they must say the same.</summary>
public sealed class ExporterTests
{
    private static readonly (LlamaWeights Weights, ByteLevelBpe Tokenizer) Model = ModelDirectory.Read(SampleFiles.Model("assistant-v2"));

    [Theory]
    [InlineData("Where is my lamp?")]
    [InlineData("Do you ship to Lima?")]
    [InlineData("Wher is my lmap?")]
    [InlineData("How can I pay?")]
    public void Onnx_runtime_gives_the_logits_and_the_text_of_our_own_pass(string question)
    {
        using var session = new OnnxSession(LlamaOnnx.Build(Model.Weights), Model.Weights.Config);
        var prompt = Model.Tokenizer.Encode(Dialogue.ChatPrompt(question));
        var decoder = new LlamaDecoder(Model.Weights);
        var expected = decoder.Prompt(prompt);
        var logits = session.Run([.. prompt]);
        var text = new List<int>();
        for (var step = 0; step < 40; step++)
        {
            for (var i = 0; i < expected.Length; i++) Assert.Equal(expected[i], logits[i], 2e-3);
            var best = LlamaDecoder.ArgMax(logits);
            if (best == ByteLevelBpe.EosId) break;
            text.Add(best);
            expected = decoder.Next(best);
            logits = session.Run([best]);
        }
        Assert.NotEmpty(text);
        Assert.Equal(new LlamaDecoder(Model.Weights).Greedy(prompt, ByteLevelBpe.EosId, 40), text);
    }

    [Fact]
    public void Embedding_is_stored_once()
    {
        var constants = OnnxInitializers.Read(LlamaOnnx.Build(Model.Weights));
        Assert.Single(constants.Values, values => values.Length == Model.Weights.Embedding.Values.Length);
    }

    [Fact]
    public void Gguf_holds_every_tensor_with_query_and_key_rows_interleaved()
    {
        var file = LlamaGguf.Build(Model.Weights, Model.Tokenizer, "test");
        var header = GgufHeader.Read(new MemoryStream(file));
        float[] Values(string name)
        {
            var tensor = header.Tensors.Single(t => t.Name == name);
            return System.Runtime.InteropServices.MemoryMarshal.Cast<byte, float>(file.AsSpan((int)tensor.Offset, (int)tensor.Length)).ToArray();
        }

        Assert.Equal(Model.Weights.All.Length, header.Tensors.Count);
        Assert.Equal(Model.Weights.Embedding.Values, Values("token_embd.weight"));
        foreach (var (l, layer) in Model.Weights.Layers.Index())
        {
            Assert.Equal(layer.Query.Values, Halves(Values($"blk.{l}.attn_q.weight"), Model.Weights.Config));
            Assert.Equal(layer.Key.Values, Halves(Values($"blk.{l}.attn_k.weight"), Model.Weights.Config));
            Assert.Equal(layer.Value.Values, Values($"blk.{l}.attn_v.weight"));
            Assert.Equal(layer.Down.Values, Values($"blk.{l}.ffn_down.weight"));
        }
        Assert.Equal("llama", header.Architecture);
        Assert.Equal("gpt2", header.Metadata["tokenizer.ggml.model"]);
        Assert.Equal(Model.Tokenizer.TokenText(300), ((IReadOnlyList<object>)header.Metadata["tokenizer.ggml.tokens"])[300]);
    }

    [Fact]
    public void Safetensors_read_back_is_the_same_file()
    {
        var file = Safetensors.Write(Model.Weights);
        Assert.Equal(file, Safetensors.Write(Safetensors.Read(file, Model.Weights.Config)));
        Assert.Equal(Model.Weights.ParameterCount, SafetensorsHeader.Read(file).ParameterCount);
    }

    [Fact]
    public void Truncated_safetensors_is_refused()
    {
        var file = Safetensors.Write(Model.Weights);
        Assert.Throws<InvalidDataException>(() => Safetensors.Read(file[..^4], Model.Weights.Config));
        Assert.Throws<InvalidDataException>(() => Safetensors.Read(file[..4], Model.Weights.Config));
    }

    /// <summary>Row 2j of a head belongs to the first half, row 2j + 1 to the second.</summary>
    private static float[] Halves(float[] interleaved, LlamaConfig c)
    {
        var result = new float[interleaved.Length];
        for (var row = 0; row < c.Width; row++)
        {
            var inHead = row % c.HeadWidth;
            var target = row - inHead + (inHead % 2 == 0 ? inHead / 2 : c.HeadWidth / 2 + inHead / 2);
            Array.Copy(interleaved, row * c.Width, result, target * c.Width, c.Width);
        }
        return result;
    }

    /// <summary>Feeds the cache back as a server does.</summary>
    private sealed class OnnxSession(byte[] model, LlamaConfig c) : IDisposable
    {
        private readonly InferenceSession _session = new(model, new SessionOptions { IntraOpNumThreads = 1 });
        private readonly RunOptions _options = new();
        private readonly string[] _cacheNames = [.. Enumerable.Range(0, c.Layers).SelectMany(l => new[] { $"k{l}", $"v{l}" })];
        private OrtValue[]? _cache;
        private int _position;

        public float[] Run(long[] tokens)
        {
            int count = tokens.Length, total = _position + count;
            var mask = new float[count * total];
            for (var i = 0; i < count; i++)
                for (var j = _position + i + 1; j < total; j++) mask[i * total + j] = -1e9f;
            long[] cacheShape = [1, c.Heads, 0, c.HeadWidth];
            _cache ??= [.. _cacheNames.Select(_ => OrtValue.CreateTensorValueFromMemory(Array.Empty<float>(), cacheShape))];
            OrtValue[] inputs =
            [
                OrtValue.CreateTensorValueFromMemory(tokens, [1, count]),
                OrtValue.CreateTensorValueFromMemory(Enumerable.Range(_position, count).Select(p => (long)p).ToArray(), [1, count]),
                OrtValue.CreateTensorValueFromMemory(mask, [count, total]),
                .. _cache,
            ];
            using var results = _session.Run(_options, ["input_ids", "position_ids", "mask", .. _cacheNames.Select(n => "past_" + n)], inputs, ["logits", .. _cacheNames.Select(n => "present_" + n)]);
            var logits = results[0].GetTensorDataAsSpan<float>()[^c.Vocabulary..].ToArray();
            _cache = [.. results.Skip(1).Select(value => OrtValue.CreateTensorValueFromMemory(value.GetTensorDataAsSpan<float>().ToArray(), value.GetTensorTypeAndShape().Shape))];
            foreach (var input in inputs) input.Dispose();
            _position = total;
            return logits;
        }

        public void Dispose()
        {
            foreach (var value in _cache ?? []) value.Dispose();
            _session.Dispose();
            _options.Dispose();
        }
    }
}
