using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Client;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Registry;

public class RegistryEndpointTests
{
    [Theory, DatabaseData]
    public async Task A_directory_goes_up_and_comes_down_the_same(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var directory = Directory.CreateTempSubdirectory("pilothouse-test-");
        try
        {
            var source = Path.Combine(directory.FullName, "model");
            foreach (var (path, content) in TestModels.Generative()) await WriteAsync(source, path, content);
            await WriteAsync(source, "notes/readme.md", "hello"u8.ToArray());

            var version = await server.Client.RegisterModelDirectoryAsync("assistant", source, files => new NewModelVersion("generative", files, "first"), default);
            await server.Client.SetModelAliasAsync("assistant", "champion", 1, default);
            var found = await server.Client.GetModelVersionAsync("models:/assistant@champion", default);
            await server.Client.PullModelAsync(found, Path.Combine(directory.FullName, "pulled"), default);

            Assert.Equal(version.Digest, found.Digest);
            Assert.Equal((await ContentManifest.OfDirectoryAsync(source, default)).Digest.ToString(), version.Digest);
            Assert.Equal(version.Digest, (await ContentManifest.OfDirectoryAsync(Path.Combine(directory.FullName, "pulled"), default)).Digest.ToString());
            await server.Client.DeleteModelAliasAsync("assistant", "champion", default);
            Assert.Empty(Assert.Single(await server.Client.ListModelsAsync(default)).Aliases);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("{\"kind\":\"classifier\"", 400, "not valid JSON")]
    [InlineData("{\"kind\":\"classifier\"}", 400, "files")]
    [InlineData("{\"kind\":\"classifier\",\"files\":[null]}", 400, "path")]
    [InlineData("{\"kind\":\"classifier\",\"files\":[{\"path\":\"../x\",\"digest\":\"sha256:0\",\"size\":1}]}", 400, "cannot be the path")]
    [InlineData("{\"kind\":\"gguf\",\"files\":[{\"path\":\"m.gguf\",\"digest\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\",\"size\":1}]}", 415, "Accepted are")]
    [InlineData("{\"kind\":\"classifier\",\"files\":[{\"path\":\"config.json\",\"digest\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\",\"size\":1},{\"path\":\"model.onnx\",\"digest\":\"sha256:0000000000000000000000000000000000000000000000000000000000000000\",\"size\":1}]}", 404, "PUT /api/v1/blobs")]
    public async Task A_bad_registration_is_answered_and_the_server_stays_up(string body, int status, string says)
    {
        await using var server = await TestServer.StartAsync();

        using var response = await server.Http.PostAsync("/api/v1/models/m/versions", new StringContent(body, Encoding.UTF8, "application/json"));

        Assert.Equal(status, (int)response.StatusCode);
        Assert.Contains(says, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Empty(await server.Client.ListModelsAsync(default));
    }

    [Fact]
    public async Task An_upload_with_another_digest_stores_nothing()
    {
        await using var server = await TestServer.StartAsync();
        var digest = Digest.Of("what was promised"u8).ToString();

        using var response = await server.Http.PutAsync($"/api/v1/blobs/{digest}", new ByteArrayContent("what came"u8.ToArray()));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("DIGEST_MISMATCH", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.False(await server.Client.HasBlobAsync(digest, default));
        AssertNoFiles(server);
    }

    [Fact]
    public async Task An_upload_cut_in_the_middle_stores_nothing()
    {
        var ended = new TaskCompletionSource();
        await using var server = await TestServer.StartAsync(customize: builder => builder.Services.AddSingleton<IStartupFilter>(new Watch(ended)));
        var content = new byte[100_000];
        var digest = Digest.Of(content).ToString();

        using (var socket = new TcpClient())
        {
            await socket.ConnectAsync(server.Url.Host, server.Url.Port);
            var stream = socket.GetStream();
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"PUT /api/v1/blobs/{digest} HTTP/1.1\r\nHost: x\r\nContent-Length: {content.Length}\r\nConnection: close\r\n\r\n"));
            await stream.WriteAsync(content.AsMemory(0, 60_000));
            socket.Client.Shutdown(SocketShutdown.Send);
            await ended.Task;
        }

        Assert.False(await server.Client.HasBlobAsync(digest, default));
        AssertNoFiles(server);
    }

    [Fact]
    public async Task Data_sets_and_prompts_are_registered_over_http()
    {
        await using var server = await TestServer.StartAsync();
        using var upload = await server.Http.PostAsync("/api/v1/blobs", new ByteArrayContent("{\"prompt\":\"a\"}\n"u8.ToArray()));
        var blob = await upload.Content.ReadFromJsonAsync<StoredBlob>(PilothouseClient.Json);

        var dataset = await server.Client.RegisterDatasetAsync("heldout", new NewDatasetVersion(blob!.Digest, "jsonl"), default);
        var prompt = await server.Client.RegisterPromptAsync("support", new NewPromptVersion("Answer {prompt}."), default);

        Assert.Equal("datasets:/heldout/1", dataset.Reference);
        Assert.Equal(dataset.Digest, (await server.Http.GetFromJsonAsync<DatasetVersion>("/api/v1/datasets/heldout/versions/1", PilothouseClient.Json))!.Digest);
        Assert.Equal(prompt.Digest, (await server.Http.GetFromJsonAsync<PromptVersion>("/api/v1/prompts/support", PilothouseClient.Json))!.Digest);
        var error = await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.RegisterDatasetAsync("heldout", new NewDatasetVersion(blob.Digest, "parquet"), default));
        Assert.Equal((400, "INVALID_ARGUMENT"), (error.Status, error.Code));
        error = await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.RegisterDatasetAsync("heldout", new NewDatasetVersion(blob.Digest, "arrow"), default));
        Assert.Equal((415, "UNSUPPORTED"), (error.Status, error.Code));
    }

    private static async Task WriteAsync(string directory, string path, byte[] content)
    {
        var file = Path.Combine(directory, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllBytesAsync(file, content);
    }

    private static void AssertNoFiles(TestServer server)
    {
        Assert.Empty(Directory.GetFiles(Path.Combine(server.DataPath, "blobs"), "*", SearchOption.AllDirectories));
        Assert.Empty(Directory.GetFiles(Path.Combine(server.DataPath, "tmp")));
    }

    /// <summary>Tells when the first request has been dealt with.</summary>
    private sealed class Watch(TaskCompletionSource ended) : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use(async (HttpContext context, RequestDelegate request) =>
            {
                try
                {
                    await request(context);
                }
                finally
                {
                    ended.TrySetResult();
                }
            });
            next(app);
        };
    }
}
