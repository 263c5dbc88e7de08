using System.Buffers.Binary;
using System.Net;
using System.Text;
using System.Text.Json;
using CsCheck;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Registry.Api;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

/// <summary>What changed between two versions of a model, tensor by tensor.</summary>
public class ModelDiffTests
{
    [Theory, DatabaseData]
    public async Task Fine_tune_of_some_layers_is_told_by_name_with_norms(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var first = Tensors(8);
        var second = Tensors(8).ToDictionary(t => t.Key, t => t.Key.Contains("layers.6.", StringComparison.Ordinal) || t.Key.Contains("layers.7.", StringComparison.Ordinal) ? [.. t.Value.Select(v => v + 0.5f)] : t.Value);
        await RegisterAsync(server, first, """{"a":0,"b":1}""", """{"model_type":"llama","rope":{"theta":10000}}""");
        await RegisterAsync(server, second, """{"a":0,"b":1}""", """{"model_type":"llama","rope":{"theta":500000}}""");
        var diff = await server.Client.DiffModelsAsync("models:/m/1", "models:/m/2", "content", default);
        Assert.Equal("4 of 17 tensors changed, only layers 6-7; tokenizer same; configuration: 1 key changed (rope.theta)", diff.Summary);
        Assert.Equal(new TensorCounts(17, 17, 13, 4, 0, 0, 0, 0), diff.Tensors);
        var change = diff.Changes[0];
        Assert.Equal("model.layers.6.attn.weight", change.Name);
        Assert.Equal(Math.Sqrt(4 * 0.25), change.L2!.Value, 5);
        Assert.Equal(0.5, change.MaxAbs!.Value, 5);
        Assert.Equal(new KeyChange("config.json", "rope.theta", "10000", "500000"), Assert.Single(diff.Config));
        // The other way round, and from the cache.
        Assert.Equal(4, (await server.Client.DiffModelsAsync("models:/m/2", "models:/m/1", "content", default)).Tensors.Changed);
        Assert.Equal(diff.Summary, (await server.Client.DiffModelsAsync("models:/m/1", "models:/m/2", "headers", default)).Summary);
        Assert.Equal("The same content.", (await server.Client.DiffModelsAsync("models:/m/1", "models:/m/1", "content", default)).Summary);
    }

    [Fact]
    public async Task Added_removed_and_reshaped_tensors_and_tokens_are_counted()
    {
        await using var server = await TestServer.StartAsync();
        await RegisterAsync(server, new() { ["gone"] = [1], ["shape"] = [1, 2], ["same"] = [3] }, """{"a":0,"b":1,"c":2}""", "{}");
        await RegisterAsync(server, new() { ["new"] = [1], ["shape"] = [1, 2, 3], ["same"] = [3] }, """{"a":0,"c":1,"d":2}""", "{}");
        var diff = await server.Client.DiffModelsAsync("models:/m/1", "models:/m/2", "content", default);
        Assert.Equal(["gone removed", "new added", "shape reshaped"], diff.Changes.Select(c => $"{c.Name} {c.Change}"));
        Assert.Equal(1, diff.Tensors.Same);
        Assert.Equal((1, 1, 1), (diff.Tokenizer!.Added, diff.Tokenizer.Removed, diff.Tokenizer.Moved));
        Assert.Contains("~ \"c\" 2 -> 1", diff.Tokenizer.Samples);
        Assert.Contains("- \"b\" (1)", diff.Tokenizer.Samples);
    }

    [Fact]
    public async Task Tensors_moved_to_other_shards_are_the_same()
    {
        await using var server = await TestServer.StartAsync();
        var blobs = server.Service<IBlobStore>();
        Dictionary<string, float[]> all = new() { ["x"] = [1, 2], ["y"] = [3], ["z"] = [4] };
        async Task PutAsync(params (string File, string[] Names)[] shards) => await server.Service<IModels>().RegisterAsync("m", new NewModelVersion("generative", await blobs.StoreAsync(
            new Dictionary<string, byte[]>(shards.Select(s => KeyValuePair.Create(s.File, Safetensors(s.Names.ToDictionary(n => n, n => all[n]))))) { ["config.json"] = "{}"u8.ToArray(), ["tokenizer.json"] = "{}"u8.ToArray() })), "ann", default);
        await PutAsync(("model.safetensors", ["x", "y", "z"]));
        await PutAsync(("model.safetensors", ["z"]), ("model-2.safetensors", ["y", "x"]));
        var diff = await server.Client.DiffModelsAsync("models:/m/1", "models:/m/2", "content", default);
        Assert.Equal(3, diff.Tensors.Same);
        Assert.StartsWith("no tensor of 3 changed", diff.Summary, StringComparison.Ordinal);
        var headers = await server.Service<IModelDiffs>().CompareAsync("models:/m/2", "models:/m/1", DiffDepth.Headers, default);
        Assert.False(headers.ContentCompared);
        Assert.Equal(3, headers.Tensors.Unknown);
    }

