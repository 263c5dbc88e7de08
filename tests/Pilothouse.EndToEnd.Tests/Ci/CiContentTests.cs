using System.Security.Cryptography;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Ci;

/// <summary>Content that is not in Git itself, in the checkouts of jobs: Git LFS, and what pilothouse.lock tracks.</summary>
public sealed class CiContentTests
{
    private static readonly Dictionary<string, string> Runner = new() { ["PILOTHOUSE_Pipelines__RunProjectJobs"] = "true" };

    [Fact]
    public async Task Files_of_LFS_are_whole_in_the_checkouts_of_jobs_and_one_that_is_nowhere_is_an_error()
    {
        Assert.SkipUnless(Shell.Has("git-lfs"), "git-lfs is not installed.");
        await using var world = await CiWorld.StartAsync(Runner, "\nci:\n  sums: { steps: [{ run: \"sha256sum weights/*.bin; cat notes/pointer.txt; git status --porcelain\" }] }\n");
        var url = new Uri(world.Server.Url, "/git/faq.git").ToString();
        await world.GitAsync("lfs", "install", "--local");
        await world.GitAsync("lfs", "track", "*.bin");
        Directory.CreateDirectory(Path.Combine(world.Repository, "weights"));
        var sums = new List<string>();
        foreach (var name in (string[])["a", "b b"])
        {
            var content = RandomNumberGenerator.GetBytes(300_000);
            await File.WriteAllBytesAsync(Path.Combine(world.Repository, "weights", name + ".bin"), content);
            sums.Add(Convert.ToHexStringLower(SHA256.HashData(content)));
        }
        // A pointer all right, but .gitattributes does not give it to LFS.
        var text = $"version https://git-lfs.github.com/spec/v1\noid sha256:{sums[0]}\nsize 300000\n";
        world.Write("notes/pointer.txt", text);
        var commit = await world.CommitAsync("weights");
        await world.GitAsync("remote", "add", "origin", url);
        await world.GitAsync("push", "-q", "origin", "HEAD:main");

        var job = await EndedAsync(world, commit);
        var log = (await world.RunAsync(ServerProcess.Executable, "ci", "log", job.Id)).Succeeded();
        Assert.True(job.State == "success", log);
        foreach (var sum in sums) Assert.Contains(sum, log);
        Assert.Contains("oid sha256:" + sums[0], log);
        Assert.DoesNotContain(" M weights", log);

        var storage = Path.Combine(world.Repository, ".git", "lfs", "objects");
        Directory.Move(storage, storage + ".away");
        Assert.Contains(sums[1], (await world.RunAsync(ServerProcess.Executable, "ci", "run")).Succeeded()); // from the server
        (await world.RunAsync(ServerProcess.Executable, "lfs", "remove", "faq", sums[1], "--why", "a test", "--force")).Succeeded();
        var lost = await world.RunAsync(ServerProcess.Executable, "ci", "run");
        Assert.Equal(4, lost.ExitCode);
        Assert.Contains("weights/b b.bin", lost.Output);
        Assert.DoesNotContain(sums[0], lost.Output);
        Assert.Contains("weights/b b.bin", await File.ReadAllTextAsync(Path.Combine(world.Repository, ".pilothouse/ci/sums/result.json")));
        Directory.Move(storage + ".away", storage);
        Assert.Contains(sums[1], (await world.RunAsync(ServerProcess.Executable, "ci", "run")).Succeeded()); // from here

        await world.Server.Client.StartCiJobsAsync("faq", new NewCiJobs(commit, ["sums"]), default);
        var again = await EndedAsync(world, commit);
        Assert.Equal("error", again.State);
        Assert.Contains("weights/b b.bin", again.Error);
    }

    [Fact]
    public async Task A_step_brings_what_the_lock_tracks()
    {
        await using var world = await CiWorld.StartAsync(Runner, "\nci:\n  train: { steps: [{ run: test ! -e corpus/a.txt }, { sync: true }, { run: cat corpus/a.txt }] }\n");
        world.Write("corpus/a.txt", "tracked by the lock, not by Git");
        (await world.RunAsync(ServerProcess.Executable, "add", "corpus")).Succeeded();
        var commit = await world.CommitAsync("a corpus");
        Assert.DoesNotContain("corpus/a.txt", await world.GitAsync("ls-files"));
        await world.GitAsync("push", "-q", new Uri(world.Server.Url, "/git/faq.git").ToString(), "HEAD:main");

        var job = await EndedAsync(world, commit);
        var log = (await world.RunAsync(ServerProcess.Executable, "ci", "log", job.Id)).Succeeded();
        Assert.True(job.State == "success", log);
        Assert.Contains("tracked by the lock", log);
        var here = await world.RunAsync(ServerProcess.Executable, "ci", "run");
        Assert.True(here.ExitCode == 0, here.Output + here.Error);
    }

    private static async Task<CiJob> EndedAsync(CiWorld world, string commit)
    {
        IReadOnlyList<CiJob> jobs = [];
        await Eventually.TrueAsync(async () => (jobs = await world.Server.Client.ListCiJobsAsync("faq", commit, 100, default)).Count > 0 && jobs.All(j => j.FinishedMs is not null));
        return jobs[0];
    }
}
