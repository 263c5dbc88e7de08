using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Pilothouse.Client;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Git;

/// <summary>What a hosted repository does not let in, shown to stock git's user.</summary>
public class PushPolicyTests
{
    private static readonly byte[] Weights = GitWorld.Noise(100_000, 5);

    [Theory, DatabaseData]
    public async Task A_push_without_its_data_is_refused_with_what_is_missing(string database)
    {
        await using var world = await GitWorld.StartAsync(database);
        await world.InitAsync("a", world.Url());
        await world.WriteAsync("a", "weights.bin", Weights);
        await world.CommitAsync("a", "Add weights");
        // --no-verify leaves out git-lfs' own hook, which would have sent the objects.
        var push = await world.GitAsync("a", "push", "--no-verify", "origin", "main");

        Assert.NotEqual(0, push.ExitCode);
        Assert.Contains($"remote:   weights.bin  {GitWorld.Oid(Weights)}  {Weights.Length}", push.Error, StringComparison.Ordinal);
        Assert.Equal("", (await world.GitAsync("a", "ls-remote", "origin")).Succeeded().Trim());
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(world.Server.DataPath, "tmp"), "push-*"));
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
    }

    [Fact]
    public async Task Every_new_commit_is_looked_at_not_only_the_last_and_merges_too()
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("a", world.Url());
        await world.CommitAsync("a", "Start");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
        await WritePointerAsync(world, "gone.txt", 1);
        await world.CommitAsync("a", "Add a pointer");
        (await world.GitAsync("a", "rm", "-q", "gone.txt")).Succeeded();
        await world.CommitAsync("a", "Take it away again");
        var push = await world.GitAsync("a", "push", "--no-verify", "origin", "main");
        Assert.Contains("gone.txt", push.Error, StringComparison.Ordinal);

        (await world.GitAsync("a", "reset", "-q", "--hard", "origin/main")).Succeeded();
        (await world.GitAsync("a", "switch", "-q", "-c", "side")).Succeeded();
        await world.WriteAsync("a", "side.txt", "s"u8.ToArray());
        await world.CommitAsync("a", "Side");
        (await world.GitAsync("a", "switch", "-q", "main")).Succeeded();
        await world.WriteAsync("a", "main.txt", "m"u8.ToArray());
        await world.CommitAsync("a", "Main");
        (await world.GitAsync("a", "merge", "-q", "--no-commit", "side")).Succeeded();
        await WritePointerAsync(world, "merged.txt", 2);
        await world.CommitAsync("a", "A merge that brings more than its parents");
        push = await world.GitAsync("a", "push", "--no-verify", "origin", "main");
        Assert.NotEqual(0, push.ExitCode);
        Assert.Contains("merged.txt", push.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lock_whose_content_the_server_does_not_have_is_refused()
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("a", world.Url());
        var content = Digest.Of(Weights);
        var locked = LockFile.Create([new LockEntry(LockKind.File, "data/rows.jsonl") { Digest = content, Size = Weights.Length }]);
        await world.WriteAsync("a", LockFile.FileName, Encoding.UTF8.GetBytes(locked.ToText()));
        await world.CommitAsync("a", "Lock");
        var push = await world.GitAsync("a", "push", "origin", "main");
        Assert.NotEqual(0, push.ExitCode);
        Assert.Contains($"data/rows.jsonl  {content}", push.Error, StringComparison.Ordinal);

        var file = world.PathOf("rows.jsonl");
        await File.WriteAllBytesAsync(file, Weights);
        await world.Server.Client.UploadFileAsync(file, default);
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
    }

    [Fact]
    public async Task A_long_list_of_missing_files_is_cut_and_counted()
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("a", world.Url());
        for (var i = 0; i < 50; i++) await WritePointerAsync(world, $"data/{i}.txt", i);
        await world.CommitAsync("a", "Many");
        var push = await world.GitAsync("a", "push", "--no-verify", "origin", "main");

        Assert.Equal(20, push.Error.Split('\n').Count(l => l.Contains("data/", StringComparison.Ordinal)));
        Assert.Contains("... and 30 more", push.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_default_branch_goes_only_forward_and_others_as_their_rules_say()
    {
        await using var world = await GitWorld.StartAsync(login: true);
        await world.TokenAsync("ann", "writer");
        await world.TokenAsync("bob", "writer");
        await world.InitAsync("a", world.Url(user: "ann"));
        await world.CommitAsync("a", "One");
        (await world.GitAsync("a", "push", "-q", "origin", "main", "main:free", "main:release/1")).Succeeded();
        (await world.GitAsync("a", "commit", "-q", "--amend", "-m", "Other")).Succeeded();

        Assert.Contains("main is protected: it may only go forward", (await world.GitAsync("a", "push", "--force", "origin", "main")).Error, StringComparison.Ordinal);
        (await world.GitAsync("a", "push", "-q", "--force", "origin", "main:free")).Succeeded();
        (await world.GitAsync("a", "push", "-q", "--delete", "origin", "free")).Succeeded();

        await world.Server.Client.SetBranchRuleAsync("shop", new BranchRuleInfo("release/*", Pushers: ["bob", "@admins"]), default);
        Assert.Contains("'ann' may not push to it", (await world.GitAsync("a", "push", "--force", "origin", "main:release/1")).Error, StringComparison.Ordinal);
        Assert.Contains("it may not be deleted", (await world.GitAsync("a", "push", world.Url(user: "bob"), ":release/1")).Error, StringComparison.Ordinal);
        await world.Server.Client.SetBranchRuleAsync("shop", new BranchRuleInfo("main", AllowForce: true), default);
        (await world.GitAsync("a", "push", "-q", "--force", "origin", "main")).Succeeded();
        await world.Server.Client.RemoveBranchRuleAsync("shop", "main", default);
        Assert.Equal(["main", "release/*"], (await world.Server.Client.ListBranchRulesAsync("shop", default)).Select(r => r.Pattern!).Order());
    }

    [Fact]
    public async Task Push_options_stand_in_the_audit_log_and_in_the_event()
    {
        await using var world = await GitWorld.StartAsync();
        var pushed = new TaskCompletionSource<RepositoryPushed>();
        world.Server.Service<IEventBus>().Subscribe<RepositoryPushed>("test", (e, _) => { pushed.TrySetResult(e); return Task.CompletedTask; });
        await world.InitAsync("a", world.Url());
        await world.CommitAsync("a", "One");

        (await world.GitAsync("a", "push", "-q", "-o", "ci.skip", "-o", "reason=the 'old' $(reboot) weights", "origin", "main")).Succeeded();

        var seen = await pushed.Task;
        Assert.Contains(RepositoryPushed.SkipCi, seen.Options);
        Assert.Equal("the 'old' $(reboot) weights", seen.Reason);
        var entry = (await world.Server.Service<IAuditLog>().ListAsync("projects/shop", null, 10, default))[0];
        Assert.Contains("ci.skip", entry.Details, StringComparison.Ordinal);
        Assert.Contains("$(reboot) weights", entry.Details, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/etc/passwd")]
    [InlineData("../../other")]
    [InlineData("x/../../y")]
    public async Task A_link_out_of_the_repository_is_refused(string target)
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("a", world.Url());
        File.CreateSymbolicLink(world.PathOf("a", "link"), target);
        await world.CommitAsync("a", "A link");
        var push = await world.GitAsync("a", "push", "origin", "main");

        Assert.NotEqual(0, push.ExitCode);
        Assert.Contains($"link -> {target}", push.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".git")]
    [InlineData(".")]
    public async Task A_tree_that_would_write_outside_of_a_checkout_is_refused(string name)
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("a", world.Url());
        await world.CommitAsync("a", "One");
        var blob = (await world.GitAsync("a", "rev-parse", "HEAD:.gitattributes")).Succeeded().Trim();
        // git mktree refuses such names; the object is written by hand.
        var tree = world.PathOf("tree");
        await File.WriteAllBytesAsync(tree, [.. Encoding.ASCII.GetBytes($"100644 {name}\0"), .. Convert.FromHexString(blob)]);
        var id = (await world.GitAsync("a", "hash-object", "-t", "tree", "-w", "--literally", tree)).Succeeded().Trim();
        var commit = (await world.GitAsync("a", "commit-tree", id, "-m", "Hostile")).Succeeded().Trim();
        var push = await world.GitAsync("a", "push", "origin", $"{commit}:refs/heads/evil");

        Assert.NotEqual(0, push.ExitCode);
        Assert.Equal("", (await world.GitAsync("a", "ls-remote", "origin")).Succeeded().Trim());
    }

    [Fact]
    public async Task A_file_that_another_has_locked_cannot_be_pushed_even_without_the_clients_check()
    {
        await using var world = await GitWorld.StartAsync(login: true);
        await world.TokenAsync("ann", "writer");
        await world.TokenAsync("bob", "writer");
        await world.InitAsync("a", world.Url(user: "ann"));
        await world.WriteAsync("a", "weights.bin", Weights);
        await world.CommitAsync("a", "Add weights");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
        (await world.GitAsync("a", "lfs", "lock", "weights.bin")).Succeeded();

        (await world.GitAsync("a", "rm", "-q", "weights.bin")).Succeeded();
        await world.CommitAsync("a", "Remove");
        var push = await world.GitAsync("a", "push", "--no-verify", world.Url(user: "bob"), "main");
        Assert.NotEqual(0, push.ExitCode);
        Assert.Contains("weights.bin  ann", push.Error, StringComparison.Ordinal);
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
    }

    [Fact]
    public async Task A_commit_that_a_release_stands_on_cannot_be_dropped_by_force_or_deletion()
    {
        var released = new ReleasedCommit();
        await using var world = await GitWorld.StartAsync(services: s => s.AddSingleton<ILineageSource>(released));
        await world.InitAsync("a", world.Url());
        await world.CommitAsync("a", "Start");
        await world.WriteAsync("a", "f", "1"u8.ToArray());
        released.Sha = await world.CommitAsync("a", "What was released");
        (await world.GitAsync("a", "push", "-q", "origin", "main~1:refs/heads/main", "main:refs/heads/work", "main:refs/heads/copy")).Succeeded();
        (await world.GitAsync("a", "tag", "-a", "-m", "v1", "v1")).Succeeded();
        (await world.GitAsync("a", "push", "-q", "origin", ":work")).Succeeded(); // copy still leads to it
        (await world.GitAsync("a", "push", "-q", "origin", "v1", ":copy")).Succeeded(); // so does the tag of this push

        var deletion = await world.GitAsync("a", "push", "origin", ":v1");
        var force = await world.GitAsync("a", "push", "--force", "origin", "main~1:refs/tags/v1");

        Assert.NotEqual(0, deletion.ExitCode);
        Assert.Contains("release sha256:" + new string('a', 12), deletion.Error, StringComparison.Ordinal);
        Assert.NotEqual(0, force.ExitCode);
        // The default branch too, to which HEAD still leads while the push is looked at.
        await world.Server.Client.SetBranchRuleAsync("shop", new BranchRuleInfo("main", AllowForce: true), default);
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
        (await world.GitAsync("a", "push", "-q", "origin", "main~1:refs/heads/main", "--force")).Succeeded(); // the tag keeps it
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();
        (await world.GitAsync("a", "push", "-q", "origin", ":v1")).Succeeded(); // the branch keeps it
        Assert.Contains("release sha256:", (await world.GitAsync("a", "push", "--force", "origin", "main~1:refs/heads/main")).Error, StringComparison.Ordinal);
        (await world.GitAsync("a", "push", "-q", "origin", "v1")).Succeeded();
        Assert.Contains("v1^{}", (await world.GitAsync("a", "ls-remote", "--tags", "origin")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_LFS_object_of_a_released_commit_is_not_removed_even_by_force_and_one_that_came_later_is()
    {
        var released = new ReleasedCommit();
        await using var world = await GitWorld.StartAsync(services: s => s.AddSingleton<ILineageSource>(released));
        await world.InitAsync("a", world.Url());
        var (first, second) = (GitWorld.Noise(2_000, 1), GitWorld.Noise(2_000, 2));
        await world.WriteAsync("a", "weights.bin", first);
        released.Sha = await world.CommitAsync("a", "What was released");
        await world.WriteAsync("a", "weights.bin", second);
        await world.CommitAsync("a", "Later");
        (await world.GitAsync("a", "push", "-q", "origin", "main")).Succeeded();

        var refused = await Assert.ThrowsAsync<PilothouseApiException>(() => world.Server.Client.RemoveLfsObjectAsync("shop", GitWorld.Oid(first), "personal data", true, default));

        Assert.Contains($"release sha256:{new string('a', 12)} stands on commit {released.Sha[..10]}", refused.Message, StringComparison.Ordinal);
        (await world.CloneAsync(world.Url(), "b")).Succeeded();
        (await world.GitAsync("b", "checkout", "-q", released.Sha)).Succeeded();
        Assert.Equal(first, await world.ReadAsync("b", "weights.bin"));
        await world.Server.Client.RemoveLfsObjectAsync("shop", GitWorld.Oid(second), "personal data", true, default);
    }

    private static Task WritePointerAsync(GitWorld world, string path, int seed) =>
        world.WriteAsync("a", path, Encoding.ASCII.GetBytes(new LfsPointer(GitWorld.Oid(BitConverter.GetBytes(seed)), 4).ToString()));

    private sealed class ReleasedCommit : ILineageSource
    {
        public string Sha { get; set; } = "";

        public Task<IReadOnlyList<LineageEdge>> EdgesAsync(IReadOnlyCollection<LineageNode> nodes, CancellationToken ct) => Task.FromResult<IReadOnlyList<LineageEdge>>(
            [.. nodes.Where(n => n.Kind == LineageKind.Commit && n.Sha == Sha).Select(n => new LineageEdge(n, new LineageNode(LineageKind.Release, "sha256:" + new string('a', 64)), "contains"))]);
    }
}
