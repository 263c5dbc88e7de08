using System.Text.Json;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Locks;

/// <summary>The same version for everyone: what one user adds and locks is what another has after a clone and a sync.</summary>
public sealed class SameVersionTests
{
    [Fact]
    public async Task A_second_user_gets_exactly_what_the_first_locked_and_loses_nothing_of_his_own()
    {
        await using var bench = await Workbench.StartAsync();
        var ann = await AnnAsync(bench);
        var bob = Path.Combine(bench.Home("bob"), "shop");
        await Workbench.GitAsync(bench.Home("bob"), "clone", "-q", bench.Url("shop"), "shop");

        Assert.Equal(1, (await bench.RunAsync(bob, "status", "--offline")).Code);
        await bench.OkAsync(bob, "sync");
        Assert.Contains("4 files as in pilothouse.lock.", await bench.OkAsync(bob, "status"), StringComparison.Ordinal);
        Assert.Equal("", await Workbench.GitAsync(bob, "status", "--porcelain"));
        Assert.Equal(await ContentManifestOf(ann), await ContentManifestOf(bob));

        // A file of one's own beside tracked ones, and a change.
        Replace(Path.Combine(bob, "data/images/1.png"), "mine");
        await File.WriteAllTextAsync(Path.Combine(bob, "data/images/own.png"), "own");
        var (code, output, _) = await bench.RunAsync(bob, "status", "--json", "--offline");
        using var status = JsonDocument.Parse(output);
        Assert.Equal(1, code);
        Assert.Equal(["changed data/images/1.png", "untracked data/images/own.png"], status.RootElement.GetProperty("files").EnumerateArray().Select(f => $"{f.GetProperty("state")} {f.GetProperty("path")}"));

        // Ann changes that file, and removes another.
        await File.WriteAllTextAsync(Path.Combine(ann, "data/images/1.png"), "second");
        File.Delete(Path.Combine(ann, "data/images/2.png"));
        await bench.OkAsync(ann, "add", "data/images");
        await CommitAsync(bench, ann, "Second");
        await Workbench.GitAsync(bob, "pull", "-q");
        var refused = await bench.RunAsync(bob, "sync");
        Assert.Equal(2, refused.Code);
        Assert.Contains("data/images/1.png", refused.Error, StringComparison.Ordinal);
        Assert.Equal("mine", await File.ReadAllTextAsync(Path.Combine(bob, "data/images/1.png")));
        Assert.True(File.Exists(Path.Combine(bob, "data/images/2.png")), "nothing was done");

        await bench.OkAsync(bob, "sync", "--force");
        Assert.Equal("second", await File.ReadAllTextAsync(Path.Combine(bob, "data/images/1.png")));
        Assert.False(File.Exists(Path.Combine(bob, "data/images/2.png")));
        Assert.Equal("own", await File.ReadAllTextAsync(Path.Combine(bob, "data/images/own.png")));
        Assert.Contains("folder data/images: 3 files became 2 files", await bench.OkAsync(bob, "lock", "diff", "HEAD~1", "HEAD"), StringComparison.Ordinal);
    }

