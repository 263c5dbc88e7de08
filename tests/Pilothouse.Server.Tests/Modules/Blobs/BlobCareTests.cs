using Pilothouse.Client;
using Pilothouse.Client.Uploads;
using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Blobs;

/// <summary>Garbage collection of the whole store, scrub, usage and quotas, over HTTP.</summary>
public sealed class BlobCareTests
{
    [Theory, DatabaseData]
    public async Task What_nothing_names_goes_after_its_time_of_grace(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var dataset = await DatasetAsync(server, "p");
        var (old, young) = (await server.Service<IBlobStore>().PutAsync([1], default), await server.Service<IBlobStore>().PutAsync([2], default));
        Age(server, old.Digest);
        Age(server, dataset);

        var dry = await server.Client.CollectBlobsAsync(new BlobGarbageRequest(), default);
        Assert.Equal((true, 1, 1L), (dry.DryRun, dry.Deleted, dry.Bytes));
        Assert.True(File.Exists(PathOf(server, old.Digest)));
        var done = await server.Client.CollectBlobsAsync(new BlobGarbageRequest(DryRun: false), default);
        Assert.Equal((1, 1L, 1), (done.Deleted, done.Bytes, done.Recent));
        Assert.False(File.Exists(PathOf(server, old.Digest)));
        Assert.True(File.Exists(PathOf(server, young.Digest)));
        Assert.True(File.Exists(PathOf(server, dataset)));
        var refused = await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.CollectBlobsAsync(new BlobGarbageRequest(false, 60), default));
        Assert.Equal("INVALID_ARGUMENT", refused.Code);
    }

    [Fact]
    public async Task The_collection_takes_a_content_made_of_parts_and_then_the_parts()
    {
        await using var server = await TestServer.StartAsync();
        var parts = new[] { BlobHarness.Content(1000, 1), BlobHarness.Content(1000, 2) };
        foreach (var part in parts) await server.Service<IBlobStore>().PutAsync(part, default);
        byte[] whole = [.. parts[0], .. parts[1]];
        var digest = BlobHarness.DigestOf(whole);
        await server.Client.PutRecipeAsync(new NewRecipe(digest, 2000, [.. parts.Select(p => new RecipePart(BlobHarness.DigestOf(p), 1000))]), default);
        foreach (var part in parts) Age(server, BlobHarness.DigestOf(part));

        Assert.Equal(0, (await server.Client.CollectBlobsAsync(new BlobGarbageRequest(DryRun: false), default)).Deleted);
        Assert.Equal(whole, await server.Http.GetByteArrayAsync($"api/v1/blobs/{digest}"));
        var recipe = Path.Combine(server.DataPath, "blobs", "recipes", digest[7..9], digest[7..]);
        File.SetLastWriteTimeUtc(recipe, new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        foreach (var part in parts) Age(server, BlobHarness.DigestOf(part));
        Assert.Equal(3, (await server.Client.CollectBlobsAsync(new BlobGarbageRequest(DryRun: false), default)).Deleted);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(server.DataPath, "blobs"), "*", SearchOption.AllDirectories));
    }

    [Theory, DatabaseData]
    public async Task A_scrub_finds_what_is_damaged_and_what_is_missing(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var dataset = await DatasetAsync(server, "p");
        var damaged = await server.Service<IBlobStore>().PutAsync(BlobHarness.Content(3_000_000), default);
        var clean = await ScrubAsync(server);
        Assert.Equal(("done", 0), (clean.State, clean.FaultCount));
        Assert.True(clean.Bytes >= 3_000_000);

        await using (var file = File.OpenWrite(PathOf(server, damaged.Digest)))
        {
            file.Position = 1_500_000;
            file.WriteByte(7);
            file.WriteByte(8);
        }
        File.Delete(PathOf(server, dataset));
        var found = await ScrubAsync(server);
        Assert.Equal([("corrupt", damaged.Digest), ("missing", dataset)], found.Faults.Select(f => (f.Kind, f.Digest)).Order());
        Assert.Contains("datasets:/rows/1", found.Faults.Single(f => f.Kind == "missing").Detail, StringComparison.Ordinal);
    }

    [Theory, DatabaseData]
    public async Task Usage_is_told_by_project_and_a_quota_is_kept(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        await DatasetAsync(server, "p");
        await server.Service<IBlobStore>().PutAsync(new byte[500], default);
        var usage = await server.Client.GetBlobUsageAsync(default);
        var project = Assert.Single(usage.Projects);
        Assert.Equal(("p", 1L, (long?)null), (project.Project, project.Blobs, project.QuotaBytes));
        Assert.Equal((2L, project.Bytes + 500, 500L), (usage.Blobs, usage.StoredBytes, usage.Unnamed));

        await server.Client.SetBlobQuotaAsync("p", project.Bytes + 1000, default);
        Assert.False((await server.Client.CreateUploadAsync(new NewUpload(900, BlobHarness.DigestOf([1]), null, "p"), default)).Held);
        var refused = await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.CreateUploadAsync(new NewUpload(200, BlobHarness.DigestOf([2]), null, "p"), default));
        Assert.Equal(("STORAGE_FULL", 507), (refused.Code, refused.Status));
        Assert.Contains("'p' may keep", refused.Message, StringComparison.Ordinal);
        await server.Client.SetBlobQuotaAsync("p", null, default);
        await server.Client.CreateUploadAsync(new NewUpload(200, BlobHarness.DigestOf([2]), null, "p"), default);
    }

    private static async Task<string> DatasetAsync(TestServer server, string project)
    {
        var path = Path.GetTempFileName();
        await File.WriteAllTextAsync(path, "{\"x\":1}\n{\"x\":2}\n");
        var blob = await server.Client.UploadFileAsync(path, null, new UploadOptions(), default);
        File.Delete(path);
        await server.Client.RegisterDatasetAsync("rows", new NewDatasetVersion(blob.Digest, "jsonl", Project: project), default);
        return blob.Digest;
    }

    private static async Task<ScrubReport> ScrubAsync(TestServer server)
    {
        await server.Client.StartScrubAsync(new ScrubRequest(0), default);
        return await Eventually.GetAsync(async () => await server.Client.GetScrubAsync(default) is { State: not "running" } ended ? ended : null);
    }

    private static string PathOf(TestServer server, string digest) => Path.Combine(server.DataPath, "blobs", "sha256", digest[7..9], digest[9..11], digest[7..]);

    private static void Age(TestServer server, string digest) => File.SetLastWriteTimeUtc(PathOf(server, digest), new DateTime(2020, 1, 1, 0, 0, 0, DateTimeKind.Utc));
}
