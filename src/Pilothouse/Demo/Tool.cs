using System.Diagnostics;

namespace Pilothouse.Demo;

/// <summary>What a program printed and how it ended.</summary>
internal sealed record Outcome(int ExitCode, IReadOnlyList<string> Lines)
{
    public string Text => string.Join('\n', Lines);
}

/// <summary>Runs programs in the demo's working copy and shows what they print while they run.</summary>
/// <param name="directory">Working directory.</param>
/// <param name="environment">Variables beside the inherited ones, e.g. PILOTHOUSE_URL.</param>
internal sealed class Tool(DemoTerminal terminal, string directory, IReadOnlyDictionary<string, string> environment)
{
    /// <summary>Lines kept (and shown) of one command.</summary>
    private const int MaxLines = 2000;

    /// <summary>Runs one of our own verbs, as a user would in a shell.</summary>
    public Task<Outcome> PilothouseAsync(CancellationToken ct, params string[] arguments)
    {
        terminal.Typed("pilothouse " + string.Join(' ', arguments.Select(Quote)));
        return RunAsync(Environment.ProcessPath!, arguments, show: true, ct);
    }

    public async Task<Outcome> GitAsync(CancellationToken ct, params string[] arguments)
    {
        var outcome = await RunAsync("git", arguments, show: false, ct);
        return outcome.ExitCode == 0 ? outcome : throw new InvalidOperationException($"git {string.Join(' ', arguments)} failed:\n{outcome.Text}");
    }

    public async Task<Outcome> RunAsync(string program, IReadOnlyList<string> arguments, bool show, CancellationToken ct)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true },
        };
        foreach (var (name, value) in environment) process.StartInfo.Environment[name] = value;
        var lines = new List<string>();
        var gate = new Lock();
        void Take(string? line)
        {
            if (line is null) return;
            lock (gate)
            {
                if (lines.Count >= MaxLines) return;
                lines.Add(line);
                if (show) terminal.Line(line);
            }
        }
        process.OutputDataReceived += (_, e) => Take(e.Data);
        process.ErrorDataReceived += (_, e) => Take(e.Data);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        try
        {
            await process.WaitForExitAsync(ct);
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
        return new Outcome(process.ExitCode, lines);
    }

    private static string Quote(string argument) => argument.Contains(' ', StringComparison.Ordinal) ? $"\"{argument}\"" : argument;
}
