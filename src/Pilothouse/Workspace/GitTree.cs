using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Pilothouse.Commands;

namespace Pilothouse.Workspace;

/// <summary>The user's own git, asked about the repository here.</summary>
internal static class GitTree
{
    private const int MaxError = 4000;

    /// <summary>True for a path that Git holds, or a folder in which it holds something.</summary>
    public static async Task<bool> IsTrackedAsync(string root, string path, CancellationToken ct) =>
        await RunAsync(root, null, ct, "ls-files", "-z", "--", $":(literal){path}") is { ExitCode: 0, Output.Length: > 0 };

    /// <summary>Content of a file at a revision; null when it is not there.</summary>
    public static async Task<string?> ShowAsync(string root, string revision, string path, CancellationToken ct)
    {
        // A path of the project may lie below the repository's root: "./" makes it relative to where we are.
        var result = await RunAsync(root, null, ct, "show", $"{revision}:./{path}");
        return result.ExitCode == 0 ? Encoding.UTF8.GetString(result.Output) : null;
    }

    /// <exception cref="UsageException">No such revision.</exception>
    public static async Task<string> ResolveAsync(string root, string revision, CancellationToken ct)
    {
        var result = await RunAsync(root, null, ct, "rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}");
        return result.ExitCode == 0 ? Encoding.ASCII.GetString(result.Output).Trim() : throw new UsageException($"The repository here has no commit '{revision}'.");
    }

    /// <summary>Runs git; a failure is the caller's to judge.</summary>
    /// <exception cref="UsageException">git is not installed.</exception>
    public static Task<(int ExitCode, byte[] Output, string Error)> RunAsync(string directory, byte[]? input, CancellationToken ct, params string[] arguments) => RunAsync(directory, input, null, arguments, ct);

    /// <summary>As <see cref="RunAsync(string, byte[], CancellationToken, string[])"/>, with the user's token for one server: in the environment, since everybody on the machine reads command lines.</summary>
    public static Task<(int ExitCode, byte[] Output, string Error)> RunAtAsync(Uri server, string directory, CancellationToken ct, params string[] arguments) => RunAsync(directory, null, server, arguments, ct);

    private static async Task<(int ExitCode, byte[] Output, string Error)> RunAsync(string directory, byte[]? input, Uri? server, string[] arguments, CancellationToken ct)
    {
        var start = new ProcessStartInfo("git", arguments) { WorkingDirectory = directory, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        start.Environment["GIT_TERMINAL_PROMPT"] = "0";
        start.Environment["GIT_OPTIONAL_LOCKS"] = "0";
        start.Environment["LC_ALL"] = "C";
        if (server is not null && Environment.GetEnvironmentVariable("PILOTHOUSE_TOKEN") is { Length: > 0 } token)
        {
            start.Environment["GIT_CONFIG_COUNT"] = "1";
            start.Environment["GIT_CONFIG_KEY_0"] = $"http.{server.GetLeftPart(UriPartial.Authority)}/.extraHeader";
            start.Environment["GIT_CONFIG_VALUE_0"] = "Authorization: Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("pilothouse:" + token));
        }
        try
        {
            using var git = Process.Start(start)!;
            var error = git.StandardError.ReadToEndAsync(ct);
            var output = new MemoryStream();
            var reading = git.StandardOutput.BaseStream.CopyToAsync(output, ct);
            try
            {
                if (input is not null) await git.StandardInput.BaseStream.WriteAsync(input, ct);
                git.StandardInput.Close();
            }
            catch (IOException)
            {
                // It ended without reading all; its own message says why.
            }
            await reading;
            await git.WaitForExitAsync(ct);
            var text = (await error).Trim();
            return (git.ExitCode, output.ToArray(), text.Length <= MaxError ? text : text[..MaxError]);
        }
        catch (Win32Exception)
        {
            throw new UsageException("git was not found. Install it.");
        }
    }
}
