using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using Pilothouse.Server.Modules.Repositories.Maintenance;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Git;

/// <summary>Repositories that take many small pushes stay quick, and lose nothing over it.</summary>
public class MaintenanceTests(ITestOutputHelper output)
{
    private const int Pushes = 12;

    [Fact]
    public async Task Many_small_pushes_become_few_packs_and_even_what_no_branch_has_any_more_is_kept()
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("work", world.Url());
        for (var n = 0; n < Pushes; n++)
        {
            await world.WriteAsync("work", "notes.txt", GitWorld.Noise(2_000, n));
            await world.CommitAsync("work", $"note {n}");
            (await world.GitAsync("work", "push", "-q", "origin", "HEAD:refs/heads/notes")).Succeeded();
        }
        // Two commits that a forced push leaves behind: a run may have noted one of them.
        var left = (await world.GitAsync("work", "rev-parse", "HEAD")).Output.Trim();
        (await world.GitAsync("work", "reset", "-q", "--hard", "HEAD~2")).Succeeded();
        (await world.GitAsync("work", "push", "-q", "--force", "origin", "HEAD:refs/heads/notes")).Succeeded();
        var before = (await world.GitAsync("work", "rev-list", "--objects", "HEAD")).Output;

        var care = await world.Server.Client.MaintainRepositoryAsync("shop", default);
        output.WriteLine(care.ToString());
        Assert.True(care is { Repacked: true, PacksAfter: <= 2, LooseAfter: 0 }, care.ToString());
        var repository = Path.Combine(world.Server.DataPath, "git", "shop.git");
        Assert.Equal("", (await Bare(repository, "fsck", "--full", "--no-dangling")).Succeeded().Trim());
        (await Bare(repository, "cat-file", "-e", left)).Succeeded();
        (await world.CloneAsync(world.Url(), "copy")).Succeeded();
        (await world.GitAsync("copy", "checkout", "-q", "notes")).Succeeded();
        Assert.Equal(before, (await world.GitAsync("copy", "rev-list", "--objects", "HEAD")).Output);

        // Pushes go on as ever, and a second time there is next to nothing to do.
        await world.WriteAsync("work", "notes.txt", GitWorld.Noise(2_000, 99));
        await world.CommitAsync("work", "another");
        (await world.GitAsync("work", "push", "-q", "origin", "HEAD:refs/heads/notes")).Succeeded();
        Assert.True((await world.Server.Client.MaintainRepositoryAsync("shop", default)).PacksAfter <= 3);
    }

    [Fact]
    public async Task A_repository_that_was_pushed_to_is_repacked_by_itself_when_the_time_comes()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UnixEpoch.AddYears(56));
        await using var world = await GitWorld.StartAsync(time: time, options: new() { ["Repositories:MaintenancePacks"] = "3", ["Repositories:MaintenanceMinutes"] = "10" });
        await world.InitAsync("work", world.Url());
        for (var n = 0; n < 4; n++)
        {
            // As many as git keeps in the pack that they came in (receive.unpackLimit is 100).
            for (var file = 0; file < 120; file++) await world.WriteAsync("work", $"notes/{file}.txt", GitWorld.Noise(100, (n * 1000) + file));
            await world.CommitAsync("work", $"note {n}");
            (await world.GitAsync("work", "push", "-q", "origin", "HEAD:refs/heads/notes")).Succeeded();
        }
        var packs = Path.Combine(world.Server.DataPath, "git", "shop.git", "objects", "pack");
        int Packs() => Directory.GetFiles(packs, "*.pack").Length;
        Assert.True(Packs() >= 3, $"{Packs()} packs");

        await Eventually.TrueAsync(() =>
        {
            time.Advance(TimeSpan.FromMinutes(10));
            return Task.FromResult(Packs() == 1);
        });

        Assert.Equal("", (await Bare(Path.Combine(world.Server.DataPath, "git", "shop.git"), "fsck", "--full", "--no-dangling")).Succeeded().Trim());
    }

    [Fact]
    public async Task Kill_9_in_the_middle_of_repacking_beside_pushes_loses_nothing()
    {
        await using var world = await GitWorld.StartAsync();
        await world.InitAsync("work", world.Url());
        var repository = Path.Combine(world.Server.DataPath, "git", "shop.git");
        var random = new Random(5);
        for (var round = 0; round < 6; round++)
        {
            for (var n = 0; n < 2; n++)
            {
                await world.WriteAsync("work", $"r{round}-{n}.txt", GitWorld.Noise(400_000, (round * 10) + n));
                await world.CommitAsync("work", $"{round}/{n}");
                (await world.GitAsync("work", "push", "-q", "origin", "main")).Succeeded();
            }
            // As the server runs it.
            using var repack = Process.Start(new ProcessStartInfo("git", ["-c", "safe.directory=*", "--git-dir", repository, .. RepositoryMaintenance.Repack]) { RedirectStandardError = true })!;
            var push = Task.Run(async () =>
            {
                await world.WriteAsync("work", $"beside{round}.txt", GitWorld.Noise(50_000, 1000 + round));
                await world.CommitAsync("work", $"beside {round}");
                return await world.GitAsync("work", "push", "-q", "origin", "main");
            });
            await Task.Delay(random.Next(0, 60)); // not a wait for something: the moment of the kill is any
            repack.Kill(entireProcessTree: true);
            await repack.WaitForExitAsync();
            (await push).Succeeded();
            Assert.Equal("", (await Bare(repository, "fsck", "--full", "--no-dangling")).Succeeded().Trim());
        }
        Assert.True((await world.Server.Client.MaintainRepositoryAsync("shop", default)).Repacked);
        (await world.CloneAsync(world.Url(), "copy")).Succeeded();
        Assert.Equal((await world.GitAsync("work", "rev-list", "--objects", "HEAD")).Output, (await world.GitAsync("copy", "rev-list", "--objects", "HEAD")).Output);
    }

    private static Task<Shell.Outcome> Bare(string repository, params string[] arguments) => Shell.RunAsync(repository, "git", ["-c", "safe.directory=*", "--git-dir", repository, .. arguments]);
}
