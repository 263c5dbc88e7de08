using System.Security.Cryptography;
using System.Text;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Lfs;

/// <summary>
/// Takes an LFS object away from a project for good, such as personal data that was committed by mistake. Refused while a release or deployment stands on a commit that has it, and, unless
/// forced, while a branch or tag has it. What was removed is remembered: downloads are answered with 410 and the reason.
/// </summary>
internal sealed class LfsRemoval(IProjects projects, LfsStore store, Git git, ILineage lineage, TimeProvider time)
{
    /// <summary>Commits that are looked through for those on which something stands.</summary>
    private const int MaxCommits = 200_000;

    /// <summary>Branches and tags that are looked into.</summary>
    private const int MaxRefs = 1_000;
    private const int MaxReason = 2_000;
    private const int MaxListed = 1_000;

    /// <param name="force">Also when a branch or tag still has it: checkouts of it will lack the file.</param>
    /// <exception cref="PilothouseException">NotFound; FailedPrecondition, with the names of what has it.</exception>
    public async Task<LfsRemoved> RemoveAsync(string project, string oid, string? reason, bool force, string actor, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        if (!LfsPointer.IsOid(oid)) throw new PilothouseException(ErrorCode.InvalidArgument, "An object id has 64 lower-case hex digits: the SHA-256 of the content.");
        if (string.IsNullOrWhiteSpace(reason) || reason.Length > MaxReason || reason.Contains('\0')) throw new PilothouseException(ErrorCode.InvalidArgument, $"Say why it is removed (reason=..., at most {MaxReason} characters): whoever asks for the object is told.");
        if (!(await store.FindAsync(project, [oid], ct)).TryGetValue(oid, out var size)) throw new PilothouseException(ErrorCode.NotFound, $"'{project}' has no object {oid}.");

        var pointer = PointerId(oid, size);
        if (await HeldAsync(project, pointer, ct) is { } held) throw new PilothouseException(ErrorCode.FailedPrecondition, $"Object {oid} cannot be removed: {held}. What was released stays reproducible. Nothing was changed.");
        if (!force && await RefsAsync(project, pointer, ct) is { Count: > 0 } refs)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"Object {oid} is in {string.Join(", ", refs.Take(5))}{(refs.Count > 5 ? $" and {refs.Count - 5} more" : "")}: a checkout would lack it. Take the file out of them first, or force the removal. Nothing was changed.");
        var removed = new LfsRemoved(project, oid, size, actor, time.NowMs(), reason);
        return await store.RemoveAsync(removed, new AuditEvent(actor, "lfs.remove", $"projects/{project}", new { oid, size, reason, force }), ct) ? removed
            : throw new PilothouseException(ErrorCode.NotFound, $"'{project}' has no object {oid} any more.");
    }

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<LfsRemoved>> ListAsync(string project, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        return await store.RemovedAsync(project, null, MaxListed, ct);
    }

    /// <returns>What stands on a commit that has the object, as the rest of a sentence; null = nothing.</returns>
    private async Task<string?> HeldAsync(string project, string pointer, CancellationToken ct)
    {
        // Nothing to look through when no commit of any branch ever had it.
        if ((await LinesAsync(project, ["log", "--all", "--max-count=1", "--format=%H", "--find-object=" + pointer], 1, ct)).Count == 0) return null;
        var commits = await LinesAsync(project, ["rev-list", "--all", $"--max-count={MaxCommits + 1}"], MaxCommits + 1, ct);
        if (commits.Count > MaxCommits) return $"the repository has more than {MaxCommits} commits, and whether a release stands on one of them is not looked up for so many";
        foreach (var (commit, by) in await lineage.HeldAsync(commits.Select(c => LineageNode.Commit(project, c)), ct))
            if (await HasAsync(project, commit.Sha, pointer, ct)) return $"{by} stands on commit {commit.Sha[..10]}, which has it";
        return null;
    }

    private async Task<List<string>> RefsAsync(string project, string pointer, CancellationToken ct)
    {
        var found = new List<string>();
        foreach (var name in await LinesAsync(project, ["for-each-ref", $"--count={MaxRefs}", "--format=%(refname)", "refs/heads", "refs/tags"], MaxRefs, ct))
            if (await HasAsync(project, name, pointer, ct)) found.Add(name[(name.IndexOf('/', 5) + 1)..]);
        return found;
    }

    private async Task<bool> HasAsync(string project, string commit, string pointer, CancellationToken ct)
    {
        await using var process = git.Start(project, ["ls-tree", "-r", "--format=%(objectname)", commit], Git.NoEnvironment);
        process.Input.Close();
        using var reader = new StreamReader(process.Output, Encoding.ASCII);
        while (await reader.ReadLineAsync(ct) is { } line)
            if (line == pointer) return true;
        return false;
    }

    private async Task<List<string>> LinesAsync(string project, IReadOnlyList<string> arguments, int most, CancellationToken ct)
    {
        var lines = new List<string>();
        await using var process = git.Start(project, arguments, Git.NoEnvironment);
        process.Input.Close();
        using var reader = new StreamReader(process.Output, Encoding.UTF8);
        while (lines.Count < most && await reader.ReadLineAsync(ct) is { } line) lines.Add(line);
        return lines;
    }

    /// <summary>Git's name of the file that stands in a tree for the object. Pointers that are written in another way have another; git-lfs writes none.</summary>
    private static string PointerId(string oid, long size)
    {
        var text = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {size}\n");
        return Convert.ToHexStringLower(Sha1(Encoding.ASCII.GetBytes($"blob {text.Length}\0{text}")));
    }

#pragma warning disable CA5350 // Git names objects by SHA-1; nothing is protected by it here.
    private static byte[] Sha1(byte[] content) => SHA1.HashData(content);
#pragma warning restore CA5350
}
