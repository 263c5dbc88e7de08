using System.CommandLine;
using System.Xml.Linq;
using Pilothouse.Commands;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Evaluation;

/// <summary>A server with the sample's models registered and one commit for each version of the assistant.</summary>
public class SupportAssistant : IAsyncLifetime
{
    public const string Name = "support-assistant";

    private static readonly SemaphoreSlim OneAtATime = new(1);

    private readonly DirectoryInfo _work = Directory.CreateTempSubdirectory("pilothouse-sample-");
    private readonly string _sample = Path.Combine(RepoRoot.Path, "samples", "support-assistant");

    public TestServer Server { get; private set; } = null!;

    /// <summary>Commit by version of the assistant.</summary>
    public Dictionary<int, string> Commits { get; } = [];

    /// <summary>Versions of the assistant that are registered and committed.</summary>
    protected virtual int Versions => 3;

    /// <summary>Last word on the project file of a version.</summary>
    protected virtual string Configure(string yaml, int version) => yaml;

    public virtual async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Shell.Has("git"), "git is not installed.");
        Server = await TestServer.StartAsync();
        await RegisterAsync("assistant", "generative", Versions);
        await RegisterAsync("triage", "classifier", 2);
        await Server.Client.CreateProjectAsync(Name, default);
        await GitAsync("init", "-q", "-b", "main");
        await GitAsync("remote", "add", "origin", new Uri(Server.Url, $"git/{Name}.git").ToString());
        Directory.CreateDirectory(Path.Combine(Repository, "data"));
        Directory.CreateDirectory(Path.Combine(Repository, "prompts"));
        foreach (var file in (string[])["data/heldout.jsonl", "data/triage-heldout.jsonl", "data/live.jsonl", "data/live-drifted.jsonl", "prompts/support.yaml"]) File.Copy(Path.Combine(_sample, file), Path.Combine(Repository, file));
        var yaml = await File.ReadAllTextAsync(Path.Combine(_sample, "pilothouse.yaml"));
        for (var version = 1; version <= Versions; version++)
        {
            var at = yaml.IndexOf("triage:", StringComparison.Ordinal);
            var (assistant, rest) = (yaml[..at], yaml[at..]);
            await File.WriteAllTextAsync(Path.Combine(Repository, "pilothouse.yaml"), Configure(assistant.Replace("version: 2", $"version: {version}", StringComparison.Ordinal) + rest.Replace("version: 2", $"version: {Math.Min(version, 2)}", StringComparison.Ordinal), version));
            await GitAsync("add", "-A");
            await GitAsync("commit", "-q", "--allow-empty", "-m", $"Assistant {version}");
            Commits[version] = (await GitAsync("rev-parse", "HEAD")).Trim();
        }
        await GitAsync("push", "-q", "origin", "main");
    }

    public virtual async ValueTask DisposeAsync()
    {
        if (Server is not null) await Server.DisposeAsync();
        _work.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Runs a verb of the command line in this process, from the project's directory as it were.</summary>
    public async Task<(int ExitCode, string Output, XDocument Junit)> PilothouseAsync(params string[] arguments)
    {
        var junit = Path.Combine(_work.FullName, Guid.NewGuid().ToString("N") + ".xml");
        var (exitCode, output) = await InvokeAsync(new RootCommand { TestCommand.Create(), FairnessCommand.Create() }, [.. arguments, "--project", Name, "--junit", junit]);
        return (exitCode, output, File.Exists(junit) ? XDocument.Load(junit) : new XDocument());
    }

    /// <summary>Runs a verb in this process and catches what it prints.</summary>
    protected async Task<(int ExitCode, string Output)> InvokeAsync(RootCommand root, IReadOnlyList<string> arguments)
    {
        await OneAtATime.WaitAsync();
        var (stdout, stderr) = (Console.Out, Console.Error);
        var text = new StringWriter();
        var captured = TextWriter.Synchronized(text);
        try
        {
            Console.SetOut(captured);
            Console.SetError(captured);
            return (await root.Parse([.. arguments, "--server", Server.Url.ToString()]).InvokeAsync(), text.ToString());
        }
        finally
        {
            Console.SetOut(stdout);
            Console.SetError(stderr);
            OneAtATime.Release();
        }
    }

    private string Repository => Directory.CreateDirectory(Path.Combine(_work.FullName, "repository")).FullName;

    private async Task RegisterAsync(string name, string kind, int versions)
    {
        for (var version = 1; version <= versions; version++)
        {
            var directory = Path.Combine(_work.FullName, $"{name}-v{version}");
            Directory.CreateDirectory(directory);
            foreach (var file in Directory.GetFiles(Path.Combine(_sample, "models", $"{name}-v{version}"))) File.Copy(file, Path.Combine(directory, Path.GetFileName(file)));
            if (kind == "generative") (await Shell.RunAsync(_work.FullName, "dotnet", Path.Combine(AppContext.BaseDirectory, "tiny-models.dll"), "export", directory, "--onnx")).Succeeded();
            var registered = await Server.Client.RegisterModelDirectoryAsync(name, directory, files => new NewModelVersion(kind, files), default);
            Assert.Equal(version, registered.Version);
        }
    }

    private async Task<string> GitAsync(params string[] arguments) => (await Shell.RunAsync(Repository, "git", arguments)).Succeeded();
}
