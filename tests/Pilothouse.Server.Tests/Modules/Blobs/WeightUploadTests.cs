using System.Net.Http.Headers;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Client;
using Pilothouse.Client.Uploads;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Blobs;

/// <summary>A changed checkpoint brings, and takes on the disk, only what changed.</summary>
public sealed class WeightUploadTests : IAsyncDisposable
{
    private const int Large = 3_000_000;
    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("pilothouse-test-");

    /// <summary>Eight layers, each with a small norm beside it.</summary>
    private static List<(string Name, int Length, int Seed)> Layers(params int[] changed) =>
        [.. Enumerable.Range(0, 8).SelectMany(i => new[] { ($"layer.{i}.norm", 2000, 100 + i), ($"layer.{i}.weight", Large, changed.Contains(i) ? 1000 + i : i) })];

    [Theory, DatabaseData]
    public async Task A_changed_checkpoint_sends_and_stores_what_changed(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var (first, second, third) = (WeightFiles.Safetensors(Layers()), WeightFiles.Safetensors(Layers(3), "another note"), WeightFiles.Safetensors(Layers(3, 7)));
        var whole = await UploadAsync(server, first);
        Assert.Equal((first.Length, 0), (whole.Sent, whole.Tensors));
        await server.Client.GetTensorsAsync(whole.Digest, default); // looked at by now
        var before = Stored(server);

        var changed = await UploadAsync(server, second);
        var again = await UploadAsync(server, third);

        Assert.Equal((16, 1), (changed.Tensors, changed.TensorsSent));
        Assert.InRange(changed.Sent, Large, Large + 10_000);
        Assert.InRange(again.Sent, Large, Large + 10_000);
        Assert.InRange(Stored(server) - before, 2 * Large, 2 * Large + 100_000);
        Assert.Equal(BlobHarness.DigestOf(second), changed.Digest);
        Assert.Equal(second, await server.Http.GetByteArrayAsync($"api/v1/blobs/{changed.Digest}"));
        Assert.Equal(third, await server.Http.GetByteArrayAsync($"api/v1/blobs/{again.Digest}"));
        using var request = new HttpRequestMessage(HttpMethod.Get, $"api/v1/blobs/{changed.Digest}") { Headers = { Range = new RangeHeaderValue(2_999_000, 9_100_000) } };
        using var range = await server.Http.SendAsync(request);
        Assert.Equal(second[2_999_000..9_100_001], await range.Content.ReadAsByteArrayAsync());
        var path = await server.Service<IBlobStore>().LocalPathAsync(changed.Digest, default);
        Assert.Equal(second, await File.ReadAllBytesAsync(path));

        var (a, b) = (await server.Client.GetTensorsAsync(whole.Digest, default), await server.Client.GetTensorsAsync(changed.Digest, default));
        Assert.Equal(["layer.3.weight"], a.Tensors.Zip(b.Tensors).Where(p => p.First.Digest != p.Second.Digest).Select(p => p.First.Name));
    }

    [Fact]
    public async Task A_gguf_file_shares_its_tensors_too_and_one_that_shares_nothing_is_stored_whole()
    {
        await using var server = await TestServer.StartAsync();
        var first = await UploadAsync(server, WeightFiles.Gguf(Layers()));
        await server.Client.GetTensorsAsync(first.Digest, default);
        var content = WeightFiles.Gguf(Layers(0));
        var second = await UploadAsync(server, content);
        var other = await UploadAsync(server, WeightFiles.Gguf(Layers(0, 1, 2, 3, 4, 5, 6, 7).ConvertAll(t => t with { Seed = t.Seed + 5000 })));

        Assert.InRange(second.Sent, Large, Large + 10_000);
        Assert.Equal(content, await server.Http.GetByteArrayAsync($"api/v1/blobs/{second.Digest}"));
        Assert.Equal((other.Size, 0), (other.Sent, other.Tensors));
    }

