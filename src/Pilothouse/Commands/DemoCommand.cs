using System.CommandLine;
using System.Net;
using System.Net.Sockets;
using Pilothouse.Client;
using Pilothouse.Demo;
using Pilothouse.Server.Platform;

namespace Pilothouse.Commands;

/// <summary><c>pilothouse demo</c>: the whole chain on two real small models, in about a minute.</summary>
internal static class DemoCommand
{
    private const int DefaultPort = 7700;

    public static Command Create()
    {
        var data = new Option<DirectoryInfo>("--data") { Description = "Data directory (default: a new one)." };
        var exit = new Option<bool>("--exit") { Description = "End when the chain has run, with exit code 0 only if every step showed what it must." };
        var command = new Command("demo", "Take two real small language models from commit to production and back, then leave the server running.") { data, exit };
        command.SetAction((result, ct) => RunAsync(result.GetValue(data)?.FullName, result.GetValue(exit), ct), guarded: true);
        return command;
    }

    private static async Task<int> RunAsync(string? data, bool exit, CancellationToken ct)
    {
        var work = Directory.CreateTempSubdirectory("pilothouse-demo-").FullName;
        var paths = DemoPaths.Find(work) ?? throw new UsageException("The demo needs the samples of a checkout: run ./pilothouse demo there.");
        data ??= Path.Combine(work, "data");

        await using var app = WebHost.Build(options =>
        {
            options.Data = data;
            options.Urls = $"http://127.0.0.1:{FreePort()}";
        }, quiet: true);
        await PilothouseServer.MigrateAsync(app, ct);
        await app.StartAsync(ct);
        var url = new Uri(app.Urls.First());
        Console.WriteLine($"Pilothouse {PilothouseServer.Version} at {url}   data: {data}");

        var terminal = new DemoTerminal();
        await RunChainAsync(terminal, paths, url, ct);

        Console.WriteLine();
        Console.WriteLine(terminal.Failures == 0 ? $"Every step showed what it must, in {terminal.Elapsed.TotalSeconds:0} s." : $"{terminal.Failures} step(s) did not show what they must.");
        if (!exit)
        {
            Console.WriteLine($"The server keeps running: {url}   (Ctrl-C ends it; its data stays in {data})");
            await app.WaitForShutdownAsync(ct);
        }
        await app.StopAsync(CancellationToken.None);
        return terminal.Failures == 0 ? ExitCode.Ok : ExitCode.Failed;
    }

    private static async Task RunChainAsync(DemoTerminal terminal, DemoPaths paths, Uri url, CancellationToken ct)
    {
        using var client = new PilothouseClient(url, null);
        await using var webhook = await WebhookListener.StartAsync(ct);
        var tool = new Tool(terminal, paths.WorkingCopy, Environments(url));
        await BuildTrainerAsync(tool, paths, ct);
        var name = await FreeNameAsync(client, ct);
        var project = new DemoProject(tool, paths.Sample, paths.WorkingCopy, name, webhook.Url);
        await new DemoChain(terminal, tool, project, client, paths, name, webhook).RunAsync(ct);
    }

    /// <summary>Git must not read the user's configuration (signing, hooks), and needs an identity.</summary>
    private static Dictionary<string, string> Environments(Uri url) => new()
    {
        ["PILOTHOUSE_URL"] = url.ToString(),
        ["GIT_CONFIG_GLOBAL"] = OperatingSystem.IsWindows() ? "NUL" : "/dev/null",
        ["GIT_AUTHOR_NAME"] = "Ada Demo",
        ["GIT_AUTHOR_EMAIL"] = "ada@example.org",
        ["GIT_COMMITTER_NAME"] = "Ada Demo",
        ["GIT_COMMITTER_EMAIL"] = "ada@example.org",
    };

    private static async Task BuildTrainerAsync(Tool tool, DemoPaths paths, CancellationToken ct)
    {
        if (File.Exists(paths.Trainer) && Directory.EnumerateFiles(paths.TrainerProject, "*.cs", SearchOption.AllDirectories).All(f => File.GetLastWriteTimeUtc(f) <= File.GetLastWriteTimeUtc(paths.Trainer))) return;
        Console.WriteLine("Building the sample trainer (once) ...");
        var built = await tool.RunAsync("dotnet", ["publish", paths.TrainerProject, "-c", "Release", "-o", Path.GetDirectoryName(paths.Trainer)!, "-v", "q", "-nologo", "-p:RunAnalyzers=false"], show: false, ct);
        if (built.ExitCode != 0) throw new IOException("The sample trainer did not build:\n" + built.Text);
        File.SetLastWriteTimeUtc(paths.Trainer, TimeProvider.System.GetUtcNow().UtcDateTime);
    }

    /// <summary>A data directory may hold the project of an earlier demo: this one gets a name of its own.</summary>
    private static async Task<string> FreeNameAsync(PilothouseClient client, CancellationToken ct)
    {
        var taken = (await client.ListProjectsAsync(ct)).Select(p => p.Name).ToHashSet();
        for (var i = 1; ; i++)
            if ((i == 1 ? "support-assistant" : $"support-assistant-{i}") is var name && !taken.Contains(name)) return name;
    }

    /// <summary>The usual port when it is free, else any.</summary>
    private static int FreePort()
    {
        try
        {
            using var usual = new TcpListener(IPAddress.Loopback, DefaultPort);
            usual.Start();
            return DefaultPort;
        }
        catch (SocketException)
        {
            return 0;
        }
    }
}
