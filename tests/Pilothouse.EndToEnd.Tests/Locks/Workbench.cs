using System.Diagnostics;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Locks;

/// <summary>A real server, and users with a directory and a cache of their own who call the executable and stock git.</summary>
public sealed class Workbench : IAsyncDisposable
{
    private readonly DirectoryInfo _work = Directory.CreateTempSubdirectory("pilothouse-lock-");

    private Workbench(TestServer server) => Server = server;

    public TestServer Server { get; }

    public static async Task<Workbench> StartAsync()
    {
        Assert.SkipUnless(Shell.Has("git"), "git is not installed.");
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The tests' commands are for a POSIX system.");
        return new Workbench(await TestServer.StartAsync());
    }

    /// <summary>A user's directory.</summary>
    public string Home(string user) => Directory.CreateDirectory(Path.Combine(_work.FullName, user)).FullName;

    public string Url(string project) => new Uri(Server.Url, $"git/{project}.git").ToString();

    /// <summary>Runs a verb in a directory, with the cache of the user whose directory it is in.</summary>
    public async Task<(int Code, string Out, string Error)> RunAsync(string directory, params string[] arguments)
    {
        var start = new ProcessStartInfo(ServerProcess.Executable, arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        var user = Path.GetRelativePath(_work.FullName, directory).Split('/')[0];
        start.Environment["PILOTHOUSE_URL"] = Server.Url.ToString();
        start.Environment["PILOTHOUSE_CACHE"] = Path.Combine(_work.FullName, user + "-cache");
        start.Environment["PILOTHOUSE_BUFFER"] = Path.Combine(_work.FullName, user + "-buffer");
        start.Environment["XDG_STATE_HOME"] = Path.Combine(_work.FullName, user + "-state");
        start.Environment.Remove("PILOTHOUSE_RUN_ID");
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, await output, await error);
    }

    /// <summary>Runs a verb that must succeed.</summary>
    public async Task<string> OkAsync(string directory, params string[] arguments)
    {
        var (code, output, error) = await RunAsync(directory, arguments);
        Assert.True(code == 0, $"pilothouse {string.Join(' ', arguments)}: exit code {code}\n{output}\n{error}");
        return output;
    }

    public static async Task<string> GitAsync(string directory, params string[] arguments) => (await Shell.RunAsync(directory, "git", arguments)).Succeeded().Trim();

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        _work.Delete(recursive: true);
    }
}
