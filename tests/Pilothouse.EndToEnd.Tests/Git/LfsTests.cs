using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Git;

/// <summary>Stock git and git-lfs 3 against a hosted repository.</summary>
public class LfsTests
{
    private static readonly byte[] Weights = GitWorld.Noise(3_000_000, 1);

    [Theory, DatabaseData]
    public async Task What_was_pushed_is_cloned_and_pulled(string database)
    {
        await using var world = await GitWorld.StartAsync(database);
        await world.InitAsync("a", world.Url());
        await world.WriteAsync("a", "weights.bin", Weights);
        await world.CommitAsync("a", "Add weights");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();

        (await world.CloneAsync(world.Url(), "b")).Succeeded();
        Assert.Equal(Weights, await world.ReadAsync("b", "weights.bin"));

        var more = GitWorld.Noise(70_000, 2);
        await world.WriteAsync("a", "data/more.bin", more);
        await world.CommitAsync("a", "Add more");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
        await world.UseLfsAsync("b");
        (await world.GitAsync("b", "pull", "-q")).Succeeded();
        Assert.Equal(more, await world.ReadAsync("b", "data/more.bin"));
        Assert.True(await world.Server.Client.HasBlobAsync("sha256:" + GitWorld.Oid(more), default), "an LFS object is a blob as any other");
    }

    [Fact]
    public async Task Content_that_the_server_has_is_not_sent_again()
    {
        var puts = new ConcurrentQueue<string>();
        await using var world = await GitWorld.StartAsync(map: app => app.Use(async (http, next) =>
        {
            if (HttpMethods.IsPut(http.Request.Method)) puts.Enqueue(http.Request.Path);
            await next(http);
        }));
        await world.Server.Client.CreateProjectAsync("other", default);
        await world.InitAsync("a", world.Url());
        await world.WriteAsync("a", "weights.bin", Weights);
        await world.CommitAsync("a", "Add weights");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
        Assert.Single(puts);

        (await world.GitAsync("a", "push", "-q", world.Url("other"), "main")).Succeeded();

        Assert.Single(puts);
        (await world.CloneAsync(world.Url("other"), "b")).Succeeded();
        Assert.Equal(Weights, await world.ReadAsync("b", "weights.bin"));
    }

    [Fact]
    public async Task A_broken_download_goes_on_where_it_ended()
    {
        var ranges = new ConcurrentQueue<string>();
        await using var world = await GitWorld.StartAsync(map: app => app.Use(async (http, next) =>
        {
            if (HttpMethods.IsGet(http.Request.Method) && http.Request.Path.Value!.Contains("/info/lfs/objects/", StringComparison.Ordinal))
            {
                ranges.Enqueue(http.Request.Headers.Range.ToString());
                if (ranges.Count == 1) http.Response.Body = new CutStream(http, http.Response.Body, 1_000_000);
            }
            await next(http);
        }));
        await world.InitAsync("a", world.Url());
        await world.WriteAsync("a", "weights.bin", Weights);
        await world.CommitAsync("a", "Add weights");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();

        (await world.CloneAsync(world.Url(), "b")).Succeeded();

        Assert.Equal(Weights, await world.ReadAsync("b", "weights.bin"));
        Assert.Equal("", ranges.First());
        var from = Assert.Single(ranges.Skip(1));
        Assert.StartsWith("bytes=", from, StringComparison.Ordinal);
        Assert.InRange(long.Parse(from["bytes=".Length..].Split('-')[0]), 1, 1_000_000);
    }

    [Fact]
    public async Task An_expired_token_of_a_transfer_is_renewed_by_the_client()
    {
        var time = new ShiftedTime();
        var statuses = new ConcurrentQueue<string>();
        await using var world = await GitWorld.StartAsync(login: true, time: time, map: app => app.Use(async (http, next) =>
        {
            http.Response.OnStarting(() =>
            {
                if (http.Request.Path.Value!.Contains("/info/lfs/objects/", StringComparison.Ordinal)) statuses.Enqueue($"{http.Request.Method} {http.Response.StatusCode}");
                return Task.CompletedTask;
            });
            await next(http);
            // The first batch has been answered; a long night passes before the first transfer.
            if (statuses.Count == 1) time.Offset = TimeSpan.FromHours(7);
        }));
        await world.TokenAsync("ann", "writer");
        await world.InitAsync("a", world.Url(user: "ann"));
        await world.WriteAsync("a", "weights.bin", Weights);
        await world.CommitAsync("a", "Add weights");

        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();

        Assert.Contains("PUT 403", statuses);
        Assert.Contains("PUT 200", statuses);
        (await world.CloneAsync(world.Url(user: "ann"), "b")).Succeeded();
        Assert.Equal(Weights, await world.ReadAsync("b", "weights.bin"));
    }

