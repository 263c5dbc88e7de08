using System.Text.Json.Nodes;
using CsCheck;
using Pilothouse.Server.Modules.Gateway;
using Pilothouse.Server.Modules.Gateway.Engines;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Inference;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Gateway.Engines;

/// <summary>Files of a model are foreign: whatever they hold, the caller gets a named error and the next model works.</summary>
public sealed class HostileModelTests : IDisposable
{
    private readonly OnnxEngine _engine = new(new GatewayOptions { EngineThreads = 1 }, TimeProvider.System);
    private int _digests;

    [Theory]
    [InlineData("config.json", "", "config.json")]
    [InlineData("config.json", "[]", "config.json")]
    [InlineData("config.json", "{\"model_type\":\"gpt2\"}", "gpt2")]
    [InlineData("config.json", "{\"model_type\":7}", "config.json")]
    [InlineData("config.json", "{\"model_type\":\"llama\"}", "num_attention_heads")]
    [InlineData("tokenizer.json", "{", "tokenizer.json")]
    [InlineData("tokenizer.json", "{\"model\":{\"type\":\"Unigram\"}}", "tokenizer.json")]
    [InlineData("tokenizer_config.json", "{\"chat_template\":\"{% macro x() %}\"}", "macro")]
    [InlineData("tokenizer_config.json", "null", "tokenizer_config.json")]
    [InlineData("generation_config.json", "{\"eos_token_id\":[\"x\"]}", "generation_config.json")]
    [InlineData("model.onnx", "not a model", "model.onnx")]
    [InlineData("model.onnx", "", "model.onnx")]
    public async Task A_broken_file_is_named(string file, string content, string named)
    {
        var directory = await SampleModels.CopyAsync("assistant-v4");
        await File.WriteAllTextAsync(Path.Combine(directory, file), content);
        var error = await Assert.ThrowsAsync<PilothouseException>(() => AskAsync(directory));
        Assert.Equal(ErrorCode.Unsupported, error.Code);
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.NotEmpty((await AskAsync(await SampleModels.DirectoryAsync("assistant-v4"))).Text);
    }

    [Fact]
    public async Task Weights_without_a_graph_have_their_remedy()
    {
        var directory = await SampleModels.CopyAsync("assistant-v4");
        File.Delete(Path.Combine(directory, "model.onnx"));
        var error = await Assert.ThrowsAsync<PilothouseException>(() => AskAsync(directory));
        Assert.Equal(ErrorCode.Unsupported, error.Code);
        Assert.Contains("model.safetensors", error.Message, StringComparison.Ordinal);
        Assert.Contains("export", error.Message, StringComparison.Ordinal);
    }

    /// <summary>Numbers that do not fit the graph: too many layers, another head width, more tokens than logits.</summary>
    [Theory]
    [InlineData("num_hidden_layers", 4)]
    [InlineData("num_hidden_layers", 1_000_000)]
    [InlineData("num_hidden_layers", 2)]
    [InlineData("head_dim", 25)]
    [InlineData("num_key_value_heads", 2)]
    [InlineData("vocab_size", 100)]
    [InlineData("vocab_size", 600)]
    [InlineData("max_position_embeddings", -1)]
    public async Task A_config_that_does_not_fit_the_graph_is_a_named_error(string member, int value)
    {
        var directory = await SampleModels.CopyAsync("assistant-v4");
        var path = Path.Combine(directory, "config.json");
        var config = JsonNode.Parse(await File.ReadAllTextAsync(path))!;
        config[member] = value;
        await File.WriteAllTextAsync(path, config.ToJsonString());
        var error = await Assert.ThrowsAsync<PilothouseException>(() => AskAsync(directory));
        Assert.True(error.Code is ErrorCode.Unsupported or ErrorCode.UpstreamFailed, $"{error.Code}: {error.Message}");
    }

    /// <summary>A context that config.json makes larger than the graph's rotary tables fails in the graph, with a name.</summary>
    [Fact]
    public async Task A_context_larger_than_the_graphs_is_a_named_error()
    {
        var directory = await SampleModels.CopyAsync("assistant-v4");
        var path = Path.Combine(directory, "config.json");
        await File.WriteAllTextAsync(path, (await File.ReadAllTextAsync(path)).Replace("\"max_position_embeddings\": 128", "\"max_position_embeddings\": 4096", StringComparison.Ordinal));
        var error = await Assert.ThrowsAsync<PilothouseException>(() => AskAsync(directory, string.Concat(Enumerable.Repeat("lamp ", 400))));
        Assert.Equal(ErrorCode.UpstreamFailed, error.Code);
    }

    [Theory]
    [InlineData("bits", 27)]
    [InlineData("bits", 99)]
    [InlineData("max_tokens", 0)]
    [InlineData("hash", "md5")]
    [InlineData("token_pattern", "(")]
    [InlineData("token_pattern", "(?<=a)b")]
    [InlineData("positive_label", "other")]
    [InlineData("labels", "urgent")]
    [InlineData("onnx_input", "nothing")]
    public async Task A_classifiers_config_that_does_not_fit_is_a_named_error(string member, object value)
    {
        var directory = await SampleModels.CopyAsync("triage-v1");
        var path = Path.Combine(directory, "config.json");
        var config = JsonNode.Parse(await File.ReadAllTextAsync(path))!;
        config[member] = value is int number ? number : (string)value;
        await File.WriteAllTextAsync(path, config.ToJsonString());
        var error = await Assert.ThrowsAsync<PilothouseException>(() => _engine.ClassifyAsync(Model(directory), ["Is very hurry, my parcel is lost and I need it today!"], CancellationToken.None));
        Assert.True(error.Code is ErrorCode.Unsupported or ErrorCode.UpstreamFailed, $"{error.Code}: {error.Message}");
    }

    [Fact]
    public async Task Random_damage_to_small_files_gives_only_named_errors()
    {
        var sound = await SampleModels.DirectoryAsync("assistant-v4");
        var directory = await SampleModels.CopyAsync("assistant-v4");
        string[] files = ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"];
        var damage = Gen.Select(Gen.Int[0, files.Length - 1], Gen.Int[0, 20_000], Gen.Char[' ', '~'], Gen.Bool).Array[60].Generate(new PCG(5), null, out _);
        foreach (var (index, at, value, cut) in damage)
        {
            var file = files[index];
            var path = Path.Combine(directory, file);
            var bytes = await File.ReadAllBytesAsync(Path.Combine(sound, file));
            var where = at % bytes.Length;
            await File.WriteAllBytesAsync(path, cut ? bytes[..where] : [.. bytes[..where], (byte)value, .. bytes[(where + 1)..]]);
            try
            {
                await AskAsync(directory);
            }
            catch (PilothouseException)
            {
                // The named refusal is the point.
            }
            await File.WriteAllBytesAsync(path, bytes);
        }
        Assert.NotEmpty((await AskAsync(sound)).Text);
    }

    public void Dispose() => _engine.Dispose();

    private Task<Generation> AskAsync(string directory, string text = "Where is my lamp?") => _engine.GenerateAsync(Model(directory), new GenerationRequest([new ChatTurn("user", text)], 8, 0), CancellationToken.None);

    private EngineModel Model(string directory) => new("models:/broken/1", $"sha256:{_digests++}", directory, 1, null);
}
