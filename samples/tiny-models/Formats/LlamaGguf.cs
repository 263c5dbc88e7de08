using System.Text;
using Pilothouse.Samples.TinyModels.Llama;
using Pilothouse.Samples.TinyModels.Text;

namespace Pilothouse.Samples.TinyModels.Formats;

/// <summary>The model as GGUF version 3 (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md), architecture llama, F32, with the tokenizer inside.</summary>
internal static class LlamaGguf
{
    private const uint Version = 3;
    private const int Alignment = 32;
    private const int TokenNormal = 1;
    private const int TokenControl = 3;

    /// <summary>The type numbers of metadata values.</summary>
    private const uint UInt32 = 4, Int32 = 5, Float32 = 6, Bool = 7, String = 8, Array = 9;

    public static byte[] Build(LlamaWeights weights, ByteLevelBpe tokenizer, string name)
    {
        var tensors = Tensors(weights).ToArray();
        var metadata = Metadata(weights.Config, tokenizer, name).ToArray();
        using var buffer = new MemoryStream();
        using var writer = new BinaryWriter(buffer);
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((ulong)tensors.Length);
        writer.Write((ulong)metadata.Length);
        foreach (var (key, value) in metadata) WriteEntry(writer, key, value);
        ulong offset = 0;
        foreach (var (tensorName, tensor, values) in tensors)
        {
            WriteString(writer, tensorName);
            // GGUF counts dimensions from the innermost: a matrix of 256 rows and 96 columns is 96 x 256.
            ulong[] dimensions = tensor.IsMatrix ? [(ulong)tensor.Columns, (ulong)tensor.Rows] : [(ulong)tensor.Columns];
            writer.Write((uint)dimensions.Length);
            foreach (var dimension in dimensions) writer.Write(dimension);
            writer.Write(0u); // GGML_TYPE_F32
            writer.Write(offset);
            offset += (ulong)((values.Length * sizeof(float) + Alignment - 1) / Alignment * Alignment);
        }
        foreach (var (_, _, values) in tensors)
        {
            Pad(writer);
            foreach (var value in values) writer.Write(value);
        }
        Pad(writer);
        return buffer.ToArray();
    }

    /// <summary>
    /// llama.cpp rotates neighbouring pairs, Hugging Face's weights rotate halves: within each head, row j of the first half goes to 2j and row j of the second to 2j + 1.
    /// </summary>
    internal static float[] Interleave(Tensor tensor, int heads)
    {
        var result = new float[tensor.Values.Length];
        var headRows = tensor.Rows / heads;
        var half = headRows / 2;
        for (var head = 0; head < heads; head++)
            for (var j = 0; j < headRows; j++)
            {
                var from = head * headRows + j;
                var to = head * headRows + (j < half ? 2 * j : 2 * (j - half) + 1);
                tensor.Values.AsSpan(from * tensor.Columns, tensor.Columns).CopyTo(result.AsSpan(to * tensor.Columns));
            }
        return result;
    }

    private static IEnumerable<(string Name, Tensor Tensor, float[] Values)> Tensors(LlamaWeights w)
    {
        yield return ("token_embd.weight", w.Embedding, w.Embedding.Values);
        yield return ("output_norm.weight", w.FinalNorm, w.FinalNorm.Values);
        foreach (var (l, layer) in w.Layers.Index())
        {
            var prefix = $"blk.{l}.";
            yield return (prefix + "attn_norm.weight", layer.InputNorm, layer.InputNorm.Values);
            yield return (prefix + "attn_q.weight", layer.Query, Interleave(layer.Query, w.Config.Heads));
            yield return (prefix + "attn_k.weight", layer.Key, Interleave(layer.Key, w.Config.Heads));
            yield return (prefix + "attn_v.weight", layer.Value, layer.Value.Values);
            yield return (prefix + "attn_output.weight", layer.Output, layer.Output.Values);
            yield return (prefix + "ffn_norm.weight", layer.MlpNorm, layer.MlpNorm.Values);
            yield return (prefix + "ffn_gate.weight", layer.Gate, layer.Gate.Values);
            yield return (prefix + "ffn_up.weight", layer.Up, layer.Up.Values);
            yield return (prefix + "ffn_down.weight", layer.Down, layer.Down.Values);
        }
    }

    private static IEnumerable<(string Key, object Value)> Metadata(LlamaConfig c, ByteLevelBpe tokenizer, string name)
    {
        var ids = Enumerable.Range(0, tokenizer.VocabularySize).ToArray();
        yield return ("general.architecture", "llama");
        yield return ("general.name", name);
        yield return ("general.alignment", (uint)Alignment);
        yield return ("general.file_type", 0u);
        yield return ("llama.context_length", (uint)c.Context);
        yield return ("llama.embedding_length", (uint)c.Width);
        yield return ("llama.block_count", (uint)c.Layers);
        yield return ("llama.feed_forward_length", (uint)c.Hidden);
        yield return ("llama.attention.head_count", (uint)c.Heads);
        yield return ("llama.attention.head_count_kv", (uint)c.Heads);
        yield return ("llama.attention.layer_norm_rms_epsilon", LlamaConfig.NormEpsilon);
        yield return ("llama.rope.dimension_count", (uint)c.HeadWidth);
        yield return ("llama.rope.freq_base", (float)LlamaConfig.RopeTheta);
        yield return ("llama.vocab_size", (uint)c.Vocabulary);
        yield return ("tokenizer.ggml.model", "gpt2");
        yield return ("tokenizer.ggml.pre", "gpt-2");
        yield return ("tokenizer.ggml.tokens", ids.Select(tokenizer.TokenText).ToArray());
        yield return ("tokenizer.ggml.token_type", ids.Select(id => id < ByteLevelBpe.SpecialTokens.Length ? TokenControl : TokenNormal).ToArray());
        yield return ("tokenizer.ggml.merges", tokenizer.Merges.Select(merge => $"{tokenizer.TokenText(merge.Left)} {tokenizer.TokenText(merge.Right)}").ToArray());
        yield return ("tokenizer.ggml.eos_token_id", (uint)ByteLevelBpe.EosId);
        yield return ("tokenizer.ggml.padding_token_id", (uint)ByteLevelBpe.EosId);
        yield return ("tokenizer.ggml.add_bos_token", false);
        yield return ("tokenizer.chat_template", TokenizerFiles.ChatTemplate);
    }

    private static void WriteEntry(BinaryWriter writer, string key, object value)
    {
        WriteString(writer, key);
        switch (value)
        {
            case string text: writer.Write(String); WriteString(writer, text); break;
            case uint number: writer.Write(UInt32); writer.Write(number); break;
            case float number: writer.Write(Float32); writer.Write(number); break;
            case bool flag: writer.Write(Bool); writer.Write(flag); break;
            case string[] texts:
                WriteArrayHead(writer, String, texts.Length);
                foreach (var text in texts) WriteString(writer, text);
                break;
            case int[] numbers:
                WriteArrayHead(writer, Int32, numbers.Length);
                foreach (var number in numbers) writer.Write(number);
                break;
            default: throw new ArgumentException($"GGUF metadata cannot be a {value.GetType().Name}.", nameof(value));
        }
    }

    private static void WriteArrayHead(BinaryWriter writer, uint elementType, int count)
    {
        writer.Write(Array);
        writer.Write(elementType);
        writer.Write((ulong)count);
    }

    private static void WriteString(BinaryWriter writer, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        writer.Write((ulong)bytes.Length);
        writer.Write(bytes);
    }

    private static void Pad(BinaryWriter writer)
    {
        while (writer.BaseStream.Position % Alignment != 0) writer.Write((byte)0);
    }
}
