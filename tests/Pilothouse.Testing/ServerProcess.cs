using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Pilothouse.Client;

namespace Pilothouse.Testing;

/// <summary>The real executable as a process of its own: for tests that kill it, or that see how it fails to start.</summary>
public sealed partial class ServerProcess : IAsyncDisposable
{
    /// <summary>A busy machine has taken more than a minute.</summary>
    private static readonly TimeSpan StartLimit = TimeSpan.FromMinutes(5);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly TaskCompletionSource<Uri> _listening = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ServerProcess(Process process) => _process = process;

    public static string Executable { get; } = Path.Combine(RepoRoot.Path, "artifacts", "bin", "Pilothouse", Configuration, "pilothouse");

    public Uri Url { get; private set; } = null!;

    public PilothouseClient Client { get; private set; } = null!;

    public int Id => _process.Id;

    /// <summary>What it printed so far.</summary>
    public string Output
    {
        get { lock (_output) return _output.ToString(); }
    }

    /// <summary>Starts <c>pilothouse serve --data DIR --urls http://127.0.0.1:0</c> and waits until it listens.</summary>
    public static Task<ServerProcess> StartAsync(string data, IReadOnlyDictionary<string, string>? environment = null, params string[] more) => StartAtAsync("http://127.0.0.1:0", data, environment, more);

    /// <summary>The same at a given address: for a server that comes back where it was.</summary>
    public static async Task<ServerProcess> StartAtAsync(string url, string data, IReadOnlyDictionary<string, string>? environment = null, params string[] more)
    {
        var server = Launch(["serve", "--data", data, "--urls", url, .. more], environment);
        var exited = server._process.WaitForExitAsync();
        var first = await Task.WhenAny(server._listening.Task, exited, Task.Delay(StartLimit));
        if (first != server._listening.Task)
        {
            await server.DisposeAsync();
            throw new InvalidOperationException("The server did not start:\n" + server.Output);
        }
        server.Url = await server._listening.Task;
        server.Client = new PilothouseClient(server.Url, environment?.GetValueOrDefault("PILOTHOUSE_TOKEN"));
        return server;
    }

    /// <summary>Starts a verb and does not wait for it.</summary>
    public static ServerProcess Start(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null) => Launch(arguments, environment);

    /// <summary>Waits until it has ended.</summary>
    /// <returns>The exit code.</returns>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }

    /// <summary>Runs a verb to its end.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        await using var run = Launch(arguments, environment);
        await run._process.WaitForExitAsync();
        return (run._process.ExitCode, run.Output);
    }

    /// <summary>SIGKILL: no handler of ours runs.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited) await KillAsync();
        Client?.Dispose();
        _process.Dispose();
    }

    private static ServerProcess Launch(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment)
    {
        var process = new Process { StartInfo = new ProcessStartInfo(Executable, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true } };
        foreach (var (name, value) in environment ?? new Dictionary<string, string>()) process.StartInfo.Environment[name] = value;
        var server = new ServerProcess(process);
        process.OutputDataReceived += (_, e) => server.Take(e.Data);
        process.ErrorDataReceived += (_, e) => server.Take(e.Data);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return server;
    }

    private void Take(string? line)
    {
        if (line is null) return;
        lock (_output) _output.AppendLine(line);
        if (Listening().Match(line) is { Success: true } match) _listening.TrySetResult(new Uri(match.Groups[1].Value));
    }

    private static string Configuration =>
#if DEBUG
        "debug";
#else
        "release";
#endif

    // Pilothouse 0.1.0 listens on http://127.0.0.1:40123
    [GeneratedRegex(@"listens on (http://\S+?)(?:,|$)")]
    private static partial Regex Listening();
}
