using System.ComponentModel;
using System.Diagnostics;
using Pilothouse.Commands;

namespace Pilothouse.Lfs;

/// <summary>The user's own git, in the working directory.</summary>
internal static class LocalGit
{
    /// <returns>What it wrote, without the last line's end; null when it failed.</returns>
    public static async Task<string?> TryAsync(string? input, CancellationToken ct, params string[] arguments)
    {
        var (exitCode, output, _) = await RunAsync(input, arguments, ct);
        return exitCode == 0 ? output.TrimEnd('\r', '\n') : null;
    }

    /// <exception cref="UsageException">It failed; what it said.</exception>
    public static async Task RequireAsync(CancellationToken ct, params string[] arguments)
    {
        var (exitCode, _, error) = await RunAsync(null, arguments, ct);
        if (exitCode != 0) throw new UsageException($"git {string.Join(' ', arguments)}: {error.Trim()}");
    }

    private static async Task<(int ExitCode, string Output, string Error)> RunAsync(string? input, string[] arguments, CancellationToken ct)
    {
        using var process = new Process { StartInfo = new ProcessStartInfo("git", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true } };
        try
        {
            process.Start();
        }
        catch (Win32Exception e)
        {
            throw new UsageException($"git cannot be started: {e.Message}");
        }
        var error = process.StandardError.ReadToEndAsync(ct);
        if (input is not null) await process.StandardInput.WriteAsync(input.AsMemory(), ct);
        process.StandardInput.Close();
        var output = await process.StandardOutput.ReadToEndAsync(ct);
        await process.WaitForExitAsync(ct);
        return (process.ExitCode, output, await error);
    }
}
