using System.Globalization;
using System.Text;

namespace Pilothouse.Client.Capture;

/// <summary>The commit in the working directory, and what differs from it.</summary>
/// <param name="Diff">Patch against the commit, binary files included; empty when nothing was changed.</param>
/// <param name="DiffCut">The patch was longer than is kept.</param>
/// <param name="Untracked">Files that Git does not know and does not ignore, one a line.</param>
internal sealed record SourceState(string Commit, string Branch, string Remote, bool IsDirty, byte[] Diff, bool DiffCut, string Untracked)
{
    /// <summary>A larger diff is cut: the run says that it was dirty, and how it began.</summary>
    private const int MaxDiff = 16 * 1024 * 1024;

    private const int MaxText = 1024 * 1024;
    private const int MaxUntracked = 10_000;
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(20);

    /// <returns>Null outside of a repository, in one without a commit, or without Git.</returns>
    public static async Task<SourceState?> ReadAsync(string directory, CancellationToken ct)
    {
        if (await TextAsync(directory, ct, "rev-parse", "--verify", "HEAD") is not { Length: > 0 } commit) return null;
        var branch = await TextAsync(directory, ct, "rev-parse", "--abbrev-ref", "HEAD") ?? "";
        var remote = await TextAsync(directory, ct, "config", "--get", "remote.origin.url") ?? "";
        var status = await TextAsync(directory, ct, "status", "--porcelain") ?? "";
        var diff = status.Length == 0 ? [] : await Tool.RunAsync("git", ["diff", "--binary", "HEAD"], directory, MaxDiff, TimeLimit, ct) ?? [];
        var untracked = status.Length == 0 ? "" : await TextAsync(directory, ct, "ls-files", "--others", "--exclude-standard") ?? "";
        return new SourceState(commit, branch, Secrets.WithoutPassword(remote), status.Length > 0, diff, diff.Length == MaxDiff, FirstLines(untracked));
    }

    public IReadOnlyDictionary<string, string> Tags()
    {
        var tags = new Dictionary<string, string> { ["mlflow.source.git.commit"] = Commit, ["mlflow.source.git.branch"] = Branch, ["pilothouse.git.dirty"] = IsDirty ? "true" : "false" };
        if (Remote.Length > 0) tags["mlflow.source.git.repoURL"] = Remote;
        if (DiffCut) tags["pilothouse.git.diff"] = $"cut at {MaxDiff.ToString(CultureInfo.InvariantCulture)} bytes";
        return tags;
    }

    private static string FirstLines(string text)
    {
        var lines = text.Split('\n');
        return lines.Length <= MaxUntracked ? text : string.Join('\n', lines.Take(MaxUntracked).Append($"... and {lines.Length - MaxUntracked} more"));
    }

    private static async Task<string?> TextAsync(string directory, CancellationToken ct, params string[] arguments) =>
        await Tool.RunAsync("git", arguments, directory, MaxText, TimeLimit, ct) is { } bytes ? Encoding.UTF8.GetString(bytes).Trim() : null;
}
