using System.Diagnostics;
using Pilothouse.Client;
using Pilothouse.Client.Uploads;

namespace Pilothouse.Bench;

/// <summary>
/// One large file and <c>--runs</c> small ones, pushed and pulled by our client; beside it, in the same run, stock git-lfs to the same server (which hashes and syncs
/// as for ours) and plain git to a bare repository on the same disk.
/// </summary>
internal static class BlobFilesVerb
{
    public static async Task RunAsync(BenchOptions options)
    {
        await using var server = await BenchServer.StartAsync(options);
        var root = Directory.CreateDirectory(Path.Combine(options.Data, $"pilothouse-bench-files-{Environment.ProcessId}"));
        Environment.SetEnvironmentVariable("PILOTHOUSE_CACHE", Path.Combine(root.FullName, "cache"));
        try
        {
            var random = new Random(1);
            var large = Path.Combine(root.FullName, "large.bin");
            await WriteLargeAsync(large, options.Megabytes, random);
            var small = Directory.CreateDirectory(Path.Combine(root.FullName, "small"));
            for (var i = 0; i < options.Runs; i++)
            {
                var content = new byte[500 + random.Next(3000)];
                random.NextBytes(content);
                var directory = Directory.CreateDirectory(Path.Combine(small.FullName, $"{i / 1000:000}"));
                await File.WriteAllBytesAsync(Path.Combine(directory.FullName, $"{i:000000}.bin"), content);
            }
            await OursAsync(server, root, large, small);
            if (Has("git") && Has("git-lfs")) await GitAsync(server, root, large, small);
            else Load.Row("git-lfs", "not installed");
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    private static async Task OursAsync(BenchServer server, DirectoryInfo root, string large, DirectoryInfo small)
    {
        using var client = new PilothouseClient(server.Http.BaseAddress!, null);
        UploadedFile file = null!;
        await TimeAsync($"push 1 file of {new FileInfo(large).Length >> 20} MiB, hashed and sent", async () => file = await client.UploadFileAsync(large, null, new UploadOptions(), default));
        using var again = new PilothouseClient(server.Http.BaseAddress!, null);
        await TimeAsync("push it again, unchanged (new client)", () => again.UploadFileAsync(large, null, new UploadOptions(), default));
        await TimeAsync("pull it, verified", () => client.DownloadFileAsync(Protocols.Artifacts.Digest.Parse(file.Digest), Path.Combine(root.FullName, "pulled.bin"), default));
        var paths = small.EnumerateFiles("*", SearchOption.AllDirectories).Select(f => f.FullName).ToList();
        IReadOnlyList<UploadedFile> sent = [];
        await TimeAsync($"push {paths.Count:N0} small files", async () => sent = await client.UploadFilesAsync(paths, new UploadOptions(), default));
        using var third = new PilothouseClient(server.Http.BaseAddress!, null);
        await TimeAsync("push them again, unchanged (new client)", () => third.UploadFilesAsync(paths, new UploadOptions(), default));
        var target = Directory.CreateDirectory(Path.Combine(root.FullName, "pulled"));
        await TimeAsync($"pull {paths.Count:N0} small files, verified, 8 at a time", () => Parallel.ForEachAsync(sent.Index(), new ParallelOptions { MaxDegreeOfParallelism = 8 }, async (f, ct) =>
            await client.DownloadFileAsync(Protocols.Artifacts.Digest.Parse(f.Item.Digest), Path.Combine(target.FullName, $"{f.Index}"), ct)));
        Load.Row("server's memory at the end, MB", $"{server.ResidentMegabytes:N0}");
    }

    private static async Task GitAsync(BenchServer server, DirectoryInfo root, string large, DirectoryInfo small)
    {
        using var client = new PilothouseClient(server.Http.BaseAddress!, null);
        await client.CreateProjectAsync("large", default);
        await client.CreateProjectAsync("small", default);
        foreach (var (name, copy) in new (string, Action<string>)[] { ("large", to => File.Copy(large, Path.Combine(to, "large.bin"))), ("small", to => CopyAll(small, to)) })
        {
            var work = Directory.CreateDirectory(Path.Combine(root.FullName, "lfs-" + name)).FullName;
            copy(work);
            await GitAsync(work, "init", "-q", "-b", "main");
            await GitAsync(work, "lfs", "install", "--local");
            await GitAsync(work, "lfs", "track", "*.bin");
            await TimeAsync($"git-lfs, {name}: git add + commit", async () =>
            {
                await GitAsync(work, "add", ".");
                await CommitAsync(work);
            });
            await TimeAsync($"git-lfs, {name}: git push to this server", () => GitAsync(work, "push", "-q", $"{server.Http.BaseAddress}git/{name}.git", "main"));
            await TimeAsync($"git-lfs, {name}: git clone (pull)", () => GitAsync(root.FullName, "clone", "-q", $"{server.Http.BaseAddress}git/{name}.git", "clone-" + name));

            var plain = Directory.CreateDirectory(Path.Combine(root.FullName, "git-" + name)).FullName;
            copy(plain);
            await GitAsync(root.FullName, "init", "-q", "--bare", $"bare-{name}.git");
            await GitAsync(plain, "init", "-q", "-b", "main");
            await TimeAsync($"plain git, {name}: git add + commit", async () =>
            {
                await GitAsync(plain, "add", ".");
                await CommitAsync(plain);
            });
            await TimeAsync($"plain git, {name}: git push to a bare repository", () => GitAsync(plain, "push", "-q", Path.Combine(root.FullName, $"bare-{name}.git"), "main"));
        }
    }

    private static Task CommitAsync(string work) => GitAsync(work, "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-q", "-m", "files");

    private static async Task GitAsync(string directory, params string[] arguments)
    {
        var start = new ProcessStartInfo("git", arguments) { WorkingDirectory = directory, RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await output;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"git {string.Join(' ', arguments)}: {error}");
    }

    private static async Task TimeAsync(string what, Func<Task> run)
    {
        var watch = Stopwatch.StartNew();
        await run();
        Load.Row(what + ", seconds", $"{watch.Elapsed.TotalSeconds:0.000}");
    }

    private static async Task WriteLargeAsync(string path, int megabytes, Random random)
    {
        var chunk = new byte[1024 * 1024];
        await using var file = File.Create(path);
        for (var i = 0; i < megabytes; i++)
        {
            random.NextBytes(chunk);
            await file.WriteAsync(chunk);
        }
    }

    private static void CopyAll(DirectoryInfo from, string to)
    {
        foreach (var file in from.EnumerateFiles("*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from.FullName, file.FullName));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            file.CopyTo(target);
        }
    }

    private static bool Has(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(d => File.Exists(Path.Combine(d, program)));
}
