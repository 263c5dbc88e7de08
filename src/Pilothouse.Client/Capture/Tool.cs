using System.ComponentModel;
using System.Diagnostics;

namespace Pilothouse.Client.Capture;

/// <summary>Runs a program for what it prints, bounded in time and in bytes: recording a run must not hold it up.</summary>
internal static class Tool
{
    /// <returns>What it wrote to standard output (cut at <paramref name="maxBytes"/>); null when it is not there, failed, or took too long.</returns>
    public static async Task<byte[]?> RunAsync(string program, IReadOnlyList<string> arguments, string directory, int maxBytes, TimeSpan limit, CancellationToken ct)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        start.Environment["GIT_OPTIONAL_LOCKS"] = "0"; // a status must not write to the user's index
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(limit);
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Exception e) when (e is Win32Exception or DirectoryNotFoundException)
        {
            return null; // not installed
        }
        using (process)
        {
            try
            {
                process.StandardInput.Close();
                var errors = process.StandardError.BaseStream.CopyToAsync(Stream.Null, deadline.Token);
                using var output = new MemoryStream();
                var buffer = new byte[64 * 1024];
                int read;
                while ((read = await process.StandardOutput.BaseStream.ReadAsync(buffer, deadline.Token)) > 0)
                    if (output.Length < maxBytes) output.Write(buffer, 0, (int)Math.Min(read, maxBytes - output.Length));
                await errors;
                await process.WaitForExitAsync(deadline.Token);
                return process.ExitCode == 0 ? output.ToArray() : null;
            }
            catch (OperationCanceledException) when (!ct.IsCancellationRequested)
            {
                process.Kill(entireProcessTree: true);
                return null;
            }
        }
    }
}