    [Fact]
    public async Task A_private_server_gives_nothing_without_a_login_and_takes_nothing_from_a_reader()
    {
        await using var world = await GitWorld.StartAsync(login: true);
        await world.TokenAsync("ann", "writer");
        await world.TokenAsync("bob", "reader");
        await world.InitAsync("a", world.Url(user: "ann"));
        await world.WriteAsync("a", "weights.bin", Weights);
        await world.CommitAsync("a", "Add weights");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();

        Assert.NotEqual(0, (await world.CloneAsync(world.Url(), "nobody")).ExitCode);
        (await world.CloneAsync(world.Url(user: "bob"), "b")).Succeeded();
        Assert.Equal(Weights, await world.ReadAsync("b", "weights.bin"));
        await world.UseLfsAsync("b");
        await world.WriteAsync("b", "more.bin", GitWorld.Noise(1000, 3));
        await world.CommitAsync("b", "Bob may not");
        var push = await world.GitAsync("b", "push", "origin", "main");
        Assert.NotEqual(0, push.ExitCode);
        Assert.Contains("may read 'shop', not push to it", push.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Locks_of_two_users_keep_them_out_of_each_others_way()
    {
        await using var world = await GitWorld.StartAsync(login: true);
        await world.TokenAsync("ann", "writer");
        await world.TokenAsync("bob", "writer");
        await world.InitAsync("a", world.Url(user: "ann"));
        await world.WriteAsync("a", "weights.bin", Weights);
        await world.CommitAsync("a", "Add weights");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
        (await world.CloneAsync(world.Url(user: "bob"), "b")).Succeeded();
        await world.UseLfsAsync("b");

        (await world.GitAsync("a", "lfs", "lock", "weights.bin")).Succeeded();

        var second = await world.GitAsync("b", "lfs", "lock", "weights.bin");
        Assert.NotEqual(0, second.ExitCode);
        Assert.Contains("locked by ann", second.Error + second.Output, StringComparison.Ordinal);
        var listed = JsonDocument.Parse((await world.GitAsync("b", "lfs", "locks", "--json")).Succeeded()).RootElement;
        Assert.Equal(("weights.bin", "ann"), (listed[0].GetProperty("path").GetString(), listed[0].GetProperty("owner").GetProperty("name").GetString()));
        var unlock = await world.GitAsync("b", "lfs", "unlock", "weights.bin");
        Assert.NotEqual(0, unlock.ExitCode);

        await world.WriteAsync("b", "weights.bin", GitWorld.Noise(1000, 4));
        await world.CommitAsync("b", "Change what Ann has locked");
        var push = await world.GitAsync("b", "-c", $"lfs.{new Uri(world.Url())}/info/lfs.locksverify=true", "push", "origin", "main");
        Assert.NotEqual(0, push.ExitCode);

        (await world.GitAsync("b", "lfs", "unlock", "--force", "weights.bin")).Succeeded();
        (await world.GitAsync("b", "push", "-q", "origin", "main")).Succeeded();
        Assert.Equal("[]", (await world.GitAsync("a", "lfs", "locks", "--json")).Succeeded().Trim());
    }

    /// <summary>Breaks the connection after some bytes of the body.</summary>
    private sealed class CutStream(HttpContext http, Stream inner, long left) : Stream
    {
        private long _left = left;

        public override bool CanRead => false;
        public override bool CanSeek => false;
        public override bool CanWrite => true;
        public override long Length => throw new NotSupportedException("Not needed.");
        public override long Position { get => throw new NotSupportedException("Not needed."); set => throw new NotSupportedException("Not needed."); }
        public override void Flush() { }
        public override Task FlushAsync(CancellationToken cancellationToken) => inner.FlushAsync(cancellationToken);
        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Not needed.");
        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("Not needed.");
        public override void SetLength(long value) => throw new NotSupportedException("Not needed.");
        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("Not needed.");
        public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => WriteAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await inner.WriteAsync(buffer[..(int)Math.Min(_left, buffer.Length)], cancellationToken);
            await inner.FlushAsync(cancellationToken);
            _left -= buffer.Length;
            if (_left > 0) return;
            http.Abort();
            throw new IOException("The connection was cut.");
        }
    }

    private sealed class ShiftedTime : TimeProvider
    {
        public TimeSpan Offset { get; set; }

        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + Offset;
    }
}
