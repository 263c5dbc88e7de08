using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Uploads;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Blobs;

/// <summary>The blob store and uploads over a data directory of their own; <see cref="Restart"/> is a new server over the same data.</summary>
internal sealed class BlobHarness : IAsyncDisposable
{
    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("pilothouse-test-");

    private BlobHarness(TestDatabase database)
    {
        Database = database;
        Restart();
    }

    public TestDatabase Database { get; }

    public ServerOptions Options { get; private set; } = null!;

    public BlobStore Blobs { get; private set; } = null!;

    public UploadService Uploads { get; private set; } = null!;

    public string SpoolPath => Path.Combine(Options.TemporaryPath, "uploads");

    public static async Task<BlobHarness> CreateAsync(string kind = "sqlite") => new(await TestDatabase.CreateAsync(kind));

    public void Restart()
    {
        Options = new ServerOptions { Data = _data.FullName };
        Blobs = BlobStore.OnDisk(Options, new Ids(Database.Time), Database.Time);
        Uploads = new UploadService(new UploadStore(Database.Db), Blobs, new NoQuota(), Options, Microsoft.Extensions.Options.Options.Create(new BlobsOptions()), Database.Time);
    }

    /// <summary>Bytes that do not repeat.</summary>
    public static byte[] Content(int length, int seed = 1)
    {
        var content = new byte[length];
        new Random(seed).NextBytes(content);
        return content;
    }

    public static string DigestOf(byte[] content) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(content));

    public static MemoryStream PartOf(byte[] content, UploadState upload, int number)
    {
        var start = (int)((number - 1) * upload.PartSize);
        return new MemoryStream(content, start, (int)Math.Min(upload.PartSize, content.Length - start));
    }

    public async Task<byte[]> ReadAsync(string digest)
    {
        await using var stream = await Blobs.OpenReadAsync(digest, default);
        var copy = new MemoryStream();
        await stream.CopyToAsync(copy);
        return copy.ToArray();
    }

    public int BlobCount => Directory.Exists(Options.BlobsPath) ? Directory.EnumerateFiles(Options.BlobsPath, "*", SearchOption.AllDirectories).Count() : 0;

    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        _data.Delete(recursive: true);
    }
}

/// <summary>There is always room.</summary>
internal sealed class NoQuota : IBlobQuota
{
    public Task RequireRoomAsync(string? project, IReadOnlyCollection<(string Key, long Size)> contents, CancellationToken ct) => Task.CompletedTask;

    public void Release(string? project, string key)
    {
    }
}
