using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Git;

/// <summary>The server is killed while pushes with large files come in: every push that a client saw succeed is complete, and stands in the audit log.</summary>
public partial class GitKillTests(ITestOutputHelper output)
{
    private const int Pushers = 3;

    /// <summary>Rounds by default; <c>PILOTHOUSE_KILL_ROUNDS</c> asks for more, <c>PILOTHOUSE_KILL_MINUTES</c> for as many of them as fit.</summary>
    private static readonly int Rounds = int.TryParse(Environment.GetEnvironmentVariable("PILOTHOUSE_KILL_ROUNDS"), out var rounds) ? rounds : 4;

    private static readonly TimeSpan Limit = int.TryParse(Environment.GetEnvironmentVariable("PILOTHOUSE_KILL_MINUTES"), out var minutes) ? TimeSpan.FromMinutes(minutes) : TimeSpan.MaxValue;

    [Fact]
    public async Task Every_acknowledged_push_is_complete_after_kill_9()
    {
        Assert.SkipUnless(Shell.Has("git") && Shell.Has("git-lfs"), "git and git-lfs are not installed.");
        var data = Directory.CreateTempSubdirectory("pilothouse-kill-");
        var work = Directory.CreateTempSubdirectory("pilothouse-git-");
        var random = new Random(17);
        var acknowledged = new Dictionary<string, (string Commit, string Oid)>();
        try
        {
            var (round, started) = (0, Stopwatch.GetTimestamp());
            for (; round < Rounds && Stopwatch.GetElapsedTime(started) < Limit; round++) await RoundAsync(round, random.Next(1, 2 * Pushers), random.Next(0, 700));
            await using var server = await ServerProcess.StartAsync(data.FullName);
            await CheckAsync(server);
            output.WriteLine($"{round} rounds, {acknowledged.Count} acknowledged pushes, all complete");
        }
        finally
        {
            data.Delete(recursive: true);
            work.Delete(recursive: true);
        }

        async Task RoundAsync(int round, int successes, int millisecondsMore)
        {
            var succeeded = new SemaphoreSlim(0); // not disposed: it may be waited for when the round is over
            await using var server = await ServerProcess.StartAsync(data.FullName);
            if (round == 0) await server.Client.CreateProjectAsync("shop", default);
            var pushers = Enumerable.Range(0, Pushers).Select(i => PushUntilDeadAsync(server, round, i, () => succeeded.Release())).ToList();
            // Or until no one pushes any more: a push that failed for another reason ends its pusher, too.
            await Task.WhenAny(SucceededAsync(succeeded, successes), Task.WhenAll(pushers));
            await Task.Delay(millisecondsMore); // not a wait for something: the moment of the kill is any
            await server.KillAsync();
            foreach (var pushed in await Task.WhenAll(pushers))
                foreach (var (branch, commit, oid) in pushed) acknowledged[branch] = (commit, oid);
        }

        static async Task SucceededAsync(SemaphoreSlim succeeded, int count)
        {
            for (var i = 0; i < count; i++) await succeeded.WaitAsync();
        }

        async Task<List<(string Branch, string Commit, string Oid)>> PushUntilDeadAsync(ServerProcess server, int round, int pusher, Action succeeded, int most = 100)
        {
            var folder = Path.Combine(work.FullName, $"r{round}p{pusher}");
            Directory.CreateDirectory(folder);
            (await GitAsync(folder, "init", "-q", "-b", "main")).Succeeded();
            (await GitAsync(folder, "lfs", "install", "--local")).Succeeded();
            (await GitAsync(folder, "config", "lfs.transfer.maxretries", "1")).Succeeded();
            await File.WriteAllTextAsync(Path.Combine(folder, ".gitattributes"), "*.bin filter=lfs diff=lfs merge=lfs -text\n");
            List<(string, string, string)> pushed = [];
            for (var n = 0; n < most; n++)
            {
                var content = GitWorld.Noise(300_000, (round * 1000) + (pusher * 100) + n);
                await File.WriteAllBytesAsync(Path.Combine(folder, "weights.bin"), content);
                (await GitAsync(folder, "add", "-A")).Succeeded();
                (await GitAsync(folder, "commit", "-q", "-m", $"{round}/{pusher}/{n}")).Succeeded();
                var branch = $"r{round}-p{pusher}-n{n}";
                if ((await GitAsync(folder, "push", "-q", new Uri(server.Url, "/git/shop.git").ToString(), $"HEAD:refs/heads/{branch}")).ExitCode != 0) break;
                pushed.Add((branch, (await GitAsync(folder, "rev-parse", "HEAD")).Output.Trim(), GitWorld.Oid(content)));
                succeeded();
            }
            return pushed;
        }

        async Task CheckAsync(ServerProcess server)
        {
            var url = new Uri(server.Url, "/git/shop.git").ToString();
            // A push looks first for those that the kill cut off.
            await PushUntilDeadAsync(server, Rounds, 0, () => { }, most: 1);
            var refs = (await GitAsync(work.FullName, "ls-remote", "--heads", url)).Succeeded().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Trim().Split('\t')).ToDictionary(p => p[1]["refs/heads/".Length..], p => p[0]);
            Assert.Equal("", (await GitAsync(Path.Combine(data.FullName, "git", "shop.git"), "-c", "safe.directory=*", "fsck", "--connectivity-only", "--no-dangling")).Succeeded().Trim());
            foreach (var (branch, (commit, oid)) in acknowledged)
            {
                Assert.Equal(commit, refs.GetValueOrDefault(branch));
                Assert.True(await server.Client.HasBlobAsync("sha256:" + oid, default), $"the data of {branch} is gone");
            }
            // Those that no one saw succeed are whole too when their branch is there.
            var audited = await AuditedAsync(server.Client);
            foreach (var (branch, commit) in refs)
            {
                var file = await server.Client.Http.GetFromJsonAsync<FileView>($"/api/v1/projects/shop/view?revision={commit}&path=weights.bin", PilothouseClient.Json);
                Assert.True(file is { Lfs.Held: true }, $"{branch} lacks its data");
                Assert.True(audited.Contains(commit), $"{branch} is not in the audit log");
            }
        }
    }

    /// <summary>Every commit that stands in an entry of a push.</summary>
    private static async Task<HashSet<string>> AuditedAsync(PilothouseClient client)
    {
        var commits = new HashSet<string>();
        for (long? before = null; ;)
        {
            var entries = JsonDocument.Parse(await client.Http.GetStringAsync("/api/v1/audit?limit=100&subject=projects/shop" + (before is { } b ? $"&before={b}" : ""))).RootElement;
            if (entries.GetArrayLength() == 0) return commits;
            foreach (var entry in entries.EnumerateArray())
            {
                before = entry.GetProperty("index").GetInt64();
                foreach (Match match in Commit().Matches(entry.GetRawText())) commits.Add(match.Value);
            }
        }
    }

    [GeneratedRegex("[0-9a-f]{40}(?![0-9a-f])")]
    private static partial Regex Commit();

    private static Task<Shell.Outcome> GitAsync(string directory, params string[] arguments) => Shell.RunAsync(directory, "git", arguments);
}
