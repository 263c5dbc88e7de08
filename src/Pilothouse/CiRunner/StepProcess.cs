using System.ComponentModel;
using System.Diagnostics;

namespace Pilothouse.CiRunner;

/// <summary>One step as a process: a session of its own, an environment with nothing in it but what is given, and nothing of it left when it has ended.</summary>
internal static class StepProcess
{
    private static readonly TimeSpan AfterEnd = TimeSpan.FromSeconds(5);

    /// <summary>No core dumps: they hold what the process knew.</summary>
    public const string Limits = "ulimit -c 0 2>/dev/null; ";

    /// <summary>By its full path: the PATH of the step is the repository's.</summary>
    private static readonly Lazy<string?> SetSid = new(() => OperatingSystem.IsLinux() ? Programs.Find("setsid") : null);

    public static IReadOnlyList<string> Shell(string text) => ["sh", "-c", Limits + "exec sh -e -c \"$1\"", "sh", text];

    /// <param name="input">Its standard input.</param>
    /// <returns>Its exit code; null when it was ended by <paramref name="ct"/>.</returns>
    /// <exception cref="IOException">It cannot be started.</exception>
    public static async Task<int?> RunAsync(IReadOnlyList<string> command, string directory, IReadOnlyDictionary<string, string> environment, string input, StepLog log, CancellationToken ct)
    {
        IReadOnlyList<string> words = SetSid.Value is { } setSid ? [setSid, "--wait", .. command] : command;
        var start = new ProcessStartInfo(words[0], words.Skip(1)) { WorkingDirectory = directory, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.Environment.Clear();
        foreach (var (name, value) in environment) start.Environment[name] = value;
        using var process = new Process { StartInfo = start };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            throw new IOException($"'{command[0]}' cannot be started: {e.Message}", e);
        }
        using var pumping = new CancellationTokenSource();
        var pumps = Task.WhenAll(log.PumpAsync(process.StandardOutput, pumping.Token), log.PumpAsync(process.StandardError, pumping.Token));
        try
        {
            await FeedAsync(process, input);
            await process.WaitForExitAsync(ct);
            return process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
        finally
        {
            await Descendants.KillAsync(process);
            // Whoever held the pipes is dead: what is in them is read to its end.
            await Task.WhenAny(pumps, Task.Delay(AfterEnd, TimeProvider.System, CancellationToken.None));
            await pumping.CancelAsync();
            await pumps.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task FeedAsync(Process process, string input)
    {
        try
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It ended before it read: its exit code tells.
        }
    }
}
