using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Hub;

/// <summary>Hugging Face's own JavaScript clients, unchanged.</summary>
public sealed class HuggingFaceClientTests
{
    private const string Client = "@huggingface/hub@2.17.5";
    private const string Transformers = "@huggingface/transformers@4.3.1";

    private const int Large = 3 * 1024 * 1024;

    [Fact]
    public async Task Hub_client_creates_uploads_lists_downloads_and_deletes()
    {
        var peer = await NpmPeer.InstallAsync(Client);
        await using var server = await TestServer.StartAsync(customize: b => b.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Hub:MultipartBytes"] = $"{1024 * 1024}" }));
        var folder = Directory.CreateTempSubdirectory("pilothouse-hub-");
        try
        {
            var files = Path.Combine(folder.FullName, "files");
            Directory.CreateDirectory(files);
            await File.WriteAllTextAsync(Path.Combine(files, "README.md"), "---\nlicense: mit\npipeline_tag: text-generation\n---\n# Tiny\n");
            await File.WriteAllTextAsync(Path.Combine(files, "config.json"), """{"model_type":"llama"}""");
            await File.WriteAllBytesAsync(Path.Combine(files, "model.safetensors"), Safetensors());
            var large = new byte[Large];
            new Random(1).NextBytes(large);
            await File.WriteAllBytesAsync(Path.Combine(files, "large.bin"), large);

            var said = JsonDocument.Parse(await NpmPeer.RunAsync(peer, "client.mjs", server.Url + "hf", files, Path.Combine(folder.FullName, "cache"))).RootElement;

            string Text(string name) => said.GetProperty(name).GetString()!;
            Assert.False(said.GetProperty("before").GetBoolean());
            Assert.Equal("team/tiny", Text("created"));
            Assert.Equal(["README.md", "config.json", "large.bin", "model.safetensors"], said.GetProperty("listed").EnumerateArray().Select(f => f[0].GetString()!));
            Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(large)), said.GetProperty("listed")[2][3].GetString());
            Assert.Contains("# Tiny", Text("card"), StringComparison.Ordinal);
            Assert.Equal(Large, said.GetProperty("large").GetInt32());
            Assert.Equal(large[^4..].Select(b => (int)b), said.GetProperty("tail").EnumerateArray().Select(b => b.GetInt32()));
            Assert.Equal(JsonValueKind.Null, said.GetProperty("missing").ValueKind);
            Assert.Equal([true, false], said.GetProperty("exists").EnumerateArray().Select(e => e.GetBoolean()));
            Assert.Equal(("team/tiny", "text-generation", "mit"), (said.GetProperty("info").GetProperty("name").GetString(), said.GetProperty("info").GetProperty("task").GetString(), said.GetProperty("info").GetProperty("license").GetString()));
            Assert.Equal(2, said.GetProperty("info").GetProperty("safetensors").GetProperty("total").GetInt64());
            Assert.Equal(Text("commit"), said.GetProperty("info").GetProperty("sha").GetString());
            Assert.All(said.GetProperty("paths").EnumerateArray(), p => Assert.Equal("First weights", p[1].GetString()));
            Assert.Equal(["team/tiny"], said.GetProperty("models").EnumerateArray().Select(m => m.GetString()!));
            Assert.Equal(4, said.GetProperty("snapshot").GetArrayLength());
            Assert.True(said.GetProperty("same").GetBoolean());
            Assert.Equal(412, said.GetProperty("stale")[0].GetInt32());
            Assert.Equal("A commit has happened since:", said.GetProperty("stale")[1].GetString());
            Assert.Equal(["Without the large one", "First weights"], said.GetProperty("history").EnumerateArray().Select(h => h.GetString()!));
            Assert.Equal(404, said.GetProperty("nobody").GetInt32());
            Assert.Equal("{\"q\":\"c\"}\n", Text("rows"));
            Assert.Equal(2, (await server.Client.ListModelVersionsAsync("team--tiny", default)).Count);
            Assert.Equal(["train", "test"], (await server.Client.GetDatasetAsync("team--faq", null, default)).Splits.Select(s => s.Name));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task Transformers_js_takes_a_tokenizer_that_the_registry_has()
    {
        var peer = await NpmPeer.InstallAsync(Transformers);
        await using var server = await TestServer.StartAsync();
        var directory = await SampleModels.DirectoryAsync("assistant-v4");
        await server.Client.RegisterModelDirectoryAsync("assistant", directory, files => new NewModelVersion("generative", files), default);
        var cache = Directory.CreateTempSubdirectory("pilothouse-hub-");
        try
        {
            var said = JsonDocument.Parse(await NpmPeer.RunAsync(peer, "tokenize.mjs", server.Url + "hf/", "assistant", cache.FullName)).RootElement;
            Assert.True(said.GetProperty("ids").GetArrayLength() > 3);
            Assert.Contains("Turin", said.GetProperty("text").GetString(), StringComparison.Ordinal);
        }
        finally
        {
            cache.Delete(recursive: true);
        }
    }

    private static byte[] Safetensors()
    {
        var header = """{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"""u8;
        return [.. BitConverter.GetBytes((ulong)header.Length), .. header, .. new byte[8]];
    }
}
