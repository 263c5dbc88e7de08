using System.Net;
using Pilothouse.Client;
using Pilothouse.Client.Uploads;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Blobs;

public sealed class UploadEndpointTests : IAsyncLifetime
{
    private static readonly byte[] Content = BlobHarness.Content(70 * 1024 * 1024 + 1);
    private static readonly string Digest = BlobHarness.DigestOf(Content);

    private readonly string _path = Path.GetTempFileName();
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await TestServer.StartAsync();
        await File.WriteAllBytesAsync(_path, Content);
    }

    public async ValueTask DisposeAsync()
    {
        File.Delete(_path);
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_file_is_sent_once_and_then_known()
    {
        var progress = new List<UploadProgress>();
        var first = await _server.Client.UploadFileAsync(_path, null, new UploadOptions { Progress = new Collect(progress) }, default);
        // What was written a moment before it was hashed is not remembered: its time might not show a change.
        var again = await Eventually.GetAsync(async () => await _server.Client.UploadFileAsync(_path, null, new UploadOptions(), default) is { Sent: 0 } known ? known : null);
        using var other = new PilothouseClient(_server.Url, null);
        var elsewhere = await other.UploadFileAsync(_path, default);

        Assert.Equal((Digest, Content.Length, Content.Length), (first.Digest, first.Size, first.Sent));
        Assert.Equal((Digest, 0L), (again.Digest, again.Sent));
        Assert.Equal(Digest, elsewhere.Digest);
        Assert.Equal(5, progress.Count);
        Assert.Equal(Content.Length, progress.Max(p => p.Done));
        Assert.Equal(Content, await _server.Http.GetByteArrayAsync($"api/v1/blobs/{Digest}"));
    }

    [Fact]
    public async Task A_client_that_was_stopped_goes_on_where_it_was()
    {
        using var stop = new CancellationTokenSource();
        var stopping = new Collect([], () => stop.Cancel());
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _server.Client.UploadFileAsync(_path, null, new UploadOptions { Connections = 1, Progress = stopping }, stop.Token));
        using var restarted = new PilothouseClient(_server.Url, null);
        var result = await restarted.UploadFileAsync(_path, null, new UploadOptions(), default);

        Assert.Equal(Digest, result.Digest);
        Assert.InRange(result.Sent, 1, Content.Length - 16 * 1024 * 1024);
    }

    [Fact]
    public async Task What_another_sender_brought_meanwhile_is_not_sent_to_the_end()
    {
        await _server.Http.PutAsync($"api/v1/blobs/{Digest}", new ByteArrayContent(Content));
        var result = await _server.Client.UploadFileAsync(_path, null, new UploadOptions { Connections = 1 }, default);

        Assert.Equal(Digest, result.Digest);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_server.DataPath, "tmp", "uploads")));
    }

    [Fact]
    public async Task Which_blobs_are_missing_is_told()
    {
        await _server.Http.PutAsync($"api/v1/blobs/{Digest}", new ByteArrayContent(Content));
        var missing = BlobHarness.DigestOf([1, 2, 3]);

        Assert.Equal([missing], await _server.Client.MissingBlobsAsync([Digest, missing], default));
    }

    [Theory]
    [InlineData("""{"size":-1}""", 400)]
    [InlineData("""{"size":5000000000000000}""", 413)]
    [InlineData("""{"size":5,"digest":"sha256:../../x"}""", 400)]
    [InlineData("""{"size":"x"}""", 400)]
    [InlineData("""null""", 400)]
    public async Task Bad_uploads_are_refused(string body, int status)
    {
        using var response = await _server.Http.PostAsync("api/v1/uploads", new StringContent(body, System.Text.Encoding.UTF8, "application/json"));
        Assert.Equal((HttpStatusCode)status, response.StatusCode);
    }

    private sealed class Collect(List<UploadProgress> into, Action? then = null) : IProgress<UploadProgress>
    {
        public void Report(UploadProgress value)
        {
            lock (into) into.Add(value);
            then?.Invoke();
        }
    }
}
