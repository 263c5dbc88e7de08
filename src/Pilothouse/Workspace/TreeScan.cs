using System.Collections.Concurrent;
using System.IO.Enumeration;
using System.Security.Cryptography;
using Pilothouse.Protocols.Locks;

namespace Pilothouse.Workspace;

internal enum TreeState
{
    Missing,
    Changed,
    Untracked,
}

/// <summary>A file of the tree that is not as the lock wants it.</summary>
/// <param name="Detail">How, e.g. <c>size 10 became 12</c>.</param>
/// <param name="Content">What it holds; default when it was not read.</param>
internal sealed record TreeDifference(TreeState State, string Path, string Detail, Hash32 Content);

/// <summary>Compares a tree with a plan, reading only what may have changed.</summary>
internal sealed class TreeScan(WorkTree tree, StatIndex index)
{
    /// <summary>Levels of directories; deeper is not walked.</summary>
    private const int MaxDepth = 64;

    private static readonly EnumerationOptions Here = new() { AttributesToSkip = 0, IgnoreInaccessible = false };

    /// <summary>Files that had to be read.</summary>
    public int Read { get; private set; }

    public async Task<IReadOnlyList<TreeDifference>> CompareAsync(TreePlan plan, CancellationToken ct)
    {
        var differences = new List<TreeDifference>();
        var doubtful = new List<(string Path, FileStat Stat, PlannedFile Planned)>();
        var seen = new HashSet<string>(plan.Files.Count, StringComparer.Ordinal);
        foreach (var folder in plan.Folders)
        {
            var unknown = plan.Unknown.Any(u => u.Name == folder);
            foreach (var (path, stat) in Walk(folder))
            {
                if (plan.Files.TryGetValue(path, out var planned))
                {
                    seen.Add(path);
                    Compare(path, stat, planned, differences, doubtful);
                }
                else if (!unknown) differences.Add(new TreeDifference(TreeState.Untracked, path, stat.Kind == FileKind.Link ? "a symbolic link" : LockDiff.Bytes(stat.Size), default));
            }
        }
        foreach (var (path, planned) in plan.Files)
        {
            if (seen.Count == plan.Files.Count) break; // the usual case
            if (seen.Contains(path)) continue;
            var stat = FileStat.Of(tree.Full(path));
            if (stat.Kind == FileKind.Missing) differences.Add(new TreeDifference(TreeState.Missing, path, LockDiff.Bytes(planned.Size), default));
            else Compare(path, stat, planned, differences, doubtful);
        }
        foreach (var (path, stat, planned, content) in await HashAsync(doubtful, ct))
        {
            index.Learn(path, stat, content);
            if (content != planned.Content) differences.Add(new TreeDifference(TreeState.Changed, path, "same size, other content", content));
        }
        differences.Sort((a, b) => string.CompareOrdinal(a.Path, b.Path));
        return differences;
    }

    /// <summary>Content of a file, read only when it may have changed; null when there is no file.</summary>
    public async Task<(Hash32 Content, FileStat Stat)?> ContentAsync(string path, CancellationToken ct)
    {
        var stat = FileStat.Of(tree.Full(path));
        if (stat.Kind != FileKind.File) return null;
        if (index.Known(path, stat) is { } known) return (known, stat);
        var content = await HashAsync(tree.Full(path), ct);
        Read++;
        index.Learn(path, stat, content);
        return (content, stat);
    }

    /// <summary>Every file below a directory of the tree, symbolic links as such: they are not followed. Directories of one level are read side by side.</summary>
    public List<(string Path, FileStat Stat)> Walk(string folder)
    {
        var found = new List<(string, FileStat)>();
        List<string> level = FileStat.Of(tree.Full(folder)).Kind == FileKind.Directory ? [folder] : [];
        for (var depth = 0; level.Count > 0; depth++)
        {
            var read = new List<(string Path, FileStat Stat)>[level.Count];
            var current = level;
            Parallel.For(0, current.Count, i => read[i] = List(current[i]));
            level = [];
            foreach (var entry in read.SelectMany(r => r))
            {
                if (entry.Stat.Kind == FileKind.Directory && depth < MaxDepth) level.Add(entry.Path);
                else if (entry.Stat.Kind != FileKind.Missing) found.Add(entry);
            }
        }
        return found;
    }

    private List<(string Path, FileStat Stat)> List(string folder)
    {
        var entries = new List<(string, FileStat)>();
        var (path, root) = (folder + "/", tree.Root + Path.DirectorySeparatorChar);
        foreach (var entry in new FileSystemEnumerable<string>(tree.Full(folder), (ref FileSystemEntry e) => string.Concat(path, e.FileName), Here)) entries.Add((entry, FileStat.Of(string.Concat(root, entry))));
        return entries;
    }

    /// <summary>Reads files side by side.</summary>
    public async Task<IReadOnlyList<(string Path, FileStat Stat, PlannedFile Planned, Hash32 Content)>> HashAsync(IReadOnlyList<(string Path, FileStat Stat, PlannedFile Planned)> files, CancellationToken ct)
    {
        Read += files.Count;
        var done = new ConcurrentBag<(string, FileStat, PlannedFile, Hash32)>();
        await Parallel.ForEachAsync(files, new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = ct },
            async (file, stop) => done.Add((file.Path, file.Stat, file.Planned, await HashAsync(tree.Full(file.Path), stop))));
        return [.. done];
    }

    private void Compare(string path, in FileStat stat, PlannedFile planned, List<TreeDifference> differences, List<(string, FileStat, PlannedFile)> doubtful)
    {
        if (stat.Kind != FileKind.File) differences.Add(new TreeDifference(TreeState.Changed, path, stat.Kind switch { FileKind.Link => "a symbolic link", FileKind.Directory => "a directory", _ => "no regular file" }, default));
        else if (index.Known(path, stat) is { } known)
        {
            if (known != planned.Content) differences.Add(new TreeDifference(TreeState.Changed, path, Sizes(stat, planned), known));
        }
        else if (stat.Size != planned.Size) differences.Add(new TreeDifference(TreeState.Changed, path, Sizes(stat, planned), default));
        else doubtful.Add((path, stat, planned));
    }

    private static string Sizes(in FileStat stat, PlannedFile planned) => stat.Size == planned.Size ? "same size, other content" : $"{planned.Size} bytes in the lock, {stat.Size} here";

    private static async Task<Hash32> HashAsync(string file, CancellationToken ct)
    {
        await using var content = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1 << 17, useAsync: false);
        return Hash32.Read(await SHA256.HashDataAsync(content, ct));
    }
}
