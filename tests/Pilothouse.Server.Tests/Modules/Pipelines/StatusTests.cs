using System.Text;
using Pilothouse.Client;
using Pilothouse.Protocols.V1;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Pipelines;

public sealed class StatusTests
{
    [Theory, DatabaseData]
    public async Task A_check_has_one_state_for_a_commit_and_the_last_word_counts(string kind)
    {
        await using var server = await TestServer.StartAsync(kind);
        var commit = await CommitAsync(server, "p");
        var ct = TestContext.Current.CancellationToken;
        await server.Client.SetCommitStatusAsync("p", "main", new NewCommitStatus("pending", "ci/jenkins"), ct);
        await server.Client.SetCommitStatusAsync("p", commit, new NewCommitStatus("failure", "ci/jenkins", "a gate failed", "https://ci.example/1"), ct);
        await server.Client.SetCommitStatusAsync("p", commit[..10], new NewCommitStatus("success", "ci/gitlab"), ct);

        var statuses = await server.Client.ListCommitStatusesAsync("p", "main", ct);

        Assert.Equal([("ci/gitlab", "success"), ("ci/jenkins", "failure")], statuses.Select(s => (s.Context, s.State)));
        Assert.All(statuses, s => Assert.Equal(commit, s.Commit));
        Assert.Equal(("a gate failed", "https://ci.example/1"), (statuses[1].Description, statuses[1].TargetUrl));
    }

    [Fact]
    public async Task Hostile_statuses_are_refused_by_name()
    {
        await using var server = await TestServer.StartAsync();
        await CommitAsync(server, "p");
        var ct = TestContext.Current.CancellationToken;
        foreach (var (status, says) in ((NewCommitStatus, string)[])
        [
            (new("great", "x"), "no state of a check"),
            (new("success", ""), "a name of at most"),
            (new("success", "a\nb"), "a name of at most"),
            (new("success", "pilothouse/test"), "this server's own"),
            (new("success", "x", new string('d', 141)), "140 is the limit"),
            (new("success", "x", "two\nlines"), "one line"),
            (new("success", "x", null, "javascript:alert(1)"), "http or https"),
            (new("success", "x", null, "https://user:secret@h/"), "without user"),
            (new(null!, null!), "no state"),
        ])
            Assert.Contains(says, (await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.SetCommitStatusAsync("p", "main", status, ct))).Message);
        Assert.Empty(await server.Client.ListCommitStatusesAsync("p", "main", ct));
        await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.ListCommitStatusesAsync("p", "no-such", ct));
        await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.SetCommitStatusAsync("other", "main", new("success", "x"), ct));
    }

    [Fact]
    public async Task The_command_line_has_a_version_for_its_cache()
    {
        await using var server = await TestServer.StartAsync();
        Assert.Matches(@"^\d+\.\d+\.\d+-[0-9a-f]{12}$", await server.Http.GetStringAsync(new Uri("api/v1/cli/version", UriKind.Relative), TestContext.Current.CancellationToken));
    }

    /// <summary>A project whose main has one commit.</summary>
    internal static async Task<string> CommitAsync(TestServer server, string project)
    {
        await server.Client.CreateProjectAsync(project, TestContext.Current.CancellationToken);
        return await PushAsync(server, project);
    }

    /// <summary>Pushes a new commit onto main.</summary>
    /// <param name="options">Of <c>git push</c>.</param>
    internal static Task<string> PushAsync(TestServer server, string project, params string[] options) => PushFileAsync(server, project, "a.txt", Guid.NewGuid().ToString(), options);

    /// <summary>Pushes a new commit with a file onto main.</summary>
    internal static async Task<string> PushFileAsync(TestServer server, string project, string file, string content, params string[] options)
    {
        var url = new Uri(server.Url, $"git/{project}.git").ToString();
        var folder = Directory.CreateTempSubdirectory("pilothouse-ci-");
        try
        {
            async Task GitAsync(params string[] arguments) => (await Shell.RunAsync(folder.FullName, "git", arguments)).Succeeded();
            await GitAsync("clone", "-q", url, ".");
            await GitAsync("checkout", "-q", "-B", "main");
            await File.WriteAllTextAsync(Path.Combine(folder.FullName, file), content, new UTF8Encoding(false));
            await GitAsync("add", ".");
            await GitAsync("commit", "-q", "-m", "one");
            await GitAsync(["push", "-q", .. options, url, "main"]);
            return (await Shell.RunAsync(folder.FullName, "git", "rev-parse", "HEAD")).Succeeded().Trim();
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
