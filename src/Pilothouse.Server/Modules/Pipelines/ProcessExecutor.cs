using System.ComponentModel;
using System.Diagnostics;

namespace Pilothouse.Server.Modules.Pipelines;

/// <summary>How a command ended.</summary>
/// <param name="Error">Why there is no exit code.</param>
internal sealed record Execution(int? ExitCode, string? Error);

/// <summary>Runs one command as a process of this machine, its output into a file.</summary>
internal sealed class ProcessExecutor(TimeProvider time)
{
    private static readonly TimeSpan AfterKill = TimeSpan.FromSeconds(5);
    /// <summary>Passed on from the server's own environment; everything else (tokens, connection strings) is not the job's business.</summary>
    private static readonly string[] Inherited = ["PATH", "HOME", "LANG", "TZ", "TMPDIR", "SystemRoot", "DOTNET_ROOT"];

    /// <param name="started">Told the process id and its start time.</param>
    /// <exception cref="OperationCanceledException">Cancelled; the process tree is dead.</exception>
    /// <exception cref="IOException">The log cannot be written.</exception>
    public async Task<Execution> RunAsync(JobRow job, string workingDirectory, JobLog log, Func<int, long, Task> started, CancellationToken ct)
    {
        using var process = new Process { StartInfo = Prepare(job, workingDirectory) };
        try
        {
            process.Start();
        }
        catch (Exception e) when (e is Win32Exception or FileNotFoundException or DirectoryNotFoundException)
        {
            return new Execution(null, $"'{job.Command[0]}' cannot be started: {e.Message}");
        }

        try
        {
            process.StandardInput.Close();
            await started(process.Id, StartedMs(process));
            using var pumping = CancellationTokenSource.CreateLinkedTokenSource(ct);
            var pumps = Task.WhenAll(log.PumpAsync(process.StandardOutput.BaseStream, pumping.Token), log.PumpAsync(process.StandardError.BaseStream, pumping.Token));
            await process.WaitForExitAsync(ct);
            // A grandchild that outlives the command may hold the pipe open: its output is not waited for.
            await Task.WhenAny(pumps, Task.Delay(AfterKill, time, ct));
            await pumping.CancelAsync();
            await pumps.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (pumps.IsFaulted) throw new IOException("The job's output could not be written.", pumps.Exception!.InnerException);
            return new Execution(process.ExitCode, null);
        }
        finally
        {
            await KillAsync(process);
        }
    }

    /// <summary>Ends what a crash left running, if that process id still is the same process.</summary>
    public static async Task KillLeftoverAsync(long processId, long startedMs)
    {
        try
        {
            using var process = Process.GetProcessById((int)processId);
            if (Math.Abs(StartedMs(process) - startedMs) <= 1000) await KillAsync(process);
        }
        catch (ArgumentException)
        {
            // It is gone.
        }
    }

    private static ProcessStartInfo Prepare(JobRow job, string workingDirectory)
    {
        var start = new ProcessStartInfo(job.Command[0], job.Command.Skip(1))
        {
            WorkingDirectory = workingDirectory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        start.Environment.Clear();
        foreach (var name in Inherited)
            if (Environment.GetEnvironmentVariable(name) is { } value) start.Environment[name] = value;
        foreach (var (name, value) in job.Variables) start.Environment[name] = value;
        start.Environment["PILOTHOUSE_JOB"] = job.Id;
        return start;
    }

    private static async Task KillAsync(Process process)
    {
        try
        {
            if (process.HasExited) return;
            process.Kill(entireProcessTree: true);
            using var patience = new CancellationTokenSource(AfterKill);
            await process.WaitForExitAsync(patience.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It ended by itself at the same moment.
        }
    }

    private static long StartedMs(Process process)
    {
        try
        {
            return new DateTimeOffset(process.StartTime).ToUnixTimeMilliseconds();
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception)
        {
            return 0; // ended already
        }
    }
}
