using System.Globalization;
using System.Text;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client.Capture;

/// <summary>The commit in the working directory, and what differs from it.</summary>
/// <param name="Diff">Patch against the commit, binary files included; empty when nothing was changed.</param>
/// <param name="DiffCut">The patch was longer than is kept.</param>
/// <param name="Untracked">Files that Git does not know and does not ignore, one a line.</param>
/// <param name="Root">The repository's root.</param>
/// <param name="Prefix">The working directory below it, with '/'; empty at the root.</param>
/// <param name="UntrackedContent">Archive of what those files hold: see <see cref="UntrackedFiles"/>.</param>
internal sealed record SourceState(string Commit, string Branch, string Remote, bool IsDirty, byte[] Diff, bool DiffCut, string Untracked, string Root, string Prefix, byte[] UntrackedContent)
{
    /// <summary>A larger diff is cut: the run says that it was dirty, and how it began.</summary>
    private const int MaxDiff = 16 * 1024 * 1024;

    private const int MaxText = 1024 * 1024;
    private const int MaxUntracked = 10_000;
    private static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(20);

    /// <summary>What <c>git apply</c> takes back, whatever the user's configuration makes of diffs.</summary>
    private static readonly string[] Diffing = ["-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "diff", "--binary", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-relative", "HEAD"];

    /// <returns>Null outside of a repository, in one without a commit, or without Git.</returns>
    public static async Task<SourceState?> ReadAsync(string directory, CancellationToken ct)
    {
        if (await TextAsync(directory, ct, "rev-parse", "--verify", "HEAD") is not { Length: > 0 } commit) return null;
        var branch = await TextAsync(directory, ct, "rev-parse", "--abbrev-ref", "HEAD") ?? "";
        var remote = await TextAsync(directory, ct, "config", "--get", "remote.origin.url") ?? "";
        var status = await TextAsync(directory, ct, "status", "--porcelain") ?? "";
        var diff = status.Length == 0 ? [] : await Tool.RunAsync("git", Diffing, directory, MaxDiff, TimeLimit, ct) ?? [];
        var untracked = status.Length == 0 ? "" : await TextAsync(directory, ct, "ls-files", "--others", "--exclude-standard") ?? "";
        var root = await TextAsync(directory, ct, "rev-parse", "--show-toplevel") ?? directory;
        var prefix = (await TextAsync(directory, ct, "rev-parse", "--show-prefix") ?? "").TrimEnd('/');
        var list = status.Length == 0 ? [] : await Tool.RunAsync("git", ["ls-files", "--others", "--exclude-standard", "-z"], root, MaxText, TimeLimit, ct) ?? [];
        return new SourceState(commit, branch, Secrets.WithoutPassword(remote), status.Length > 0, diff, diff.Length == MaxDiff, FirstLines(untracked), root, prefix, await UntrackedFiles.PackAsync(root, list, ct));
    }

    public IReadOnlyDictionary<string, string> Tags()
    {
        var tags = new Dictionary<string, string> { ["mlflow.source.git.commit"] = Commit, ["mlflow.source.git.branch"] = Branch, ["pilothouse.git.dirty"] = IsDirty ? "true" : "false" };
        if (Remote.Length > 0) tags["mlflow.source.git.repoURL"] = Remote;
        if (Prefix.Length > 0) tags[ReproductionTags.Prefix] = Prefix;
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
