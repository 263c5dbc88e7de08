using System.CommandLine;
using System.Diagnostics;
using Pilothouse.Protocols.ProjectFiles;

namespace Pilothouse.Commands;

/// <summary>Project and commit a verb speaks of: the options, else what pilothouse.yaml and Git in the current directory say.</summary>
internal sealed record ProjectContext(string Project, string Commit)
{
    /// <summary>Faults of pilothouse.yaml that are printed; 'pilothouse check' prints all.</summary>
    private const int MaxFaults = 20;

    public static (Option<string> Project, Option<string> Commit) Options() => (
        new Option<string>("--project", "-p") { Description = "Project (default: the one that pilothouse.yaml here names)." },
        new Option<string>("--commit") { Description = "Commit, branch or tag as the server knows it (default: HEAD of the repository here)." });

    public static async Task<ProjectContext> FindAsync(ParseResult result, Option<string> project, Option<string> commit, CancellationToken ct) =>
        new(result.GetValue(project) ?? await ProjectAsync(ct), result.GetValue(commit) ?? await HeadAsync(ct));

    /// <summary>The project alone, for verbs that speak of no commit.</summary>
    public static async Task<string> ProjectAsync(ParseResult result, Option<string> project, CancellationToken ct) => result.GetValue(project) ?? await ProjectAsync(ct);

    private static async Task<string> ProjectAsync(CancellationToken ct)
    {
        for (var directory = new DirectoryInfo(Directory.GetCurrentDirectory()); directory is not null; directory = directory.Parent)
        {
            var path = Path.Combine(directory.FullName, CheckCommand.FileName);
            if (!File.Exists(path)) continue;
            var parsed = ProjectFileReader.Parse(await File.ReadAllTextAsync(path, ct));
            return parsed.File?.Project ?? throw new UsageException(string.Join('\n', (string[])[$"{path} has {parsed.Faults.Count} fault(s):", .. parsed.Faults.Take(MaxFaults).Select(f => $"{path}:{f}")]));
        }
        throw new UsageException($"No {CheckCommand.FileName} here or above. Go into the project, or say which: --project NAME.");
    }

    private static async Task<string> HeadAsync(CancellationToken ct)
    {
        var start = new ProcessStartInfo("git") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var argument in (string[])["rev-parse", "--verify", "HEAD"]) start.ArgumentList.Add(argument);
        try
        {
            using var git = Process.Start(start)!;
            var output = git.StandardOutput.ReadToEndAsync(ct);
            var error = git.StandardError.ReadToEndAsync(ct);
            await git.WaitForExitAsync(ct);
            await error;
            return git.ExitCode == 0 ? (await output).Trim() : throw new UsageException("This is no Git repository with a commit. Go into one, or say which commit: --commit REV.");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            throw new UsageException("git was not found. Install it, or say which commit: --commit REV.");
        }
    }
}
