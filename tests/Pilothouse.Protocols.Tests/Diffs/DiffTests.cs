using System.Text;
using System.Text.Json;
using CsCheck;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Diffs;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Protocols.Tests.Diffs;

public sealed class DiffTests
{
    [Fact]
    public async Task Norms_of_a_tensor_are_those_of_its_numbers()
    {
        var delta = await DeltaAsync("F32", Bytes<float>([1, 2, 3, 4], BitConverter.GetBytes), Bytes<float>([1, 2, 3, 7], BitConverter.GetBytes));
        Assert.False(delta.IsSame);
        Assert.Equal(3, delta.L2!.Value, 6);
        Assert.Equal(3 / Math.Sqrt(30), delta.RelativeL2!.Value, 6);
        Assert.Equal(3, delta.MaxAbs!.Value, 6);
        Assert.True((await DeltaAsync("F32", new byte[64], new byte[64])).IsSame);
    }

    [Theory]
    [InlineData("BF16", new byte[] { 0x80, 0x3F }, new byte[] { 0x00, 0x40 }, 1)] // 1.0 and 2.0
    [InlineData("F16", new byte[] { 0x00, 0x3C }, new byte[] { 0x00, 0x40 }, 1)]
    [InlineData("I8", new byte[] { 0xFF }, new byte[] { 0x02 }, 3)] // -1 and 2
    [InlineData("U8", new byte[] { 0xFF }, new byte[] { 0x00 }, 255)]
    [InlineData("I32", new byte[] { 1, 0, 0, 0 }, new byte[] { 0xFF, 0xFF, 0xFF, 0xFF }, 2)]
    public async Task Every_type_with_numbers_is_read_as_such(string dtype, byte[] a, byte[] b, double difference) => Assert.Equal(difference, (await DeltaAsync(dtype, a, b)).L2!.Value, 6);

    [Fact]
    public async Task Quantised_blocks_are_only_the_same_or_not()
    {
        var delta = await DeltaAsync("Q8_0", new byte[34], [1, .. new byte[33]]);
        Assert.False(delta.IsSame);
        Assert.Null(delta.L2);
    }

    [Fact]
    public async Task Numbers_that_are_not_finite_are_counted_and_left_out()
    {
        var delta = await DeltaAsync("F32", Bytes<float>([1, float.NaN], BitConverter.GetBytes), Bytes<float>([2, 5], BitConverter.GetBytes));
        Assert.Equal(1, delta.NotFinite);
        Assert.Equal(1, delta.L2!.Value, 6);
    }

    [Fact]
    public async Task Tensor_larger_than_a_chunk_is_read_whole()
    {
        var a = new byte[(1 << 20) * 2 + 8];
        var b = a.ToArray();
        BitConverter.TryWriteBytes(b.AsSpan(b.Length - 4), 2f);
        Assert.Equal(2, (await DeltaAsync("F32", a, b)).L2!.Value, 6);
    }

    [Fact]
    public async Task File_shorter_than_its_header_says_is_a_named_error() =>
        await Assert.ThrowsAsync<EndOfStreamException>(() => TensorDelta.ReadAsync(new MemoryStream(new byte[4]), new TensorInfo("w", "F32", [2], 0, 8), new MemoryStream(new byte[8]), new TensorInfo("w", "F32", [2], 0, 8), default));

    [Theory]
    [InlineData(new[] { "model.layers.1.a", "model.layers.2.b" }, "only layers 1-2")]
    [InlineData(new[] { "model.layers.0.a", "model.layers.1.a", "model.layers.2.b" }, "all 3 layers")]
    [InlineData(new[] { "model.layers.2.b", "lm_head.weight" }, "layer 2 and lm_head.weight")]
    [InlineData(new[] { "lm_head.weight" }, "only lm_head.weight")]
    public void Layers_are_named_from_the_tensors(string[] changed, string words) =>
        Assert.Equal(words, LayerSpan.Describe(changed, ["model.layers.0.a", "model.layers.1.a", "model.layers.2.b", "lm_head.weight"]));

    [Theory]
    [InlineData("blk.24.ffn_up.weight", 24)]
    [InlineData("transformer.h.3.attn.c_attn.weight", 3)]
    [InlineData("encoder.layer.11.output.dense.weight", 11)]
    [InlineData("model.embed_tokens.weight", null)]
    [InlineData("alpha.1.beta", null)]
    public void Layer_of_a_tensor_is_read_from_its_name(string name, int? layer) => Assert.Equal(layer, LayerSpan.Of(name));

    [Fact]
    public void Vocabulary_is_read_from_both_forms_of_a_tokenizer()
    {
        var bpe = Vocabulary.OfTokenizerJson("""{"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":["a b"]},"added_tokens":[{"id":2,"content":"<s>"}]}"""u8.ToArray());
        Assert.Equal(("BPE", 3, 1), (bpe.Algorithm, bpe.Tokens.Count, bpe.Merges));
        var unigram = Vocabulary.OfTokenizerJson("""{"model":{"type":"Unigram","vocab":[["x",-1.5],["y",-2]]}}"""u8.ToArray());
        Assert.Equal(1, unigram.Tokens["y"]);
    }

