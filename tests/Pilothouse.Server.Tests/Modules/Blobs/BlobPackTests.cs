using Pilothouse.Client;
using Pilothouse.Client.Uploads;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Blobs;

public sealed class BlobPackTests
{
    [Fact]
    public async Task A_pack_is_stored_whole_or_not_at_all()
    {
        await using var h = await BlobHarness.CreateAsync();
        var contents = Enumerable.Range(0, 20).Select(i => BlobHarness.Content(i * 5000, i)).ToList();

        var pack = Pack(contents);
        await Assert.ThrowsAsync<ProtocolFormatException>(() => h.Blobs.PutPackAsync(new MemoryStream(pack, 0, pack.Length - 1), null, default));
        var damaged = pack.ToArray();
        damaged[^1] ^= 1;
        await Assert.ThrowsAsync<ProtocolFormatException>(() => h.Blobs.PutPackAsync(new MemoryStream(damaged), null, default));
        Assert.Equal(0, h.BlobCount);
        Assert.Equal(20, await h.Blobs.PutPackAsync(new MemoryStream(pack), null, default));
        Assert.Equal(0, await h.Blobs.PutPackAsync(new MemoryStream(pack), null, default));
        foreach (var content in contents) Assert.Equal(content, await h.ReadAsync(BlobHarness.DigestOf(content)));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(h.Options.TemporaryPath, "blobs")));
    }

    [Fact]
    public async Task A_pack_of_what_is_asked_leaves_out_what_is_missing_or_large()
    {
        await using var server = await TestServer.StartAsync();
        var blobs = server.Service<IBlobStore>();
        // More than what is read at once, and more than what is written at once.
        var contents = Enumerable.Range(0, 50).Select(i => BlobHarness.Content(i * 1000, i)).ToList();
        foreach (var content in contents) await blobs.PutAsync(content, default);
        var large = BlobHarness.Content(BlobPack.MaxBlob + 1, 100);
        await blobs.PutAsync(large, default);
        var parts = new[] { BlobHarness.Content(1000, 201), BlobHarness.Content(1000, 202) };
        foreach (var part in parts) await blobs.PutAsync(part, default);
        byte[] made = [.. parts[0], .. parts[1]];
        await server.Client.PutRecipeAsync(new NewRecipe(BlobHarness.DigestOf(made), made.Length, [.. parts.Select(p => new RecipePart(BlobHarness.DigestOf(p), 1000))]), default);

        var got = new List<byte[]>();
        await foreach (var (digest, content) in server.Client.ReadPackAsync([.. contents.Append(large).Append([1, 2, 3]).Append(made).Select(c => Digest.Of(c))], default))
        {
            Assert.Equal(digest, Digest.Of(content.Span));
            got.Add(content.ToArray());
        }
        Assert.Equal(contents.Append(made), got);
        var many = Enumerable.Range(0, BlobPack.MaxBlobs + 1).Select(_ => Digest.Of([1])).ToList();
        var refused = await Assert.ThrowsAsync<PilothouseApiException>(async () =>
        {
            await foreach (var _ in server.Client.ReadPackAsync(many, default)) { }
        });
        Assert.Equal("INVALID_ARGUMENT", refused.Code);
        using var bad = await server.Http.PostAsync("api/v1/blobs/unpack", new StringContent("""{"digests":["sha256:../../etc"]}""", System.Text.Encoding.UTF8, "application/json"));
        Assert.Equal(System.Net.HttpStatusCode.BadRequest, bad.StatusCode);
    }

    [Fact]
    public async Task A_directory_is_sent_once_and_only_what_changed_again()
    {
        await using var server = await TestServer.StartAsync();
        var directory = Directory.CreateTempSubdirectory("pilothouse-test-");
        try
        {
            for (var i = 0; i < 300; i++) await File.WriteAllBytesAsync(Path.Combine(directory.FullName, $"small-{i}.bin"), BlobHarness.Content(1000 + i, i));
            await File.WriteAllBytesAsync(Path.Combine(directory.FullName, "middle.bin"), BlobHarness.Content(3_000_000, 1000));
            await File.WriteAllBytesAsync(Path.Combine(directory.FullName, "large.bin"), BlobHarness.Content(20_000_000, 1001));
            var (files, sent) = await server.Client.UploadDirectoryAsync(directory.FullName, new UploadOptions(), default);
            await File.WriteAllBytesAsync(Path.Combine(directory.FullName, "small-7.bin"), BlobHarness.Content(500, 2000));
            using var other = new PilothouseClient(server.Url, null);
            var (again, sentAgain) = await other.UploadDirectoryAsync(directory.FullName, new UploadOptions(), default);

            Assert.Equal(302, files.Count);
            Assert.Equal(files.Sum(f => f.Size), sent.Sum(f => f.Sent));
            Assert.Equal(500, sentAgain.Sum(f => f.Sent));
            Assert.Equal(1, files.Zip(again).Count(p => p.First.Digest != p.Second.Digest));
            foreach (var file in again) Assert.Equal(file.Digest, BlobHarness.DigestOf(await server.Http.GetByteArrayAsync($"api/v1/blobs/{file.Digest}")));
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static byte[] Pack(IEnumerable<byte[]> contents)
    {
        var pack = new MemoryStream();
        foreach (var content in contents) BlobPack.Write(pack, Digest.Of(content), content);
        return pack.ToArray();
    }
}
