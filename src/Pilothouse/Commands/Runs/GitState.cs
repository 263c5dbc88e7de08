using System.Diagnostics;
using System.Text;

namespace Pilothouse.Commands.Runs;

/// <summary>The commit in the working directory, and what differs from it.</summary>
/// <param name="Diff">Patch against the commit, binary files included; empty when nothing was changed.</param>
/// <param name="Untracked">Files that Git does not know and does not ignore, one a line.</param>
internal sealed record GitState(string Commit, string Branch, string Remote, bool IsDirty, byte[] Diff, string Untracked)
{
    /// <summary>A larger diff is cut: the run says that it was dirty, and how it began.</summary>
    private const int MaxDiff = 16 * 1024 * 1024;

    /// <returns>Null outside of a repository, in one without a commit, or without Git.</returns>
    public static async Task<GitState?> ReadAsync(string directory, CancellationToken ct)
    {
        if (await TextAsync(directory, ct, "rev-parse", "--verify", "HEAD") is not { Length: > 0 } commit) return null;
        var branch = await TextAsync(directory, ct, "rev-parse", "--abbrev-ref", "HEAD") ?? "";
        var remote = await TextAsync(directory, ct, "config", "--get", "remote.origin.url") ?? "";
        var status = await TextAsync(directory, ct, "status", "--porcelain") ?? "";
        var diff = status.Length == 0 ? [] : await RunAsync(directory, ct, "diff", "--binary", "HEAD") ?? [];
        var untracked = status.Length == 0 ? "" : await TextAsync(directory, ct, "ls-files", "--others", "--exclude-standard") ?? "";
        return new GitState(commit, branch, WithoutPassword(remote), status.Length > 0, diff, untracked);
    }

    /// <summary><c>https://user:secret@host/x.git</c> must not end up in a tag.</summary>
    private static string WithoutPassword(string remote) =>
        Uri.TryCreate(remote, UriKind.Absolute, out var uri) && uri.UserInfo.Length > 0 ? new UriBuilder(uri) { UserName = "", Password = "" }.Uri.ToString() : remote;

    private static async Task<string?> TextAsync(string directory, CancellationToken ct, params string[] arguments) =>
        await RunAsync(directory, ct, arguments) is { } bytes ? Encoding.UTF8.GetString(bytes).Trim() : null;

    private static async Task<byte[]?> RunAsync(string directory, CancellationToken ct, params string[] arguments)
    {
        var start = new ProcessStartInfo("git", arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["GIT_OPTIONAL_LOCKS"] = "0"; // a status must not write to the user's index
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync(ct);
            using var output = new MemoryStream();
            var buffer = new byte[64 * 1024];
            int read;
            while ((read = await process.StandardOutput.BaseStream.ReadAsync(buffer, ct)) > 0)
                if (output.Length < MaxDiff) output.Write(buffer, 0, read);
            await process.WaitForExitAsync(ct);
            await errors;
            return process.ExitCode == 0 ? output.ToArray() : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // Git is not installed
        }
    }
}
