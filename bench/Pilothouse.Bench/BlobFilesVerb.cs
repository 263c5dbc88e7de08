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
            await TimeAsync($"limit: this disk writes and syncs {options.Megabytes} MiB", () => CopyAsync(large, Path.Combine(root.FullName, "limit.bin")));
            await TimeAsync($"limit: SHA-256 of {options.Megabytes} MiB from the page cache", async () =>
            {
                await using var content = File.OpenRead(large);
                await System.Security.Cryptography.SHA256.HashDataAsync(content);
            });
            var small = Directory.CreateDirectory(Path.Combine(root.FullName, "small"));
            for (var i = 0; i < options.Runs; i++)
            {
                var content = new byte[500 + random.Next(3000)];
                random.NextBytes(content);
                var directory = Directory.CreateDirectory(Path.Combine(small.FullName, $"{i / 1000:000}"));
                await File.WriteAllBytesAsync(Path.Combine(directory.FullName, $"{i:000000}.bin"), content);
            }
            // Else the disk is still busy with what we prepared.
            await RunAsync("sync", root.FullName, [], []);
            ShowLoad("before");
            await OursAsync(server, root, large, small);
            if (Has("git") && Has("git-lfs")) await GitAsync(server, root, large, small);
            else Load.Row("git-lfs", "not installed");
            ShowLoad("after");
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    /// <summary>The large file through the client, the small ones through the real command line: what a user waits for, its start included.</summary>
    private static async Task OursAsync(BenchServer server, DirectoryInfo root, string large, DirectoryInfo small)
    {
        using var client = new PilothouseClient(server.Http.BaseAddress!, null);
        UploadedFile file = null!;
        await TimeAsync($"push 1 file of {new FileInfo(large).Length >> 20} MiB, hashed and sent", async () => file = await client.UploadFileAsync(large, null, new UploadOptions(), default));
        using var again = new PilothouseClient(server.Http.BaseAddress!, null);
        await TimeAsync("push it again, unchanged (new client)", () => again.UploadFileAsync(large, null, new UploadOptions(), default));
        await TimeAsync("pull it, verified", () => client.DownloadFileAsync(Protocols.Artifacts.Digest.Parse(file.Digest), Path.Combine(root.FullName, "pulled.bin"), default));
        File.Delete(Path.Combine(root.FullName, "pulled.bin"));
        Load.Row("server's largest memory so far, MB", $"{server.PeakMegabytes:N0}");

        var tree = Directory.CreateDirectory(Path.Combine(root.FullName, "tree")).FullName;
        CopyAll(small, Path.Combine(tree, "data"));
        await File.WriteAllTextAsync(Path.Combine(tree, "pilothouse.yaml"), "apiVersion: pilothouse/v1\nproject: bench\n");
        var count = Directory.EnumerateFiles(Path.Combine(tree, "data"), "*", SearchOption.AllDirectories).Count();
        await TimeAsync($"pilothouse add: push {count:N0} small files", () => OursAsync(server, root, tree, "add", "data"));
        await TimeAsync("pilothouse add again, unchanged", () => OursAsync(server, root, tree, "add", "data"));
        await TimeAsync("pilothouse status, unchanged", () => OursAsync(server, root, tree, "status", "--offline"));
        await TimeAsync("pilothouse --help, to subtract", () => OursAsync(server, root, tree, "--help"));
        var other = Directory.CreateDirectory(Path.Combine(root.FullName, "other")).FullName;
        foreach (var name in (string[])["pilothouse.yaml", "pilothouse.lock"]) File.Copy(Path.Combine(tree, name), Path.Combine(other, name));
        await TimeAsync($"pilothouse sync: pull {count:N0} small files, verified, empty cache", () => OursAsync(server, root, other, "sync"));
        await TimeAsync("pilothouse sync again, unchanged", () => OursAsync(server, root, other, "sync"));
        await TimeAsync("pilothouse status there", () => OursAsync(server, root, other, "status", "--offline"));
        var got = Directory.EnumerateFiles(Path.Combine(other, "data"), "*", SearchOption.AllDirectories).Count();
        if (got != count) throw new InvalidOperationException($"sync brought {got} of {count} files.");
        Load.Row("server's largest memory so far, MB", $"{server.PeakMegabytes:N0}");
    }

    /// <summary>The directory has a cache of its own, as another machine would.</summary>
    private static Task OursAsync(BenchServer server, DirectoryInfo root, string directory, params string[] arguments) => RunAsync(BenchServer.Executable, directory, new()
    {
        ["PILOTHOUSE_URL"] = server.Http.BaseAddress!.ToString(),
        ["PILOTHOUSE_CACHE"] = Path.Combine(root.FullName, "cache-" + Path.GetFileName(directory)),
    }, arguments);

    private static async Task GitAsync(BenchServer server, DirectoryInfo root, string large, DirectoryInfo small)
    {
        using var client = new PilothouseClient(server.Http.BaseAddress!, null);
        await client.CreateProjectAsync("large", default);
        await client.CreateProjectAsync("small", default);
        // As 'git lfs install' writes it for a user.
        await File.WriteAllTextAsync(Path.Combine(root.FullName, "gitconfig"), "[filter \"lfs\"]\n\tclean = git-lfs clean -- %f\n\tsmudge = git-lfs smudge -- %f\n\tprocess = git-lfs filter-process\n\trequired = true\n[user]\n\tname = bench\n\temail = bench@localhost\n[init]\n\tdefaultBranch = main\n[gc]\n\tauto = 0\n");
        foreach (var (name, copy) in new (string, Action<string>)[] { ("large", to => File.Copy(large, Path.Combine(to, "large.bin"))), ("small", to => CopyAll(small, to)) })
        {
            var work = Directory.CreateDirectory(Path.Combine(root.FullName, "lfs-" + name)).FullName;
            copy(work);
            // Other contents than ours: the server holds those, and git-lfs would send nothing.
            foreach (var file in Directory.EnumerateFiles(work, "*.bin", SearchOption.AllDirectories)) await File.AppendAllTextAsync(file, "lfs");
            await RunAsync("sync", root.FullName, [], []);
            await GitAsync(root, work, "init", "-q");
            await GitAsync(root, work, "lfs", "install", "--local");
            await GitAsync(root, work, "lfs", "track", "*.bin");
            await TimeAsync($"git-lfs, {name}: git add + commit", async () =>
            {
                await GitAsync(root, work, "add", ".");
                await GitAsync(root, work, "commit", "-q", "-m", "files");
            });
            await TimeAsync($"git-lfs, {name}: git push to this server", () => GitAsync(root, work, "push", "-q", $"{server.Http.BaseAddress}git/{name}.git", "main"));
            await TimeAsync($"git-lfs, {name}: git push again, unchanged", () => GitAsync(root, work, "push", "-q", $"{server.Http.BaseAddress}git/{name}.git", "main"));
            await TimeAsync($"git-lfs, {name}: git clone (pull)", () => GitAsync(root, root.FullName, "clone", "-q", $"{server.Http.BaseAddress}git/{name}.git", "clone-" + name));
            await TimeAsync($"git-lfs, {name}: git status there", () => GitAsync(root, Path.Combine(root.FullName, "clone-" + name), "status", "--short"));
            foreach (var done in (string[])[work, Path.Combine(root.FullName, "clone-" + name)]) Directory.Delete(done, recursive: true);

            var plain = Directory.CreateDirectory(Path.Combine(root.FullName, "git-" + name)).FullName;
            var bare = Path.Combine(root.FullName, $"bare-{name}.git");
            copy(plain);
            await GitAsync(root, root.FullName, "init", "-q", "--bare", bare);
            await GitAsync(root, plain, "init", "-q");
            await TimeAsync($"plain git, {name}: git add + commit", async () =>
            {
                await GitAsync(root, plain, "add", ".");
                await GitAsync(root, plain, "commit", "-q", "-m", "files");
            });
            await TimeAsync($"plain git, {name}: git push to a bare repository", () => GitAsync(root, plain, "push", "-q", "file://" + bare, "main"));
            await TimeAsync($"plain git, {name}: git clone (pull)", () => GitAsync(root, root.FullName, "clone", "-q", "file://" + bare, "plain-" + name));
            foreach (var done in (string[])[plain, bare, Path.Combine(root.FullName, "plain-" + name)]) Directory.Delete(done, recursive: true);
        }
        Load.Row("server's largest memory in all, MB", $"{server.PeakMegabytes:N0}");
    }

    private static Task GitAsync(DirectoryInfo root, string directory, params string[] arguments) =>
        RunAsync("git", directory, new() { ["GIT_CONFIG_GLOBAL"] = Path.Combine(root.FullName, "gitconfig"), ["GIT_TERMINAL_PROMPT"] = "0" }, arguments);

    private static async Task RunAsync(string program, string directory, Dictionary<string, string> environment, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = directory, RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{Path.GetFileName(program)} {string.Join(' ', arguments)}: {error}{await output}");
    }

    /// <summary>Figures of a busy machine say little; who reads them shall see it.</summary>
    private static void ShowLoad(string when)
    {
        if (File.Exists("/proc/loadavg")) Load.Row($"load of the machine {when} (1, 5, 15 minutes)", string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ').Take(3)));
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
        file.Flush(flushToDisk: true);
    }

    private static async Task CopyAsync(string from, string to)
    {
        await using (var source = File.OpenRead(from))
        await using (var target = File.Create(to))
        {
            await source.CopyToAsync(target, 1024 * 1024);
            target.Flush(flushToDisk: true);
        }
        File.Delete(to);
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