    [Fact]
    public async Task The_garbage_collection_keeps_what_others_are_made_of()
    {
        await using var server = await TestServer.StartAsync();
        var garbage = server.Service<IBlobGarbage>();
        var (first, second) = (WeightFiles.Safetensors(Layers()), WeightFiles.Safetensors(Layers(3)));
        var whole = await UploadAsync(server, first);
        await server.Client.GetTensorsAsync(whole.Digest, default);
        var changed = await UploadAsync(server, second);
        await server.Service<Db>().WriteAsync(session => session.ExecuteAsync("DELETE FROM blb_upload"), default);
        var later = TimeProvider.System.GetUtcNow().AddDays(1).ToUnixTimeMilliseconds();

        // Nobody names either, but only the recipe was used lately: what it is made of stays.
        foreach (var file in Directory.EnumerateFiles(Path.Combine(server.DataPath, "blobs", "sha256"), "*", SearchOption.AllDirectories)) File.SetLastWriteTimeUtc(file, new DateTime(2020, 1, 1));
        var kept = await garbage.SweepAsync([whole.Digest, changed.Digest], new HashSet<string>(), TimeProvider.System.GetUtcNow().AddDays(-1).ToUnixTimeMilliseconds(), dryRun: false, default);
        Assert.Empty(kept.Deleted);
        Assert.Equal(second, await server.Http.GetByteArrayAsync($"api/v1/blobs/{changed.Digest}"));

        var gone = await garbage.SweepAsync([whole.Digest, changed.Digest], new HashSet<string>(), later, dryRun: false, default);
        Assert.Equal(2, gone.Deleted.Count);
        Assert.False(await server.Client.HasBlobAsync(changed.Digest, default));
        Assert.False(await server.Client.HasBlobAsync(whole.Digest, default));
    }

    [Theory]
    [InlineData(10, "sha256:11", 400)]
    [InlineData(-1, "sha256:1111111111111111111111111111111111111111111111111111111111111111", 400)]
    [InlineData(9, "sha256:1111111111111111111111111111111111111111111111111111111111111111", 400)]
    [InlineData(10, "sha256:1111111111111111111111111111111111111111111111111111111111111111", 200)]
    public async Task A_recipe_must_add_up(long size, string digest, int status)
    {
        await using var server = await TestServer.StartAsync();
        using var response = await server.Http.PostAsync("api/v1/recipes", System.Net.Http.Json.JsonContent.Create(new NewRecipe(digest, 10, [new RecipePart(digest, size)]), options: PilothouseClient.Json));
        Assert.Equal(status, (int)response.StatusCode);
    }

    [Fact]
    public async Task Parts_that_give_another_whole_are_refused()
    {
        await using var server = await TestServer.StartAsync();
        var part = BlobHarness.Content(1000);
        await server.Http.PutAsync($"api/v1/blobs/{BlobHarness.DigestOf(part)}", new ByteArrayContent(part));
        var promised = BlobHarness.DigestOf([1]);

        var refused = await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.PutRecipeAsync(new NewRecipe(promised, 2000, [new RecipePart(BlobHarness.DigestOf(part), 1000), new RecipePart(BlobHarness.DigestOf(part), 1000)]), default));
        Assert.Equal("DIGEST_MISMATCH", refused.Code);
        Assert.False(await server.Client.HasBlobAsync(promised, default));
    }

    public ValueTask DisposeAsync()
    {
        _files.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }

    private async Task<UploadedFile> UploadAsync(TestServer server, byte[] content)
    {
        var path = Path.Combine(_files.FullName, $"{Guid.NewGuid():N}.safetensors");
        await File.WriteAllBytesAsync(path, content);
        return await server.Client.UploadFileAsync(path, null, new UploadOptions(), default);
    }

    private static long Stored(TestServer server) => new DirectoryInfo(Path.Combine(server.DataPath, "blobs")).EnumerateFiles("*", SearchOption.AllDirectories).Sum(f => f.Length);
}
