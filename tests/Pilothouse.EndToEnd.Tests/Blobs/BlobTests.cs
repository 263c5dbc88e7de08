using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Blobs;

public sealed class BlobTests : IAsyncLifetime
{
    private static readonly byte[] Content = [.. Enumerable.Range(0, 3_000_000).Select(i => (byte)(i * 31 >> 3))];
    private static readonly string Digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Content));

    private TestServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await TestServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task What_was_put_comes_back_whole_and_by_range()
    {
        using var put = await _server.Http.PutAsync($"api/v1/blobs/{Digest}", new ByteArrayContent(Content));
        using var again = await _server.Http.PutAsync($"api/v1/blobs/{Digest}", new ByteArrayContent(Content));
        using var part = new HttpRequestMessage(HttpMethod.Get, $"api/v1/blobs/{Digest}") { Headers = { Range = new RangeHeaderValue(1_000_000, 1_000_099) } };
        using var range = await _server.Http.SendAsync(part);

        Assert.Equal(HttpStatusCode.Created, put.StatusCode);
        Assert.Equal(HttpStatusCode.OK, again.StatusCode);
        Assert.Equal(Content, await _server.Http.GetByteArrayAsync($"api/v1/blobs/{Digest}"));
        Assert.Equal(HttpStatusCode.PartialContent, range.StatusCode);
        Assert.Equal(Content[1_000_000..1_000_100], await range.Content.ReadAsByteArrayAsync());
    }

    [Fact]
    public async Task Content_with_another_digest_is_refused_and_leaves_nothing()
    {
        using var response = await _server.Http.PutAsync($"api/v1/blobs/{Digest}", new ByteArrayContent(Content[..^1]));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("DIGEST_MISMATCH", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_server.DataPath, "blobs"), "*", SearchOption.AllDirectories));
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(_server.DataPath, "tmp")));
        Assert.False(await _server.Client.HasBlobAsync(Digest, default));
    }

    [Fact]
    public async Task An_upload_cut_in_the_middle_leaves_nothing_and_can_be_sent_again()
    {
        using (var socket = new System.Net.Sockets.TcpClient())
        {
            await socket.ConnectAsync(_server.Url.Host, _server.Url.Port);
            var head = $"PUT /api/v1/blobs/{Digest} HTTP/1.1\r\nHost: x\r\nContent-Length: {Content.Length}\r\n\r\n";
            await socket.GetStream().WriteAsync(System.Text.Encoding.ASCII.GetBytes(head));
            await socket.GetStream().WriteAsync(Content.AsMemory(0, 1_000_000));
        }

        Assert.False(await _server.Client.HasBlobAsync(Digest, default));
        using var again = await _server.Http.PutAsync($"api/v1/blobs/{Digest}", new ByteArrayContent(Content));
        Assert.Equal(HttpStatusCode.Created, again.StatusCode);
    }

    [Theory]
    [InlineData("sha256:abc")]
    [InlineData("sha256:..%2F..%2Fpilothouse.db")]
    [InlineData("md5:d41d8cd98f00b204e9800998ecf8427e")]
    public async Task What_is_no_digest_is_refused(string digest)
    {
        using var response = await _server.Http.GetAsync($"api/v1/blobs/{digest}");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }
}
