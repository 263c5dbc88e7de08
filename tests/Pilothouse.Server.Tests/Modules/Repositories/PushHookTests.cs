using System.Diagnostics;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Modules.Repositories.Push;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Tests.Modules.Repositories;

/// <summary>The shell script between git and the server.</summary>
public sealed class PushHookTests : IDisposable
{
    private const string Refs = "1111111111111111111111111111111111111111 2222222222222222222222222222222222222222 refs/heads/main\n";
    private static readonly RefUpdate Main = new("refs/heads/main", new string('1', 40), new string('2', 40));

    private readonly DirectoryInfo _data = Directory.CreateTempSubdirectory("pilothouse-");

    public void Dispose() => _data.Delete(recursive: true);

    /// <summary>git's own client refuses such options; another one may send them.</summary>
    [Theory]
    [InlineData("x\nend")]
    [InlineData("x\nrefs\nend")]
    [InlineData("x\n3333333333333333333333333333333333333333 4444444444444444444444444444444444444444 refs/heads/other")]
    [InlineData("x\nquarantine /elsewhere")]
    public async Task Line_ends_in_an_option_hide_no_ref_and_add_none(string option)
    {
        await using var channel = Hook().Open();
        using var hook = Start(channel, option);

        var request = await channel.ReadAsync(default);
        await channel.AnswerAsync(["no"], default);
        await hook.WaitForExitAsync();

        Assert.Equal([Main], request.Updates);
        Assert.Equal("/quarantine", request.Quarantine);
        Assert.Equal("x", request.Options[0]);
        Assert.Equal(1, hook.ExitCode);
    }

    [Fact]
    public async Task An_accepted_push_ends_the_hook_with_0()
    {
        await using var channel = Hook().Open();
        using var hook = Start(channel, "reason=tests");

        var request = await channel.ReadAsync(default);
        await channel.AnswerAsync([], default);
        await hook.WaitForExitAsync();

        Assert.Equal(["reason=tests"], request.Options);
        Assert.Equal(0, hook.ExitCode);
    }

    private PushHook Hook()
    {
        var options = new ServerOptions { Data = _data.FullName };
        Directory.CreateDirectory(options.TemporaryPath);
        return new PushHook(options, new Ids(TimeProvider.System));
    }

    private Process Start(PushChannel channel, string option)
    {
        var start = new ProcessStartInfo(Path.Combine(Hook().Folder, "pre-receive")) { RedirectStandardInput = true, RedirectStandardError = true };
        foreach (var (name, value) in (KeyValuePair<string, string>[])[new(PushHook.Variable, channel.Directory), new("GIT_QUARANTINE_PATH", "/quarantine"), new("GIT_PUSH_OPTION_COUNT", "1"), new("GIT_PUSH_OPTION_0", option)])
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        process.StandardInput.Write(Refs);
        process.StandardInput.Close();
        return process;
    }
}
