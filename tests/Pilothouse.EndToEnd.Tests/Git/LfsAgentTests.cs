using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Git;

/// <summary>Transfers of stock git-lfs that resume: by our agent, and by tus.</summary>
public class LfsAgentTests
{
    private static readonly byte[] Large = GitWorld.Noise(40_000_000, 11);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_agent_moves_objects_both_ways_and_sends_nothing_twice(bool login)
    {
        var requests = new ConcurrentQueue<string>();
        await using var world = await GitWorld.StartAsync(login: login, map: app => app.Use(async (http, next) =>
        {
            requests.Enqueue($"{http.Request.Method} {http.Request.Path}");
            await next(http);
        }));
        if (login) await world.TokenAsync("ann", "writer");
        var url = world.Url(user: login ? "ann" : null);
        await world.InitAsync("a", url);
        await InstallAsync(world, "a");
        await world.WriteAsync("a", "large.bin", Large);
        await world.WriteAsync("a", "small.bin", GitWorld.Noise(5_000, 12));
        await world.CommitAsync("a", "Add weights");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();

        Assert.Equal(3, requests.Count(r => r.StartsWith("PUT /api/v1/uploads/", StringComparison.Ordinal))); // parts of 16 MiB
        Assert.DoesNotContain(requests, r => r.StartsWith("PUT /git/", StringComparison.Ordinal));

        await world.Server.Client.CreateProjectAsync("other", default);
        requests.Clear();
        (await world.GitAsync("a", "push", "-q", world.Url("other", login ? "ann" : null), "main")).Succeeded();
        Assert.DoesNotContain(requests, r => r.StartsWith("PUT", StringComparison.Ordinal));

        (await world.GitAsync("a", "clone", "-q", "--no-checkout", url, world.PathOf("b"))).Succeeded();
        await InstallAsync(world, "b");
        (await world.GitAsync("b", "checkout", "-q", "main")).Succeeded();
        Assert.Equal(Large, await world.ReadAsync("b", "large.bin"));
        Assert.Equal(GitWorld.Noise(5_000, 12), await world.ReadAsync("b", "small.bin"));
    }

    [Fact]
    public async Task The_agents_download_goes_on_behind_what_an_earlier_one_left()
    {
        var ranges = new ConcurrentQueue<string>();
        await using var world = await GitWorld.StartAsync(map: app => app.Use(async (http, next) =>
        {
            if (HttpMethods.IsGet(http.Request.Method) && http.Request.Path.Value!.Contains("/objects/", StringComparison.Ordinal)) ranges.Enqueue(http.Request.Headers.Range.ToString());
            await next(http);
        }));
        await world.InitAsync("a", world.Url());
        await world.WriteAsync("a", "large.bin", Large);
        await world.CommitAsync("a", "Add weights");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
        (await world.GitAsync("a", "clone", "-q", "--no-checkout", world.Url(), world.PathOf("b"))).Succeeded();
        await InstallAsync(world, "b");
        await world.WriteAsync("b", $".git/lfs/tmp/pilothouse-{GitWorld.Oid(Large)}.part", Large[..30_000_000]);

        (await world.GitAsync("b", "checkout", "-q", "main")).Succeeded();

        Assert.Equal(Large, await world.ReadAsync("b", "large.bin"));
        Assert.Equal(["bytes=30000000-"], ranges);
    }

    [Fact]
    public async Task A_broken_tus_upload_goes_on_where_it_ended()
    {
        var offsets = new ConcurrentQueue<string>();
        await using var world = await GitWorld.StartAsync(map: app => app.Use(async (http, next) =>
        {
            if (HttpMethods.IsPatch(http.Request.Method))
            {
                offsets.Enqueue(http.Request.Headers["Upload-Offset"].ToString());
                if (offsets.Count == 1) http.Request.Body = new BreakingStream(http, http.Request.Body, 10_000_000);
            }
            await next(http);
        }));
        await world.InitAsync("a", world.Url());
        (await world.GitAsync("a", "config", "lfs.tustransfers", "true")).Succeeded();
        await world.WriteAsync("a", "large.bin", Large);
        await world.CommitAsync("a", "Add weights");

        // git-lfs does not repeat a broken tus upload by itself; the next push goes on with it.
        for (var i = 0; i < 3 && (await world.GitAsync("a", "push", "-q", "origin", "main")).ExitCode != 0; i++) { }

        Assert.Equal(2, offsets.Count);
        Assert.Equal("0", offsets.First());
        Assert.InRange(long.Parse(offsets.Last()), 1, 10_000_000);
        (await world.CloneAsync(world.Url(), "b")).Succeeded();
        Assert.Equal(Large, await world.ReadAsync("b", "large.bin"));
    }

    private static async Task InstallAsync(GitWorld world, string name) => (await Shell.RunAsync(world.PathOf(name), ServerProcess.Executable, "lfs", "install", "--local")).Succeeded();

    /// <summary>A request body whose connection ends after some bytes.</summary>
    private sealed class BreakingStream(HttpContext http, Stream inner, long left) : Stream
    {
        private long _left = left;

        public override bool CanRead => true;
        public override bool CanSeek => false;
        public override bool CanWrite => false;
        public override long Length => throw new NotSupportedException("Not needed.");
        public override long Position { get => throw new NotSupportedException("Not needed."); set => throw new NotSupportedException("Not needed."); }
        public override void Flush() { }
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Not needed.");
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("Not needed.");
        public override void SetLength(long value) => throw new NotSupportedException("Not needed.");
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Not needed.");
        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_left <= 0)
            {
                http.Abort();
                throw new IOException("The connection was cut.");
            }
            var read = await inner.ReadAsync(buffer[..(int)Math.Min(_left, buffer.Length)], cancellationToken);
            _left -= read;
            return read;
        }
    }
}
