using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Runs a command of a commit once for one answer: arguments in, what it writes out. Directory, environment, time and output are bounded as in <see cref="JsonLinesProcess"/>.</summary>
/// <param name="most">Characters of its output.</param>
internal sealed partial class CommandCall(CommandProgram program, IEnumerable<string> variables, int most, TimeProvider time)
{
    private const int MaxErrorText = 2_000;

    public async Task<(string Output, string? Error)> RunAsync(IReadOnlyList<string> arguments, CancellationToken ct)
    {
        var directory = await JsonLinesProcess.DirectoryAsync(program, ct);
        try
        {
            return await RunAsync(directory.FullName, arguments, ct);
        }
        finally
        {
            JsonLinesProcess.Delete(directory);
        }
    }

    private async Task<(string, string?)> RunAsync(string directory, IReadOnlyList<string> arguments, CancellationToken ct)
    {
        using var process = new Process { StartInfo = JsonLinesProcess.Prepare([.. program.Command, .. arguments], directory, variables) };
        try
        {
            process.Start();
        }
        catch (Exception e) when (e is Win32Exception or FileNotFoundException or DirectoryNotFoundException)
        {
            return ("", $"'{program.Command[0]}' cannot be started: {e.Message}");
        }
        using var timeout = new CancellationTokenSource(program.Timeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        try
        {
            process.StandardInput.Close();
            var (output, errors) = (ReadAsync(process.StandardOutput, most, linked.Token), ReadAsync(process.StandardError, MaxErrorText, linked.Token));
            var (text, isWhole) = await output;
            var complaint = (await errors).Text;
            await process.WaitForExitAsync(linked.Token);
            if (process.ExitCode != 0) return ("", $"The command ended with exit code {process.ExitCode}. {complaint}".TrimEnd());
            if (!isWhole) return ("", $"The command wrote more than {most} characters.");
            return text.Length == 0 && complaint.Length > 0 ? ("", $"The command wrote only errors: {complaint}") : (text, null);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return ("", $"The command did not end within {Duration.Format(program.Timeout)} (Evaluation:CallTimeout).");
        }
        finally
        {
            JsonLinesProcess.Kill(process);
        }
    }

    /// <summary>All is read, so that the writer never waits; what is too much is dropped. Colours are taken out.</summary>
    private static async Task<(string Text, bool IsWhole)> ReadAsync(StreamReader reader, int most, CancellationToken ct)
    {
        var (text, buffer, isWhole) = (new StringBuilder(), new char[4096], true);
        for (int read; (read = await reader.ReadAsync(buffer, ct)) > 0;)
        {
            var room = most - text.Length;
            if (read > room) isWhole = false;
            text.Append(buffer, 0, Math.Min(read, room));
        }
        return (Ansi().Replace(text.ToString().Trim(), ""), isWhole);
    }

    [GeneratedRegex(@"\x1b(?:[@-Z\\-_]|\[[0-?]*[ -/]*[@-~])")]
    private static partial Regex Ansi();
}
