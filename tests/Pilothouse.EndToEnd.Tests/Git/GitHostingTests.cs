using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Git;

/// <summary>Stock git against a hosted repository.</summary>
public sealed class GitHostingTests : IAsyncLifetime
{
    private readonly DirectoryInfo _work = Directory.CreateTempSubdirectory("pilothouse-git-");
    private TestServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        Assert.SkipUnless(Shell.Has("git"), "git is not installed.");
        _server = await TestServer.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        _work.Delete(recursive: true);
    }

    [Fact]
    public async Task A_push_can_be_cloned_read_and_is_in_the_audit_log()
    {
        await _server.Client.CreateProjectAsync("shop", default);
        var commit = await PushAsync("a", "README", "hello");

        (await GitAsync(_work.FullName, "clone", Url("shop"), "b")).Succeeded();

        Assert.Equal("hello", await File.ReadAllTextAsync(Path.Combine(_work.FullName, "b", "README")));
        Assert.Equal(commit, (await _server.Client.ListCommitsAsync("shop", "main", 10, default)).Single().Id);
        var repositories = _server.Service<IRepositories>();
        Assert.Equal("hello"u8.ToArray(), await repositories.ReadFileAsync("shop", "main", "README", 100, default));
        Assert.Null(await repositories.ReadFileAsync("shop", "main", "missing", 100, default));
        var entry = (await _server.Service<IAuditLog>().ListAsync("projects/shop", null, 10, default))[0];
        Assert.Equal("repository.push", entry.Action);
        Assert.Contains(commit, entry.Details, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("protocol.version=0")]
    [InlineData("protocol.version=2")]
    public async Task Shallow_and_partial_clones_work_in_both_protocol_versions(string protocol)
    {
        await _server.Client.CreateProjectAsync("shop", default);
        await PushAsync("a", "one", "1");
        await PushAsync("a", "two", "2");

        (await GitAsync(_work.FullName, "-c", protocol, "clone", "--depth=1", Url("shop"), "shallow")).Succeeded();
        (await GitAsync(_work.FullName, "-c", protocol, "clone", "--filter=blob:none", Url("shop"), "partial")).Succeeded();

        Assert.Equal("1", (await GitAsync(Path.Combine(_work.FullName, "shallow"), "rev-list", "--count", "HEAD")).Output.Trim());
        Assert.Equal("2", await File.ReadAllTextAsync(Path.Combine(_work.FullName, "partial", "two")));
    }

    [Fact]
    public async Task A_push_of_several_megabytes_arrives_whole()
    {
        await _server.Client.CreateProjectAsync("shop", default);
        var noise = new byte[8 * 1024 * 1024];
        new Random(7).NextBytes(noise);
        Directory.CreateDirectory(Path.Combine(_work.FullName, "a"));
        await File.WriteAllBytesAsync(Path.Combine(_work.FullName, "a", "noise"), noise);
        await PushAsync("a", "README", "x");

        Assert.Equal(noise, await _server.Service<IRepositories>().ReadFileAsync("shop", "main", "noise", 16 * 1024 * 1024, default));
    }

    [Fact]
    public async Task Cloning_a_project_that_is_not_there_says_so()
    {
        var outcome = await GitAsync(_work.FullName, "clone", Url("nothing"), "c");

        Assert.NotEqual(0, outcome.ExitCode);
        Assert.Contains("There is no project 'nothing'", outcome.Error, StringComparison.Ordinal);
    }

    private async Task<string> PushAsync(string folder, string file, string content)
    {
        var path = Path.Combine(_work.FullName, folder);
        Directory.CreateDirectory(path);
        if (!Directory.Exists(Path.Combine(path, ".git"))) (await GitAsync(path, "init", "-q", "-b", "main")).Succeeded();
        await File.WriteAllTextAsync(Path.Combine(path, file), content);
        (await GitAsync(path, "add", "-A")).Succeeded();
        (await GitAsync(path, "commit", "-q", "-m", "Add " + file)).Succeeded();
        (await GitAsync(path, "push", Url("shop"), "main")).Succeeded();
        return (await GitAsync(path, "rev-parse", "HEAD")).Output.Trim();
    }

    private string Url(string project) => new Uri(_server.Url, $"/git/{project}.git").ToString();

    private static Task<Shell.Outcome> GitAsync(string directory, params string[] arguments) => Shell.RunAsync(directory, "git", arguments);
}
