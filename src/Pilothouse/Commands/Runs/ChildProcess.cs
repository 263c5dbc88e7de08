using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Pilothouse.Commands.Runs;

/// <summary>Takes output of the command: <c>stdout</c> or <c>stderr</c>, and the bytes.</summary>
internal delegate void LogSink(string stream, ReadOnlySpan<byte> bytes);

/// <summary>The command: its output goes live to the console and to the run, signals go on to it.</summary>
internal sealed class ChildProcess : IDisposable
{
    private const int SigInt = 2;
    private const int SigTerm = 15;
    private readonly Lock _gate = new();
    private readonly PosixSignalRegistration[] _signals;
    private Process? _process;
    private Task _output = Task.CompletedTask;
    private int _pending;
    private int _received;

    private ChildProcess() =>
        // On a terminal Ctrl-C reaches the whole process group by itself; sent once more it would look like the second, impatient one.
        _signals = [PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Forward(context, SigTerm, SigTerm)),
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Forward(context, SigInt, Console.IsInputRedirected ? SigInt : 0))];

    public int Id => _process!.Id;

    /// <summary>The last SIGINT or SIGTERM that this process got; 0 = none.</summary>
    public int Received => _received;

    /// <exception cref="System.ComponentModel.Win32Exception">It could not be started.</exception>
    public static ChildProcess Start(IReadOnlyList<string> words, IReadOnlyDictionary<string, string> variables, LogSink log)
    {
        var start = new ProcessStartInfo(words[0]) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var word in words.Skip(1)) start.ArgumentList.Add(word);
        foreach (var (key, value) in variables) start.Environment[key] = value;
        var child = new ChildProcess();
        try
        {
            child.Run(start, log);
            return child;
        }
        catch
        {
            child.Dispose();
            throw;
        }
    }

    private void Run(ProcessStartInfo start, LogSink log)
    {
        lock (_gate)
        {
            _process = Process.Start(start)!;
            // A signal that came before there was a command to send it to.
            if (_pending != 0) Send(_pending);
        }
        _output = Task.WhenAll(TeeAsync(_process.StandardOutput.BaseStream, Console.OpenStandardOutput(), "stdout", log),
            TeeAsync(_process.StandardError.BaseStream, Console.OpenStandardError(), "stderr", log));
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

    /// <param name="signal">What is sent on; 0 = the command got it by itself.</param>
    private void Forward(PosixSignalContext context, int received, int signal)
    {
        context.Cancel = true;
        _received = received;
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

    /// <summary>A console that is gone (the terminal was closed, the pipe broken) does not stop the command, nor the record.</summary>
    private static async Task TeeAsync(Stream source, Stream console, string stream, LogSink log)
    {
        var buffer = new byte[16 * 1024];
        var open = true;
        await using (console)
        {
            int read;
            while ((read = await source.ReadAsync(buffer)) > 0)
            {
                log(stream, buffer.AsSpan(0, read));
                if (!open) continue;
                try
                {
                    await console.WriteAsync(buffer.AsMemory(0, read));
                    await console.FlushAsync();
                }
                catch (IOException)
                {
                    open = false;
                }
            }
        }
    }

    [DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int pid, int signal);
}
