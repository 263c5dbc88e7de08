using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Tests.Modules.Hub;
using Pilothouse.Server.Tests.Modules.Registry;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Blobs;

/// <summary>A project's quota holds whichever way content comes.</summary>
public sealed class QuotaTests
{
    private static readonly byte[] Large = BlobHarness.Content(2000, 1);

    [Theory, DatabaseData]
    public async Task Uploads_beyond_the_quota_are_refused_before_anything_is_kept(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        await server.Client.SetBlobQuotaAsync("p", 1000, default);
        var pack = new MemoryStream();
        BlobPack.Write(pack, Digest.Of([7]), [7]);
        BlobPack.Write(pack, Digest.Of(Large), Large);

        await RefusedAsync(await server.Http.PutAsync($"api/v1/blobs/{BlobHarness.DigestOf(Large)}?project=p", new ByteArrayContent(Large)));
        await RefusedAsync(await server.Http.PostAsync("api/v1/blobs?project=p", new ByteArrayContent(Large)));
        await RefusedAsync(() => server.Client.PutPackAsync(pack.ToArray(), "p", TimeSpan.Zero, default));
        await RefusedAsync(() => server.Client.PutRecipeAsync(new NewRecipe(BlobHarness.DigestOf(Large), 2000, [new RecipePart(BlobHarness.DigestOf(Large[..1000]), 1000), new RecipePart(BlobHarness.DigestOf(Large[1000..]), 1000)], "p"), default));
        await RefusedAsync(() => server.Client.CreateUploadAsync(new NewUpload(2000, BlobHarness.DigestOf(Large), null, "p"), default));
        await RefusedAsync(() => server.Client.CreateUploadAsync(new NewUpload(2000, null, "key", "p"), default));
        using var unknown = new HttpRequestMessage(HttpMethod.Put, $"api/v1/blobs/{BlobHarness.DigestOf(Large)}?project=p") { Content = new StreamContent(new OneWay(Large)), Headers = { TransferEncodingChunked = true } };
        Assert.Equal(HttpStatusCode.BadRequest, (await server.Http.SendAsync(unknown)).StatusCode);

        foreach (var folder in (string[])["blobs", "tmp"]) Assert.Empty(Directory.EnumerateFiles(Path.Combine(server.DataPath, folder), "*", SearchOption.AllDirectories));
        // Of no project, or of one without a quota, it comes in.
        (await server.Http.PutAsync($"api/v1/blobs/{BlobHarness.DigestOf(Large)}?project=q", new ByteArrayContent(Large))).EnsureSuccessStatusCode();
    }

    [Theory, DatabaseData]
    public async Task What_is_on_its_way_counts_once_and_what_did_not_come_does_not(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        await server.Client.SetBlobQuotaAsync("p", 1000, default);
        var (first, second) = (BlobHarness.Content(600, 1), BlobHarness.Content(500, 2));

        // Damaged on the way: there is room as before.
        using var damaged = await server.Http.PutAsync($"api/v1/blobs/{BlobHarness.DigestOf(second)}?project=p", new ByteArrayContent(first[..500]));
        Assert.Equal(HttpStatusCode.BadRequest, damaged.StatusCode);
        foreach (var _ in (int[])[1, 2]) (await server.Http.PutAsync($"api/v1/blobs/{BlobHarness.DigestOf(first)}?project=p", new ByteArrayContent(first))).EnsureSuccessStatusCode();
        await RefusedAsync(await server.Http.PutAsync($"api/v1/blobs/{BlobHarness.DigestOf(second)}?project=p", new ByteArrayContent(second)));
        await RefusedAsync(() => server.Client.CreateUploadAsync(new NewUpload(500, null, "key", "p"), default));

        var small = await server.Client.CreateUploadAsync(new NewUpload(300, BlobHarness.DigestOf(BlobHarness.Content(300, 3)), null, "p"), default);
        await RefusedAsync(() => server.Client.CreateUploadAsync(new NewUpload(300, BlobHarness.DigestOf(BlobHarness.Content(300, 4)), null, "p"), default));
        await server.Client.CancelUploadAsync(small.Id, default);
        await server.Client.CreateUploadAsync(new NewUpload(300, BlobHarness.DigestOf(BlobHarness.Content(300, 4)), null, "p"), default);
    }