    [Fact]
    public void Hostile_tokenizers_are_named_errors_or_small() => Gen.String[0, 200].Sample(text =>
    {
        try
        {
            _ = Vocabulary.OfTokenizerJson(Encoding.UTF8.GetBytes(text));
        }
        catch (ProtocolFormatException)
        {
        }
    });

    [Theory]
    [InlineData("""{"model":{"vocab":7}}""")]
    [InlineData("""{"model":[]}""")]
    [InlineData("""{"model":{"vocab":{"a":"b"}},"added_tokens":[1,{"id":{}}]}""")]
    [InlineData("{}")]
    public void Tokenizer_of_another_form_has_no_tokens(string json) => Assert.Empty(Vocabulary.OfTokenizerJson(Encoding.UTF8.GetBytes(json)).Tokens);

    [Fact]
    public void Difference_of_two_texts_leads_from_one_to_the_other() => Gen.Select(Gen.Int[0, 4].Array[0, 30], Gen.Int[0, 4].Array[0, 30]).Sample((a, b) =>
    {
        var (left, right) = (string.Join('\n', a), string.Join('\n', b));
        var lines = LineDiff.Of(left, right);
        Assert.Equal(left, string.Join('\n', lines.Where(l => l.Op != '+').Select(l => l.Text)));
        Assert.Equal(right, string.Join('\n', lines.Where(l => l.Op != '-').Select(l => l.Text)));
    });

    [Fact]
    public void Keys_of_two_documents_are_compared_flat()
    {
        var (a, b) = (JsonKeys.Of("""{"a":{"b":1,"c":[1,2]},"d":null}"""u8.ToArray()), JsonKeys.Of("""{"a":{"b":2,"c":[1,2]},"e":[{"f":1}]}"""u8.ToArray()));
        Assert.Equal([("a.b", "1", "2"), ("d", "null", null), ("e[0].f", null, "1")], JsonKeys.Compare(a, b));
    }

    [Fact]
    public void Typed_variables_take_values_defaults_and_name_every_fault()
    {
        PromptVariable[] declared =
        [
            new("count", PromptVariables.Number, Default: JsonSerializer.SerializeToElement(3)), new("tone", PromptVariables.Enumeration, Values: ["formal", "friendly"]), new("items", PromptVariables.List),
            new("note", Required: false), new("loud", PromptVariables.Boolean),
        ];
        string[] used = ["question", "count", "tone", "items", "note", "loud"];
        var bound = PromptVariables.Bind(used, declared, Values("""{"question":"Why?","tone":"formal","items":["a",2],"loud":"true"}"""));
        Assert.Equal("Why?|3|formal|a\n2||true", string.Join('|', used.Select(u => bound[u])));
        var fault = Assert.Throws<ProtocolFormatException>(() => PromptVariables.Bind(used, declared, Values("""{"count":"many","tone":"freindly","items":{},"loud":1,"other":"x"}""")));
        foreach (var part in (string[])["other: the prompt has no such variable", "question: a value is missing", "count: it must be a number, not 'many'", "tone: it must be one of formal, friendly, not 'freindly'. Did you mean 'friendly'?", "items: it must be a list", "loud: it must be true or false"])
            Assert.Contains(part, fault.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Prompt_file_declares_types_and_its_faults_have_a_place()
    {
        var file = PromptFileReader.Parse("template: 'In {tone}: {question} {n}'\nvariables:\n  tone: { values: [formal, friendly], default: formal }\n  n: number\n").File!;
        Assert.Equal(["tone enum", "n number"], file.Declared.Select(d => $"{d.Name} {d.Type}"));
        Assert.Equal("In formal: Why? 4", PromptRenderer.Messages(file, "Why?", new Dictionary<string, string> { ["n"] = "4" })[0].Content);
        var faults = PromptFileReader.Parse("template: '{a}'\nvariables:\n  a: { type: enum }\n  b: string\n  c: { type: integer }\n").Faults;
        Assert.Contains(faults, f => f.Message.Contains("An enum needs its values", StringComparison.Ordinal));
        Assert.Contains(faults, f => f.Message.Contains("The template has no {b}", StringComparison.Ordinal));
    }

    [Fact]
    public void Prompt_of_MLflow_fills_double_braces_only() =>
        Assert.Equal("{a} B {c}} D", PromptTemplate.ParseMlflow("{a} {{b}} {c}} {{ d }}").Render(new Dictionary<string, string> { ["b"] = "B", ["d"] = "D" }));

    private static Dictionary<string, JsonElement> Values(string json) => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(json)!;

    private static byte[] Bytes<T>(T[] values, Func<T, byte[]> write) => [.. values.SelectMany(write)];

    private static Task<TensorDelta> DeltaAsync(string dtype, byte[] a, byte[] b) =>
        TensorDelta.ReadAsync(new MemoryStream(a), new TensorInfo("w", dtype, [a.Length], 0, a.Length), new MemoryStream(b), new TensorInfo("w", dtype, [b.Length], 0, b.Length), default);
}