    /// <summary>Files come into place in parallel: whoever comes second into a new folder must not come before it is there.</summary>
    [Fact]
    public async Task Many_new_folders_come_whole()
    {
        const int folders = 500;
        await using var bench = await Workbench.StartAsync();
        var ann = bench.Home("ann");
        await File.WriteAllTextAsync(Path.Combine(ann, "pilothouse.yaml"), "apiVersion: pilothouse/v1\nproject: shop\n");
        for (var i = 0; i < folders; i++)
        {
            var folder = Directory.CreateDirectory(Path.Combine(ann, $"data/{i / 100}/{i}")).FullName;
            foreach (var name in (string[])["a", "b", "c", "d"]) await File.WriteAllTextAsync(Path.Combine(folder, name), name);
        }
        await bench.OkAsync(ann, "add", "data");

        var bob = bench.Home("bob");
        foreach (var name in (string[])["pilothouse.yaml", "pilothouse.lock"]) File.Copy(Path.Combine(ann, name), Path.Combine(bob, name));
        await bench.OkAsync(bob, "sync");
        Assert.Contains($"{4 * folders} files as in pilothouse.lock.", await bench.OkAsync(bob, "status", "--offline"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stale_or_missing_lock_is_refused_by_check_test_and_release_with_the_command_that_mends_it()
    {
        await using var bench = await Workbench.StartAsync();
        var ann = await AnnAsync(bench);
        await bench.OkAsync(ann, "lock", "--check");

        var yaml = Path.Combine(ann, "pilothouse.yaml");
        await File.WriteAllTextAsync(yaml, (await File.ReadAllTextAsync(yaml)).Replace("min: 0.8", "min: 0.1", StringComparison.Ordinal));
        await CommitAsync(bench, ann, "Lower the floor");
        foreach (var verb in (string[][])[["lock", "--check"], ["test"], ["release", "create"], ["package", "--output", Path.Combine(bench.Home("ann"), "oci")]])
        {
            var (code, _, error) = await bench.RunAsync(ann, verb);
            Assert.True(code == 5, $"{verb[0]}: {code} {error}");
            Assert.Contains("suite quality was changed in pilothouse.yaml since the lock was written", error, StringComparison.Ordinal);
            Assert.Contains("pilothouse lock", error, StringComparison.Ordinal);
        }

        Assert.Contains("~ suite quality", await bench.OkAsync(ann, "lock"), StringComparison.Ordinal);
        await CommitAsync(bench, ann, "Lock");
        Assert.Contains("lock       pilothouse.lock", await bench.OkAsync(ann, "release", "create"), StringComparison.Ordinal);

        await Workbench.GitAsync(ann, "rm", "-q", "pilothouse.lock");
        await CommitAsync(bench, ann, "No lock");
        var missing = await bench.RunAsync(ann, "release", "create");
        Assert.Equal(5, missing.Code);
        Assert.Contains("pilothouse.lock is missing", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_commit_does_not_come_in_without_the_data_that_its_lock_pins()
    {
        await using var bench = await Workbench.StartAsync();
        var ann = await AnnAsync(bench);
        var text = await File.ReadAllTextAsync(Path.Combine(ann, "pilothouse.lock"));
        var nowhere = Digest.Of("nowhere"u8).ToString();
        await File.WriteAllTextAsync(Path.Combine(ann, "pilothouse.lock"), text.Replace("file big.bin", $"file absent.bin\n  digest: {nowhere}\n  size: 7\n\nfile big.bin", StringComparison.Ordinal));
        await Workbench.GitAsync(ann, "commit", "-qam", "Absent");

        var push = await Shell.RunAsync(ann, "git", "push", bench.Url("shop"), "main");

        Assert.NotEqual(0, push.ExitCode);
        Assert.Contains($"absent.bin  {nowhere}", push.Error, StringComparison.Ordinal);
        Assert.Contains("pilothouse add", push.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Hostile_locks_and_links_put_nothing_outside_of_the_tree()
    {
        await using var bench = await Workbench.StartAsync();
        var ann = await AnnAsync(bench);
        var lockPath = Path.Combine(ann, "pilothouse.lock");
        var text = await File.ReadAllTextAsync(lockPath);

        await File.WriteAllTextAsync(lockPath, text.Replace("file big.bin", "file ../big.bin", StringComparison.Ordinal));
        var outside = await bench.RunAsync(ann, "sync");
        Assert.Equal(2, outside.Code);
        Assert.Contains("BAD_PATH", outside.Error, StringComparison.Ordinal);

        await File.WriteAllTextAsync(lockPath, text);
        Directory.Delete(Path.Combine(ann, "data/images"), recursive: true);
        var elsewhere = Directory.CreateDirectory(Path.Combine(bench.Home("ann"), "elsewhere")).FullName;
        Directory.CreateSymbolicLink(Path.Combine(ann, "data/images"), elsewhere);
        var linked = await bench.RunAsync(ann, "sync");
        Assert.Equal(2, linked.Code);
        Assert.Contains("symbolic link", linked.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(elsewhere));

        File.CreateSymbolicLink(Path.Combine(ann, "link.bin"), "/etc/hostname");
        Assert.Contains("symbolic link", (await bench.RunAsync(ann, "add", "link.bin")).Error, StringComparison.Ordinal);
        Assert.Contains("cannot be tracked", (await bench.RunAsync(ann, "add", "../elsewhere")).Error, StringComparison.Ordinal);
        Assert.Contains("is in Git already", (await bench.RunAsync(ann, "add", "pilothouse.yaml")).Error, StringComparison.Ordinal);
    }

    [Fact, System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public async Task A_cache_that_was_written_to_through_a_link_is_noticed_and_mended()
    {
        await using var bench = await Workbench.StartAsync();
        await AnnAsync(bench);
        var bob = Path.Combine(bench.Home("bob"), "shop");
        await Workbench.GitAsync(bench.Home("bob"), "clone", "-q", bench.Url("shop"), "shop");
        await bench.OkAsync(bob, "sync", "--link-mode", "hardlink");
        var file = Path.Combine(bob, "big.bin");
        Assert.Equal(UnixFileMode.None, File.GetUnixFileMode(file) & UnixFileMode.UserWrite);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await File.WriteAllTextAsync(file, "damaged through the link");

        Assert.Equal(1, (await bench.RunAsync(bob, "status", "--offline")).Code);
        await bench.OkAsync(bob, "sync", "--force", "--link-mode", "copy");

        Assert.Equal(200_000, new FileInfo(file).Length);
        await bench.OkAsync(bob, "status");
    }

    [Fact]
    public async Task Branches_that_lock_different_things_merge_and_git_uses_our_driver_where_they_touch()
    {
        await using var bench = await Workbench.StartAsync();
        var ann = await AnnAsync(bench);
        await Workbench.GitAsync(ann, "config", "merge.pilothouse.driver", $"'{ServerProcess.Executable}' lock merge %O %A %B");
        await File.WriteAllTextAsync(Path.Combine(ann, ".gitattributes"), "pilothouse.lock merge=pilothouse\n");
        await CommitAsync(bench, ann, "Driver");
        await Workbench.GitAsync(ann, "checkout", "-qb", "other");
        await TrackAsync(bench, ann, "c1.bin");
        await Workbench.GitAsync(ann, "checkout", "-q", "main");
        await TrackAsync(bench, ann, "c2.bin");

        await Workbench.GitAsync(ann, "merge", "-q", "-X", "ours", "other", "-m", "Merge");

        var text = await File.ReadAllTextAsync(Path.Combine(ann, "pilothouse.lock"));
        Assert.Contains("file c1.bin", text, StringComparison.Ordinal);
        Assert.Contains("file c2.bin", text, StringComparison.Ordinal);
        await bench.OkAsync(ann, "lock", "--check");
    }

    [Fact]
    public async Task A_prompt_that_follows_an_alias_and_a_split_of_several_files_are_the_same_for_everyone_until_the_lock_moves_on()
    {
        await using var bench = await Workbench.StartAsync();
        var ann = await AnnAsync(bench);
        var client = bench.Server.Client;
        foreach (var text in (string[])["Answer {question}", "Answer {question} kindly"]) await client.RegisterPromptAsync("support", new NewPromptVersion(text), default);
        await client.SetPromptAliasAsync("support", "production", 1, "first", default);
        foreach (var (path, content) in ((string, string)[])[("train/a.jsonl", "{\"id\":1}\n"), ("train/b.jsonl", "{\"id\":2}\n"), ("test.jsonl", "{\"id\":3}\n")])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(bench.Home("ann"), "faq", path))!);
            await File.WriteAllTextAsync(Path.Combine(bench.Home("ann"), "faq", path), content);
        }
        await bench.OkAsync(ann, "dataset", "register", "faq", Path.Combine(bench.Home("ann"), "faq"));
        await File.WriteAllTextAsync(Path.Combine(ann, "pilothouse.yaml"), """
            apiVersion: pilothouse/v1
            project: shop
            models:
              assistant: { kind: generative, engine: openai, url: "http://127.0.0.1:9/v1", model: llama, prompt: "prompts:/support@production" }
            data:
              train: { dataset: faq, version: 1, split: train, checkout: data/train }
            """);

        Assert.Contains("+ prompt prompts:/support@production: prompts:/support/1", await bench.OkAsync(ann, "lock"), StringComparison.Ordinal);
        await CommitAsync(bench, ann, "Lock");
        await client.SetPromptAliasAsync("support", "production", 2, "kinder", default);
        var bob = Path.Combine(bench.Home("bob"), "shop");
        await Workbench.GitAsync(bench.Home("bob"), "clone", "-q", bench.Url("shop"), "shop");
        await bench.OkAsync(bob, "sync");

        Assert.Equal("{\"id\":1}\n{\"id\":2}\n", await File.ReadAllTextAsync(Path.Combine(bob, "data/train/train/a.jsonl")) + await File.ReadAllTextAsync(Path.Combine(bob, "data/train/train/b.jsonl")));
        Assert.False(File.Exists(Path.Combine(bob, "data/train/test.jsonl")));
        Assert.Contains("@production is version 2 now", await bench.OkAsync(bob, "status"), StringComparison.Ordinal);
        Assert.Contains("prompts:/support/1", await bench.OkAsync(bob, "release", "create"), StringComparison.Ordinal);
        await bench.OkAsync(bob, "lock");
        Assert.Equal("", await Workbench.GitAsync(bob, "status", "--porcelain"));

        Assert.Contains("~ prompt prompts:/support@production: prompts:/support/1 became prompts:/support/2", await bench.OkAsync(bob, "lock", "--update", "assistant"), StringComparison.Ordinal);
        await CommitAsync(bench, bob, "Kinder");
        Assert.Contains("prompts:/support/2", await bench.OkAsync(bob, "release", "create"), StringComparison.Ordinal);
    }

    private static async Task TrackAsync(Workbench bench, string directory, string name)
    {
        await File.WriteAllTextAsync(Path.Combine(directory, name), name);
        await bench.OkAsync(directory, "add", name);
        await Workbench.GitAsync(directory, "add", "-A");
        await Workbench.GitAsync(directory, "commit", "-qm", name);
    }

    private static async Task<string> AnnAsync(Workbench bench)
    {
        var ann = Directory.CreateDirectory(Path.Combine(bench.Home("ann"), "shop")).FullName;
        await Workbench.GitAsync(ann, "init", "-q", "-b", "main");
        await bench.OkAsync(ann, "init", "shop");
        await bench.Server.Client.CreateProjectAsync("shop", default);
        Directory.CreateDirectory(Path.Combine(ann, "data/images/deep"));
        foreach (var (path, content) in ((string, string)[])[("data/images/1.png", "first"), ("data/images/2.png", "two"), ("data/images/deep/ü 3.png", "three")]) await File.WriteAllTextAsync(Path.Combine(ann, path), content);
        await File.WriteAllBytesAsync(Path.Combine(ann, "big.bin"), [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 31))]);
        await bench.OkAsync(ann, "add", "data/images", "big.bin");
        await bench.OkAsync(ann, "lock");
        await CommitAsync(bench, ann, "First");
        return ann;
    }

    private static async Task CommitAsync(Workbench bench, string directory, string message)
    {
        await Workbench.GitAsync(directory, "add", "-A");
        await Workbench.GitAsync(directory, "commit", "-qm", message);
        await Workbench.GitAsync(directory, "push", "-q", bench.Url("shop"), "main");
    }

    private static async Task<string> ContentManifestOf(string directory) =>
        $"{(await ContentManifest.OfDirectoryAsync(Path.Combine(directory, "data", "images"), default)).Digest} {Digest.Of(await File.ReadAllBytesAsync(Path.Combine(directory, "big.bin")))}";

    /// <summary>As an editor does: what is there may be a link of the cache, read-only.</summary>
    private static void Replace(string path, string content)
    {
        File.Delete(path);
        File.WriteAllText(path, content);
    }
}