    [Fact]
    public async Task File_that_is_no_model_is_compared_by_digest_and_noted()
    {
        await using var server = await TestServer.StartAsync();
        var api = MlflowApi.Of(server);
        await api.PostAsync("registered-models/create", new { name = "m" });
        foreach (var content in (byte[][])[[1, 2, 3], [255, 255, 255, 255, 255, 255, 255, 127, (byte)'{'], .. new[] { Safetensors(new() { ["w"] = [1] }) }])
        {
            var (run, uri) = await api.CreateRunAsync();
            await api.UploadAsync(uri, "model/model.safetensors", content);
            await api.UploadAsync(uri, "model/model.gguf", content);
            await api.PostAsync("model-versions/create", new { name = "m", source = $"runs:/{run}/model", run_id = run });
        }
        var diff = await server.Client.DiffModelsAsync("models:/m/1", "models:/m/2", "content", default);
        Assert.Equal(4, diff.Notes.Count);
        Assert.Contains("model.safetensors cannot be read as what its name says", string.Join('\n', diff.Notes), StringComparison.Ordinal);
        Assert.Equal(2, diff.Files.Count);
        Assert.Equal(1, (await server.Client.DiffModelsAsync("models:/m/2", "models:/m/3", "content", default)).Tensors.Added);
    }

    [Fact]
    public async Task Any_bytes_as_weights_and_tokenizer_leave_the_server_up()
    {
        await using var server = await TestServer.StartAsync();
        var blobs = server.Service<IBlobStore>();
        var store = server.Service<IModels>();
        var good = Safetensors(new() { ["w"] = [1, 2, 3], ["v"] = [4] });
        var comparison = new Pilothouse.Server.Modules.Registry.Diffs.ModelComparison(blobs);
        await Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, good.Length]).SampleAsync(async (at, value, length) =>
        {
            var bytes = good.ToArray();
            bytes[at] = value;
            var files = await blobs.StoreAsync(new() { ["model.safetensors"] = bytes[..length], ["tokenizer.json"] = bytes[..Math.Min(length, 20)], ["config.json"] = bytes[8..Math.Max(8, length / 2)] });
            var whole = await blobs.StoreAsync(new() { ["model.safetensors"] = good, ["tokenizer.json"] = "{}"u8.ToArray(), ["config.json"] = "{}"u8.ToArray() });
            var diff = await comparison.CompareAsync(Version(files), Version(whole), content: true, default);
            Assert.NotEmpty(diff.Summary);
        }, iter: 100, threads: 1);

        static ModelVersion Version(IReadOnlyList<ArtifactFile> files) => new("m", 1, "generative", "sha256:" + files[0].Digest[7..], 1, files, [], null, null, null, null, [], null, "ann", 1);
    }

    [Theory]
    [InlineData("models:/m/1", "models:/m/9", HttpStatusCode.NotFound)]
    [InlineData("models:/m/1", "prompts:/m/1", HttpStatusCode.BadRequest)]
    [InlineData("", "models:/m/1", HttpStatusCode.BadRequest)]
    public async Task Unknown_versions_are_named_errors(string from, string to, HttpStatusCode status)
    {
        await using var server = await TestServer.StartAsync();
        await RegisterAsync(server, Tensors(1), "{}", "{}");
        using var response = await server.Http.GetAsync($"/api/v1/diff/models?from={Uri.EscapeDataString(from)}&to={Uri.EscapeDataString(to)}");
        Assert.Equal(status, response.StatusCode);
    }

    private static Dictionary<string, float[]> Tensors(int layers)
    {
        var tensors = new Dictionary<string, float[]> { ["model.embed_tokens.weight"] = [1, 2, 3, 4] };
        for (var i = 0; i < layers; i++)
        {
            tensors[$"model.layers.{i}.mlp.weight"] = [1, 2, 3, i];
            tensors[$"model.layers.{i}.attn.weight"] = [i, 5, 6, 7];
        }
        return tensors;
    }

    private static async Task RegisterAsync(TestServer server, Dictionary<string, float[]> tensors, string vocab, string config) => await server.Service<IModels>().RegisterAsync("m", new NewModelVersion("generative",
        await server.Service<IBlobStore>().StoreAsync(new()
        {
            ["config.json"] = Encoding.UTF8.GetBytes(config),
            ["tokenizer.json"] = Encoding.UTF8.GetBytes("{\"model\":{\"type\":\"BPE\",\"vocab\":" + vocab + ",\"merges\":[]}}"),
            ["model.safetensors"] = Safetensors(tensors),
        })), "ann", default);

    internal static byte[] Safetensors(Dictionary<string, float[]> tensors)
    {
        var header = new Dictionary<string, object>();
        var data = new MemoryStream();
        foreach (var (name, values) in tensors)
        {
            var begin = data.Position;
            foreach (var value in values)
            {
                var bytes = new byte[4];
                BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
                data.Write(bytes);
            }
            header[name] = new { dtype = "F32", shape = new[] { values.Length }, data_offsets = new[] { begin, data.Position } };
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(header);
        return [.. BitConverter.GetBytes((ulong)json.Length), .. json, .. data.ToArray()];
    }
}
