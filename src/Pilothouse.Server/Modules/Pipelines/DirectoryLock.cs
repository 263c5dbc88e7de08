using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.ProjectFiles;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Pipelines;

/// <summary>A job in the directory of a project with a lock starts only when the lock is the one of what lies there.</summary>
internal static class DirectoryLock
{
    private const long MaxFile = 64 * 1024 * 1024;
    private const int MaxNamed = 10;

    /// <exception cref="PilothouseException">LockStale, with what does not fit and the command that mends it.</exception>
    public static async Task RequireFreshAsync(string directory, CancellationToken ct)
    {
        var (yaml, file) = (new FileInfo(Path.Combine(directory, "pilothouse.yaml")), new FileInfo(Path.Combine(directory, LockFile.FileName)));
        if (!yaml.Exists || !file.Exists) return;
        if (yaml.Length > MaxFile || file.Length > MaxFile) throw Stale(directory, [$"a file with more than {MaxFile} bytes"]);
        var (lockFile, faults) = LockFileReader.Parse(await File.ReadAllTextAsync(file.FullName, ct));
        if (lockFile is null) throw Stale(directory, [.. faults.Select(f => $"{LockFile.FileName}:{f}")]);
        if (ProjectFileReader.Parse(await File.ReadAllTextAsync(yaml.FullName, ct)).File is not { } project) return; // the job's own check says so better
        var tree = new Dictionary<string, TreeContent>(StringComparer.Ordinal);
        foreach (var path in LockNeeds.Paths(project).Where(p => File.Exists(Path.Combine(directory, p)))) tree[path] = await ContentAsync(Path.Combine(directory, path), ct);
        var stale = LockNeeds.Check(project, lockFile, tree);
        if (stale.Count > 0) throw Stale(directory, [.. stale.Select(s => s.ToString())]);
    }

    private static async Task<TreeContent> ContentAsync(string file, CancellationToken ct)
    {
        await using var content = File.OpenRead(file);
        if (content.Length <= LfsPointer.MaxBytes)
        {
            var bytes = new byte[content.Length];
            await content.ReadExactlyAsync(bytes, ct);
            return LfsPointer.TryParse(bytes) is { } pointer ? new TreeContent(Digest.Parse("sha256:" + pointer.Oid), pointer.Size) : new TreeContent(Digest.Of(bytes), bytes.Length);
        }
        return new TreeContent(await Digest.OfAsync(content, ct), content.Length);
    }

    private static PilothouseException Stale(string directory, IReadOnlyList<string> reasons) => new(ErrorCode.LockStale,
        $"{LockFile.FileName} in {directory} is stale: {string.Join("; ", reasons.Take(MaxNamed))}. Run 'pilothouse lock' there, then start the job again.");
}
