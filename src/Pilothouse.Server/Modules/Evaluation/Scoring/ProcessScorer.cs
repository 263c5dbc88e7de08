using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Projects;

namespace Pilothouse.Server.Modules.Evaluation.Scoring;

/// <summary>
/// A scorer in any language. It reads one JSON line an answer on standard input:
/// <c>{"index":0,"id":"c1","input":"...","expected":"...","answer":"...","fields":{...}}</c>
/// and writes one a score on standard output, in any order: <c>{"index":0,"score":0.5,"reason":"..."}</c> or <c>{"index":0,"error":"..."}</c>.
/// It runs in a directory of its own with the files that the suite names, and without the server's environment.
/// </summary>
internal sealed class ProcessScorer(ScorerEntry entry, IReadOnlyList<(string Path, byte[] Content)> files, TimeProvider time) : IScorer
{
    /// <summary>Bytes of all that the command writes.</summary>
    private const int MaxOutput = 64 * 1024 * 1024;

    private const int MaxErrorText = 2_000;

    private static readonly string[] Inherited = ["PATH", "LANG", "TZ", "SystemRoot"];

    public async Task<Score[]> ScoreAsync(ModelSubject model, IReadOnlyList<Scored> answers, CancellationToken ct)
    {
        var directory = Directory.CreateTempSubdirectory("pilothouse-scorer-");
        try
        {
            foreach (var (path, content) in files)
            {
                var target = Path.Combine(directory.FullName, path);
                Directory.CreateDirectory(Path.GetDirectoryName(target)!);
                await File.WriteAllBytesAsync(target, content, ct);
            }
            return await RunAsync(directory.FullName, answers, ct);
        }
        finally
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
    }

    private async Task<Score[]> RunAsync(string directory, IReadOnlyList<Scored> answers, CancellationToken ct)
    {
        using var process = new Process { StartInfo = Prepare(directory) };
        try
        {
            process.Start();
        }
        catch (Exception e) when (e is Win32Exception or FileNotFoundException or DirectoryNotFoundException)
        {
            return All($"'{entry.Command[0]}' cannot be started: {e.Message}", answers.Count);
        }
        using var timeout = new CancellationTokenSource(entry.Timeout, time);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(ct, timeout.Token);
        var errors = new BoundedText(MaxErrorText);
        try
        {
            var reading = ReadAsync(process, answers, linked.Token);
            var complaints = errors.ReadAsync(process.StandardError, linked.Token);
            await WriteAsync(process, answers, linked.Token);
            var scores = await reading;
            await complaints;
            await process.WaitForExitAsync(linked.Token);
            return process.ExitCode == 0 ? scores : All($"The command ended with exit code {process.ExitCode}. {errors}", answers.Count);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            return All($"The command did not end within {Duration.Format(entry.Timeout)}. Give it more with timeout:.", answers.Count);
        }
        catch (InvalidDataException e)
        {
            return All(e.Message, answers.Count);
        }
        finally
        {
            Kill(process);
        }
    }

    private static async Task WriteAsync(Process process, IReadOnlyList<Scored> answers, CancellationToken ct)
    {
        try
        {
            for (var i = 0; i < answers.Count; i++)
            {
                var (one, answer) = (answers[i].Case, answers[i].Answer);
                if (answer.Failed) continue;
                var line = JsonSerializer.Serialize(new Line(i, one.Id, one.Input, one.Expected, answer.Output, one.Fields), WireJson.Options);
                await process.StandardInput.WriteLineAsync(line.AsMemory(), ct);
            }
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // It closed its input: its exit code or the missing lines say the rest.
        }
    }

    private static async Task<Score[]> ReadAsync(Process process, IReadOnlyList<Scored> answers, CancellationToken ct)
    {
        var scores = new Score?[answers.Count];
        var buffer = new MemoryStream();
        var chunk = new byte[64 * 1024];
        for (int read; (read = await process.StandardOutput.BaseStream.ReadAsync(chunk, ct)) > 0;)
        {
            if (buffer.Length + read > MaxOutput) throw new InvalidDataException($"The command wrote more than {MaxOutput / (1024 * 1024)} MB.");
            buffer.Write(chunk, 0, read);
        }
        var number = 0;
        foreach (var line in Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length).Split('\n'))
        {
            number++;
            if (string.IsNullOrWhiteSpace(line)) continue;
            var (index, score) = Parse(line, number, answers.Count);
            if (scores[index] is not null) throw new InvalidDataException($"Line {number} of the command's output scores answer {index} again.");
            scores[index] = score;
        }
        return [.. scores.Select((s, i) => answers[i].Answer.Error is { } error ? Score.Without(error) : s ?? Score.Without("The command wrote no score for this answer."))];
    }

    private static (int Index, Score Score) Parse(string line, int number, int count)
    {
        string Shown() => line.Length <= 120 ? line.TrimEnd() : line[..117] + "...";
        if (AssertionScorers.Parse(line) is not { ValueKind: JsonValueKind.Object } o) throw new InvalidDataException($"Line {number} of the command's output is not a JSON object: {Shown()}");
        if (!o.TryGetProperty("index", out var at) || !at.TryGetInt32(out var index) || index < 0 || index >= count)
            throw new InvalidDataException($"Line {number} of the command's output has no index between 0 and {count - 1}: {Shown()}");
        string? Text(string name) => o.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        if (Text("error") is { } error) return (index, Score.Without(error));
        var score = o.TryGetProperty("score", out var given) && given.ValueKind == JsonValueKind.Number ? given.GetDouble() : double.NaN;
        return (index, score is >= 0 and <= 1 ? new Score(score, null, Text("reason")) : Score.Without($"The command's score is not a number between 0 and 1: {Shown()}"));
    }

    private ProcessStartInfo Prepare(string directory)
    {
        var start = new ProcessStartInfo(entry.Command[0], entry.Command.Skip(1))
        {
            WorkingDirectory = directory,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardInputEncoding = new UTF8Encoding(false),
            UseShellExecute = false,
        };
        start.Environment.Clear();
        foreach (var name in Inherited)
            if (Environment.GetEnvironmentVariable(name) is { } value) start.Environment[name] = value;
        start.Environment["HOME"] = directory;
        return start;
    }

    private static void Kill(Process process)
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

    private static Score[] All(string error, int count) => [.. Enumerable.Repeat(Score.Without(error), count)];

    private sealed record Line(int Index, string Id, string Input, string? Expected, string Answer, IReadOnlyDictionary<string, string> Fields);

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
