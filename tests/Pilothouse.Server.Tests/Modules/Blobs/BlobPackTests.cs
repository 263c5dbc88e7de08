using Pilothouse.Client;
using Pilothouse.Client.Uploads;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
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
        await Assert.ThrowsAsync<ProtocolFormatException>(() => h.Blobs.PutPackAsync(new MemoryStream(pack, 0, pack.Length - 1), default));
        var damaged = pack.ToArray();
        damaged[^1] ^= 1;
        await Assert.ThrowsAsync<ProtocolFormatException>(() => h.Blobs.PutPackAsync(new MemoryStream(damaged), default));
        Assert.Equal(0, h.BlobCount);
        Assert.Equal(20, await h.Blobs.PutPackAsync(new MemoryStream(pack), default));
        Assert.Equal(0, await h.Blobs.PutPackAsync(new MemoryStream(pack), default));
        foreach (var content in contents) Assert.Equal(content, await h.ReadAsync(BlobHarness.DigestOf(content)));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(h.Options.TemporaryPath, "blobs")));
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
