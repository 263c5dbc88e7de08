using System.Text;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Protocols.Locks;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Locks;

/// <summary>Reads and checks the lock of a commit. Everything it needs is in the repository; a folder's list of files is a blob.</summary>
internal sealed class ProjectLocks(Git git, RepositoryService repositories, IBlobStore blobs) : IProjectLocks
{
    private const int MaxLockBytes = 64 * 1024 * 1024;
    private const int MaxFileBytes = 256 * 1024 * 1024;

    public async Task<LockFile?> FindAsync(string project, string commit, CancellationToken ct)
    {
        if (await repositories.ReadFileAsync(project, commit, LockFile.FileName, MaxLockBytes, ct) is not { } content) return null;
        var (file, faults) = LockFileReader.Parse(Encoding.UTF8.GetString(content));
        return file ?? throw new PilothouseException(ErrorCode.LockStale, $"{LockFile.FileName} of commit {commit} has {faults.Count} fault(s):\n{string.Join('\n', faults.Select(f => $"{LockFile.FileName}:{f}"))}\nRun 'pilothouse lock', commit it and push.");
    }

    public async Task<LockState> CheckAsync(string project, string commit, CancellationToken ct)
    {
        var id = await repositories.ResolveAsync(project, commit, ct);
        if (await FindAsync(project, id, ct) is not { } file)
            return new LockState(null, await HadOneAsync(project, id, ct) is { } last ? [$"commit {last[..10]}, on which this one stands, removed it"] : []);
        var declared = await repositories.ReadDeclaredAsync(project, id, ct);
        var tree = new Dictionary<string, TreeContent>(StringComparer.Ordinal);
        foreach (var path in LockNeeds.Paths(declared))
        {
            if (await repositories.ReadFileAsync(project, id, path, MaxFileBytes, ct) is { } content)
                tree[path] = LfsPointer.TryParse(content) is { } pointer ? new TreeContent(Digest.Parse("sha256:" + pointer.Oid), pointer.Size) : new TreeContent(Digest.Of(content), content.Length);
            else if (await TrackedAsync(file, path, ct) is { } tracked) tree[path] = tracked;
        }
        return new LockState(file, [.. LockNeeds.Check(declared, file, tree).Select(s => s.ToString())]);
    }

    public async Task<TreeContent?> TrackedAsync(string project, string commit, string path, CancellationToken ct) =>
        await FindAsync(project, commit, ct) is { } file ? await TrackedAsync(file, path, ct) : null;

    private async Task<TreeContent?> TrackedAsync(LockFile file, string path, CancellationToken ct)
    {
        if (file.TrackerOf(path) is not { } tracker) return null;
        if (tracker.Kind == LockKind.File) return new TreeContent(tracker.Digest, tracker.Size);
        if (await blobs.FindAsync(tracker.Digest.ToString(), ct) is null) return null;
        var list = ContentManifest.Parse(Encoding.UTF8.GetString(await blobs.ReadAsync(tracker.Digest.ToString(), ContentManifest.MaxTextLength, ct)));
        return list.Files.FirstOrDefault(f => f.Path == path[(tracker.Name.Length + 1)..]) is { } found ? new TreeContent(found.Digest, found.Size) : null;
    }

    /// <summary>The last commit that touched a lock which is no longer there: who has locked once must not lose it unseen.</summary>
    private async Task<string?> HadOneAsync(string project, string commit, CancellationToken ct)
    {
        var (exitCode, output, _) = await git.RunAsync(project, ["log", "--max-count=1", "--format=%H", commit, "--", LockFile.FileName], 4096, ct);
        return exitCode == 0 && Encoding.ASCII.GetString(output).Trim() is { Length: > 0 } id ? id : null;
    }
}
