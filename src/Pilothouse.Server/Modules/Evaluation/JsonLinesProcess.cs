using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Modules.Evaluation.Scoring;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>
/// Runs a command of a commit that reads JSON lines and writes JSON lines, in a directory of its own with the files that it needs and without the
/// server's environment. Its time and its output are bounded.
/// </summary>
/// <param name="variables">Environment variables that it gets beside PATH and LANG.</param>
internal sealed class JsonLinesProcess(CommandProgram program, IEnumerable<string> variables, TimeProvider time)
{
    /// <summary>Characters of all that the command writes.</summary>
    private const int MaxOutput = 64 * 1024 * 1024;

    private const int MaxErrorText = 2_000;

    private static readonly string[] Inherited = ["PATH", "LANG", "TZ", "SystemRoot"];

    /// <param name="taken">Takes each line that it wrote, with its number from 1; throws InvalidDataException for one that cannot be.</param>
    /// <returns>Why the command as a whole failed; null = it ended well.</returns>
    public async Task<string?> RunAsync(IEnumerable<string> lines, Func<JsonElement, int, Task> taken, CancellationToken ct)
    {
        var directory = await DirectoryAsync(program, ct);
        try
        {
            return await RunAsync(directory.FullName, lines, taken, ct);
        }
        finally
        {
            Delete(directory);
        }
    }

    /// <summary>A new directory with the files that the command needs.</summary>
    public static async Task<DirectoryInfo> DirectoryAsync(CommandProgram program, CancellationToken ct)
    {
        var directory = Directory.CreateTempSubdirectory("pilothouse-command-");
        foreach (var (path, content) in program.Files)
        {
            var target = Path.Combine(directory.FullName, path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            await File.WriteAllBytesAsync(target, content, ct);
        }
        return directory;
    }

    public static void Delete(DirectoryInfo directory)
    {
        try
        {
            directory.Delete(recursive: true);
        }
        catch (IOException)
        {
            // A grandchild still writes there; the system's own cleaning of temporary files takes it.
        }
    }

    private async Task<string?> RunAsync(string directory, IEnumerable<string> lines, Func<JsonElement, int, Task> taken, CancellationToken ct)
    {
        using var process = new Process { StartInfo = Prepare(program.Command, directory, variables) };
        try
        {
            process.Start();
        }
        catch (Exception e) when (e is Win32Exception or FileNotFoundException or DirectoryNotFoundException)
        {
            return $"'{program.Command[0]}' cannot be started: {e.Message}";
        }
        using var timeout = new CancellationTokenSource(program.Timeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        var errors = new BoundedText(MaxErrorText);
        try
        {
            var reading = ReadAsync(process, taken, linked.Token);
            var complaints = errors.ReadAsync(process.StandardError, linked.Token);
            await WriteAsync(process, lines, linked.Token);
            await reading;
            await complaints;
            await process.WaitForExitAsync(linked.Token);
            return process.ExitCode == 0 ? null : $"The command ended with exit code {process.ExitCode}. {errors}";
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return $"The command did not end within {Duration.Format(program.Timeout)}. Give it more with timeout:.";
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
        finally
        {
            Kill(process);
        }
    }

    private static async Task WriteAsync(Process process, IEnumerable<string> lines, CancellationToken ct)
    {
        try
        {
            foreach (var line in lines) await process.StandardInput.WriteLineAsync(line.AsMemory(), ct);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It closed its input: its exit code or the missing lines say the rest.
        }
    }

    private static async Task ReadAsync(Process process, Func<JsonElement, int, Task> taken, CancellationToken ct)
    {
        var line = new StringBuilder();
        var chunk = new char[16 * 1024];
        long total = 0;
        var number = 0;
        for (int read; (read = await process.StandardOutput.ReadAsync(chunk, ct)) > 0;)
        {
            if ((total += read) > MaxOutput) throw new InvalidDataException($"The command wrote more than {MaxOutput / (1024 * 1024)} MB.");
            var from = 0;
            for (var i = 0; i < read; i++)
            {
                if (chunk[i] != '\n') continue;
                line.Append(chunk, from, i - from);
                from = i + 1;
                await TakeAsync();
            }
            line.Append(chunk, from, read - from);
        }
        await TakeAsync();

        async Task TakeAsync()
        {
            number++;
            var text = line.ToString();
            line.Clear();
            if (string.IsNullOrWhiteSpace(text)) return;
            if (AssertionScorers.Parse(text) is not { ValueKind: JsonValueKind.Object } value) throw new InvalidDataException($"Line {number} of the command's output is not a JSON object: {Shown(text)}");
            await taken(value, number);
        }
    }

    /// <exception cref="InvalidDataException">The line has no index of the range.</exception>
    public static int Index(JsonElement line, int number, int count) => line.TryGetProperty("index", out var at) && at.ValueKind == JsonValueKind.Number && at.TryGetInt32(out var index) && index >= 0 && index < count ? index
        : throw new InvalidDataException($"Line {number} of the command's output has no index between 0 and {count - 1}: {Shown(line.GetRawText())}");

    public static string? Text(JsonElement line, string name) => line.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public static string Shown(string line) => line.Length <= 120 ? line.TrimEnd() : line[..117] + "...";

    public static ProcessStartInfo Prepare(IReadOnlyList<string> command, string directory, IEnumerable<string> variables)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(false),
            StandardOutputEncoding = new UTF8Encoding(false),
            UseShellExecute = false,
        };
        start.Environment.Clear();
        foreach (var name in Inherited.Concat(variables))
            if (Environment.GetEnvironmentVariable(name) is { } value) start.Environment[name] = value;
        start.Environment["HOME"] = directory;
        return start;
    }

    public static void Kill(Process process)
    {
        try
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It ended by itself at the same moment.
        }
    }

    /// <summary>The beginning of a text; the rest is read and dropped, so that the writer never waits.</summary>
    private sealed class BoundedText(int most)
    {
        private readonly StringBuilder _text = new();

        public async Task ReadAsync(StreamReader reader, CancellationToken ct)
        {
            var buffer = new char[4096];
            for (int read; (read = await reader.ReadAsync(buffer, ct)) > 0;) _text.Append(buffer, 0, Math.Min(read, most - _text.Length));
        }

        public override string ToString() => _text.ToString().Trim();
    }
}
