using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Git;

/// <summary>Mirrors between two servers, both with a login.</summary>
public class MirrorTests
{
    private static readonly byte[] Weights = GitWorld.Noise(200_000, 21);

    [Theory, DatabaseData]
    public async Task A_pull_mirror_follows_the_other_with_its_large_files(string database)
    {
        await using var other = await OtherAsync();
        await using var world = await GitWorld.StartAsync(database);
        var mirror = await world.Server.Client.CreateMirrorAsync("shop", new NewMirror("pull", other.Url(), "ann", await other.TokenAsync("reader", "reader"), 0), default);

        Assert.Null((await world.Server.Client.SyncMirrorAsync("shop", mirror.Id, default)).LastError);
        (await world.CloneAsync(world.Url(), "c")).Succeeded();
        Assert.Equal(Weights, await world.ReadAsync("c", "weights.bin"));
        Assert.DoesNotContain("internal", (await world.GitAsync("c", "ls-remote", "origin")).Output, StringComparison.Ordinal);

        // Branches come, move and go as they do there.
        await other.WriteAsync("a", "more", "m"u8.ToArray());
        var newest = await other.CommitAsync("a", "More");
        (await other.GitAsync("a", "push", "-q", "origin", "main", "main:side")).Succeeded();
        await world.Server.Client.SyncMirrorAsync("shop", mirror.Id, default);
        Assert.Equal(newest, (await world.Server.Client.ListCommitsAsync("shop", "side", 1, default))[0].Id);
        (await other.GitAsync("a", "push", "-q", "origin", ":side")).Succeeded();
        Assert.Null((await world.Server.Client.SyncMirrorAsync("shop", mirror.Id, default)).LastError);
        await Assert.ThrowsAsync<PilothouseApiException>(() => world.Server.Client.ListCommitsAsync("shop", "side", 1, default));
    }

    [Fact]
    public async Task An_upstream_that_drops_a_released_commit_does_not_take_it_away_here()
    {
        var released = new Released();
        await using var other = await OtherAsync();
        await using var world = await GitWorld.StartAsync(services: s => s.AddSingleton<ILineageSource>(released));
        var mirror = await world.Server.Client.CreateMirrorAsync("shop", new NewMirror("pull", other.Url(), "ann", await other.TokenAsync("reader", "reader"), 0), default);
        await world.Server.Client.SyncMirrorAsync("shop", mirror.Id, default);
        released.Sha = (await other.GitAsync("a", "rev-parse", "HEAD")).Output.Trim();

        await other.Server.Client.SetBranchRuleAsync("shop", new BranchRuleInfo("main", AllowForce: true), default);
        (await other.GitAsync("a", "commit", "-q", "--amend", "-m", "Another history")).Succeeded();
        (await other.GitAsync("a", "push", "-q", "--force", "origin", "main", ":v1")).Succeeded();
        var state = await world.Server.Client.SyncMirrorAsync("shop", mirror.Id, default);

        Assert.Contains("release sha256:", state.LastError, StringComparison.Ordinal);
        Assert.Equal(released.Sha, (await world.Server.Client.ListCommitsAsync("shop", "main", 1, default))[0].Id);
    }

    [Fact]
    public async Task A_push_mirror_gets_each_push_with_its_large_files()
    {
        await using var other = await GitWorld.StartAsync(login: true);
        await using var world = await GitWorld.StartAsync();
        await world.Server.Client.CreateMirrorAsync("shop", new NewMirror("push", other.Url(), "ann", await other.TokenAsync("ann", "writer")), default);
        await world.InitAsync("a", world.Url());
        await world.WriteAsync("a", "weights.bin", Weights);
        var commit = await world.CommitAsync("a", "Add weights");

        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();

        await Eventually.TrueAsync(async () => (await other.GitAsync(".", "ls-remote", other.Url(user: "ann"))).Output.Contains(commit, StringComparison.Ordinal));
        (await other.CloneAsync(other.Url(user: "ann"), "b")).Succeeded();
        Assert.Equal(Weights, await other.ReadAsync("b", "weights.bin"));
    }

    [Fact]
    public async Task What_goes_wrong_is_seen_and_the_password_is_not()
    {
        const string password = "very-secret-password-of-a-mirror";
        await using var other = await OtherAsync();
        await using var world = await GitWorld.StartAsync();
        var mirror = await world.Server.Client.CreateMirrorAsync("shop", new NewMirror("pull", other.Url(), "ann", password, 0), default);

        var state = await world.Server.Client.SyncMirrorAsync("shop", mirror.Id, default);

        Assert.NotNull(state.LastError);
        Assert.Null(state.LastOkMs);
        Assert.True(state.HasPassword);
        var everything = await world.Server.Http.GetStringAsync("/api/v1/projects/shop/mirrors") + await world.Server.Http.GetStringAsync("/api/v1/audit?limit=100");
        Assert.DoesNotContain(password, everything, StringComparison.Ordinal);
        foreach (var file in Directory.EnumerateFiles(world.Server.DataPath, "*", SearchOption.AllDirectories).Where(f => !f.EndsWith(".lock", StringComparison.Ordinal)))
            Assert.DoesNotContain(password, await ReadSharedAsync(file), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("file:///etc", "pull")]
    [InlineData("ssh://host/x.git", "pull")]
    [InlineData("ext::sh -c reboot", "pull")]
    [InlineData("--upload-pack=reboot", "push")]
    [InlineData("https://user:password@host/x.git", "push")]
    [InlineData("https://host/x.git", "sideways")]
    public async Task An_address_that_is_none_is_refused(string url, string direction)
    {
        await using var world = await GitWorld.StartAsync();
        var error = await Assert.ThrowsAsync<PilothouseApiException>(() => world.Server.Client.CreateMirrorAsync("shop", new NewMirror(direction, url), default));
        Assert.Equal("INVALID_ARGUMENT", error.Code);
    }

    private static async Task<GitWorld> OtherAsync()
    {
        var other = await GitWorld.StartAsync(login: true);
        await other.TokenAsync("ann", "writer");
        await other.InitAsync("a", other.Url(user: "ann"));
        await other.WriteAsync("a", "weights.bin", Weights);
        await other.CommitAsync("a", "Add weights");
        (await other.GitAsync("a", "tag", "v1")).Succeeded();
        (await other.GitAsync("a", "push", "-q", "origin", "main", "v1")).Succeeded();
        return other;
    }

    private static async Task<string> ReadSharedAsync(string path)
    {
        await using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }

    private sealed class Released : ILineageSource
    {
        public string Sha { get; set; } = "";

        public Task<IReadOnlyList<LineageEdge>> EdgesAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => Task.FromResult<IReadOnlyList<LineageEdge>>(
            [.. nodes.Where(n => n.Kind == LineageKind.Commit && n.Sha == Sha).Select(n => new LineageEdge(n, new LineageNode(LineageKind.Release, "sha256:" + new string('b', 64)), "contains"))]);
    }
}
