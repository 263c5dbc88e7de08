using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Configuration;
using Pilothouse.Client.Uploads;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Blobs;

/// <summary>The same on a disk and in an object store.</summary>
public sealed class BlobStoreTests
{
    /// <summary>Larger than a part of the object store.</summary>
    private static readonly byte[] Content = BlobHarness.Content(18_000_000);
    private static readonly string Digest = BlobHarness.DigestOf(Content);

    public static Task<TestServer> StartAsync(string store) => TestServer.StartAsync(customize: builder =>
    {
        if (store == "s3") builder.Configuration.AddInMemoryCollection(TestObjectStore.Settings());
    });

    [Theory, BlobStoreData]
    public async Task What_was_put_comes_back_whole_by_range_and_as_a_file(string store)
    {
        await using var server = await StartAsync(store);
        var blobs = server.Service<IBlobStore>();
        var small = await blobs.PutAsync([1, 2, 3], default);
        var large = await blobs.PutAsync(new MemoryStream(Content), Digest, default);
        await blobs.PutAsync(new MemoryStream(Content), Digest, default);

        Assert.Equal(new BlobInfo(Digest, Content.Length), large);
        Assert.Equal(large, await blobs.FindAsync(Digest, default));
        Assert.Equal([1, 2, 3], await blobs.ReadAsync(small.Digest, 10, default));
        Assert.Equal(Content, await server.Http.GetByteArrayAsync($"api/v1/blobs/{Digest}"));
        using var part = new HttpRequestMessage(HttpMethod.Get, $"api/v1/blobs/{Digest}") { Headers = { Range = new RangeHeaderValue(7_000_000, 7_000_099) } };
        using var range = await server.Http.SendAsync(part);
        Assert.Equal(HttpStatusCode.PartialContent, range.StatusCode);
        Assert.Equal(Content[7_000_000..7_000_100], await range.Content.ReadAsByteArrayAsync());
        Assert.Equal(Content, await File.ReadAllBytesAsync(await blobs.LocalPathAsync(Digest, default)));
    }

    [Theory, BlobStoreData]
    public async Task Nothing_is_there_of_what_does_not_match_or_never_came(string store)
    {
        await using var server = await StartAsync(store);
        var blobs = server.Service<IBlobStore>();
        await UploadServiceTests.RefusedAsync(ErrorCode.DigestMismatch, () => blobs.PutAsync(new MemoryStream(Content, 0, 1000), Digest, default));

        Assert.Null(await blobs.FindAsync(Digest, default));
        await UploadServiceTests.RefusedAsync(ErrorCode.NotFound, () => blobs.OpenReadAsync(Digest, default));
        await UploadServiceTests.RefusedAsync(ErrorCode.NotFound, () => blobs.LocalPathAsync(Digest, default));
        await UploadServiceTests.RefusedAsync(ErrorCode.InvalidArgument, () => blobs.FindAsync("sha256:../../pilothouse.db", default));
    }

    [Theory, BlobStoreData]
    public async Task Files_are_uploaded_and_weights_share_their_tensors(string store)
    {
        await using var server = await StartAsync(store);
        var directory = Directory.CreateTempSubdirectory("pilothouse-test-");
        try
        {
            (string, int, int)[] layers = [("a", 2_000_000, 1), ("b", 2_000_000, 2), ("c", 2_000_000, 3)];
            var (first, second) = (WeightFiles.Safetensors(layers), WeightFiles.Safetensors([layers[0], ("b", 2_000_000, 20), layers[2]]));
            foreach (var (name, content) in new[] { ("large.bin", Content), ("small.txt", "hello"u8.ToArray()), ("model.safetensors", first) }) await File.WriteAllBytesAsync(Path.Combine(directory.FullName, name), content);
            await server.Client.UploadDirectoryAsync(directory.FullName, new UploadOptions(), default);
            await server.Client.GetTensorsAsync(BlobHarness.DigestOf(first), default);
            await File.WriteAllBytesAsync(Path.Combine(directory.FullName, "model.safetensors"), second);
            var (files, uploaded) = await server.Client.UploadDirectoryAsync(directory.FullName, new UploadOptions(), default);

            Assert.InRange(uploaded.Sum(u => u.Sent), 2_000_000, 2_010_000);
            foreach (var file in files) Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(directory.FullName, file.Path)), await server.Http.GetByteArrayAsync($"api/v1/blobs/{file.Digest}"));
            Assert.Equal(second, await File.ReadAllBytesAsync(await server.Service<IBlobStore>().LocalPathAsync(BlobHarness.DigestOf(second), default)));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    [Theory, BlobStoreData]
    public async Task What_nothing_names_goes_and_what_was_used_lately_stays(string store)
    {
        await using var server = await StartAsync(store);
        var (blobs, garbage) = (server.Service<IBlobStore>(), server.Service<IBlobGarbage>());
        var blob = await blobs.PutAsync([1, 2, 3], default);
        var now = TimeProvider.System.GetUtcNow();

        var early = await garbage.SweepAsync([blob.Digest], new HashSet<string>(), now.AddHours(-1).ToUnixTimeMilliseconds(), dryRun: false, default);
        Assert.Equal((0, 1), (early.Deleted.Count, early.Recent));
        var dry = await garbage.SweepAsync([blob.Digest], new HashSet<string>(), now.AddHours(1).ToUnixTimeMilliseconds(), dryRun: true, default);
        Assert.Equal((1, 3L), (dry.Deleted.Count, dry.Bytes));
        Assert.NotNull(await blobs.FindAsync(blob.Digest, default));
        var late = await garbage.SweepAsync([blob.Digest], new HashSet<string>(), now.AddHours(1).ToUnixTimeMilliseconds(), dryRun: false, default);
        Assert.Single(late.Deleted);
        Assert.Null(await blobs.FindAsync(blob.Digest, default));
    }
}