    [Theory, DatabaseData]
    public async Task Registering_what_was_uploaded_for_no_project_is_refused_too(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var blobs = server.Service<IBlobStore>();
        var rows = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 60).Select(i => $"{{\"x\":{i}}}\n")));
        var data = await blobs.PutAsync(rows, default);
        var files = await blobs.StoreAsync(TestModels.Generative());
        await server.Client.SetBlobQuotaAsync("p", data.Size - 1, default);

        await RefusedAsync(() => server.Client.RegisterDatasetAsync("rows", new NewDatasetVersion(data.Digest, "jsonl", Project: "p"), default));
        Assert.Empty(await server.Client.ListDatasetsAsync(default));
        await server.Client.SetBlobQuotaAsync("p", data.Size + 10, default);
        await server.Client.RegisterDatasetAsync("rows", new NewDatasetVersion(data.Digest, "jsonl", Project: "p"), default);
        // The same content under another name takes no more.
        await server.Client.RegisterDatasetAsync("again", new NewDatasetVersion(data.Digest, "jsonl", Project: "p"), default);
        await RefusedAsync(() => server.Client.RegisterModelAsync("m", new NewModelVersion("generative", files, Project: "p"), default));
        Assert.Empty(await server.Client.ListModelsAsync(default));
        await server.Client.RegisterModelAsync("m", new NewModelVersion("generative", files, Project: "q"), default);
    }

    [Theory, DatabaseData]
    public async Task Git_lfs_and_the_hub_answer_507_in_their_own_shapes(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var blobs = server.Service<IBlobStore>();
        var held = await blobs.PutAsync(Large, default);
        await server.Client.CreateProjectAsync("shop", default);
        await server.Client.RegisterModelAsync("team--tiny", new NewModelVersion("generative", await blobs.StoreAsync(TestModels.Generative()), Project: "shop"), default);
        await server.Client.SetBlobQuotaAsync("shop", 1000, default);

        // What the server has anyway is not given to a project that has no room for it.
        foreach (var oid in (string[])[held.Digest[7..], new string('a', 64)])
        {
            using var batch = await server.Http.PostAsJsonAsync("git/shop.git/info/lfs/objects/batch", new { operation = "upload", objects = new[] { new { oid, size = Large.Length } } });
            Assert.Equal(HttpStatusCode.InsufficientStorage, batch.StatusCode);
            Assert.Equal("application/vnd.git-lfs+json", batch.Content.Headers.ContentType!.MediaType);
            Assert.Contains("'shop' may keep 1000 bytes", JsonDocument.Parse(await batch.Content.ReadAsStringAsync()).RootElement.GetProperty("message").GetString(), StringComparison.Ordinal);
        }
        using var download = await server.Http.PostAsJsonAsync("git/shop.git/info/lfs/objects/batch", new { operation = "download", objects = new[] { new { oid = held.Digest[7..], size = Large.Length } } });
        Assert.Contains("404", await download.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        var hub = new HubCalls(server.Http);
        using var large = await hub.SendAsync(HttpMethod.Post, "team/tiny.git/info/lfs/objects/batch", new { operation = "upload", transfers = new[] { "basic", "multipart" }, objects = new[] { new { oid = new string('b', 64), size = 5000 } }, hash_algo = "sha256" });
        Assert.Equal(HttpStatusCode.InsufficientStorage, large.StatusCode);
        using var small = await hub.TryCommitAsync("team/tiny", null, HubCalls.File("README.md", new string('x', 1500)));
        Assert.Equal(HttpStatusCode.InsufficientStorage, small.StatusCode);
        Assert.Single(await server.Client.ListModelVersionsAsync("team--tiny", default));
        await hub.CommitAsync("team/tiny", null, HubCalls.File("README.md", "short"));
        Assert.Equal("shop", (await server.Client.GetModelVersionAsync("models:/team--tiny/2", default)).Project);
    }

    private static async Task RefusedAsync(HttpResponseMessage response)
    {
        using (response)
        {
            Assert.Equal(507, (int)response.StatusCode);
            Assert.Equal("STORAGE_FULL", JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("error").GetProperty("code").GetString());
        }
    }

    private static async Task RefusedAsync(Func<Task> call)
    {
        var refused = await Assert.ThrowsAsync<PilothouseApiException>(call);
        Assert.Equal(("STORAGE_FULL", 507), (refused.Code, refused.Status));
    }

    /// <summary>A body whose length is not known.</summary>
    private sealed class OneWay(byte[] content) : Protocols.Streams.ReadOnlyStream
    {
        private int _at;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = Math.Min(buffer.Length, content.Length - _at);
            content.AsSpan(_at, read).CopyTo(buffer.Span);
            _at += read;
            return ValueTask.FromResult(read);
        }
    }
}
