using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Pilothouse.Commands.Runs;

/// <summary>The command: its output goes live to the console and into log files, signals go on to it.</summary>
internal sealed class ChildProcess : IDisposable
{
    /// <summary>Bytes kept of each of stdout and stderr; the console gets everything.</summary>
    private const long MaxLog = 256L * 1024 * 1024;

    private const int SigInt = 2;
    private const int SigTerm = 15;
    private readonly Lock _gate = new();
    private readonly PosixSignalRegistration[] _signals;
    private Process? _process;
    private Task _output = Task.CompletedTask;
    private int _pending;

    private ChildProcess() =>
        // On a terminal Ctrl-C reaches the whole process group by itself; sent once more it would look like the second, impatient one.
        _signals = [PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Forward(context, SigTerm)),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Forward(context, Console.IsInputRedirected ? SigInt : 0))];

    public int Id => _process!.Id;

    /// <exception cref="System.ComponentModel.Win32Exception">It could not be started.</exception>
    public static ChildProcess Start(IReadOnlyList<string> words, IReadOnlyDictionary<string, string> variables, string logs)
    {
        var start = new ProcessStartInfo(words[0]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var word in words.Skip(1)) start.ArgumentList.Add(word);
        foreach (var (key, value) in variables) start.Environment[key] = value;
        var child = new ChildProcess();
        try
        {
            child.Run(start, logs);
            return child;
        }
        catch
        {
            child.Dispose();
            throw;
        }
    }

    private void Run(ProcessStartInfo start, string logs)
    {
        lock (_gate)
        {
            _process = Process.Start(start)!;
            // A signal that came before there was a command to send it to.
            if (_pending != 0) Send(_pending);
        }
        _output = Task.WhenAll(TeeAsync(_process.StandardOutput.BaseStream, Console.OpenStandardOutput(), Path.Combine(logs, "stdout.txt")),
            TeeAsync(_process.StandardError.BaseStream, Console.OpenStandardError(), Path.Combine(logs, "stderr.txt")));
    }

    /// <returns>The exit code; 128 + n when signal n ended it.</returns>
    public async Task<int> WaitAsync()
    {
        await _process!.WaitForExitAsync();
        await _output;
        return _process.ExitCode;
    }

    /// <summary>Unix reports death by signal n as 128 + n.</summary>
    public static bool DiedBySignal(int code) => code is > 128 and <= 128 + 64;

    public void Dispose()
    {
        foreach (var signal in _signals) signal.Dispose();
        _process?.Dispose();
    }

    private void Forward(PosixSignalContext context, int signal)
    {
        context.Cancel = true;
        if (signal == 0) return;
        lock (_gate)
        {
            if (_process is null) _pending = signal;
            else Send(signal);
        }
    }

    private void Send(int signal)
    {
        if (_process!.HasExited) return;
        if (OperatingSystem.IsWindows()) _process.Kill(entireProcessTree: true);
        else _ = Kill(_process.Id, signal);
    }

    private static async Task TeeAsync(Stream source, Stream console, string path)
    {
        var buffer = new byte[16 * 1024];
        await using var log = File.Create(path);
        await using (console)
        {
            int read;
            while ((read = await source.ReadAsync(buffer)) > 0)
            {
                await console.WriteAsync(buffer.AsMemory(0, read));
                await console.FlushAsync();
                if (log.Length < MaxLog) await log.WriteAsync(buffer.AsMemory(0, read));
            }
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);
}
