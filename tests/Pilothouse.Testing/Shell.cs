using System.Diagnostics;
using System.Text;

namespace Pilothouse.Testing;

/// <summary>Runs a real program and waits for it.</summary>
public static class Shell
{
    public sealed record Outcome(int ExitCode, string Output, string Error)
    {
        public string Succeeded() => ExitCode == 0 ? Output : throw new InvalidOperationException($"exit code {ExitCode}\n{Output}\n{Error}");
    }

    public static bool Has(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(directory => File.Exists(Path.Combine(directory, program)));

    public static async Task<Outcome> RunAsync(string directory, string program, params string[] arguments)
    {
        using var process = new Process
        {
            StartInfo = new ProcessStartInfo(program, arguments)
            {
                WorkingDirectory = directory,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                RedirectStandardInput = true,
            },
        };
        process.StartInfo.Environment["GIT_TERMINAL_PROMPT"] = "0";
        process.StartInfo.Environment["GIT_CONFIG_GLOBAL"] = "/dev/null";
        foreach (var who in (string[])["AUTHOR", "COMMITTER"])
        {
            process.StartInfo.Environment[$"GIT_{who}_NAME"] = "Ann";
            process.StartInfo.Environment[$"GIT_{who}_EMAIL"] = "ann@example.org";
        }
        var output = new StringBuilder();
        var error = new StringBuilder();
        process.OutputDataReceived += (_, e) => output.AppendLine(e.Data);
        process.ErrorDataReceived += (_, e) => error.AppendLine(e.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        return new Outcome(process.ExitCode, output.ToString(), error.ToString());
    }
}
