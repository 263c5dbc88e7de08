using System.Collections.Concurrent;
using Pilothouse.Client;
using Pilothouse.Commands;
using Pilothouse.Protocols.Locks;

namespace Pilothouse.Workspace;

/// <param name="Force">Overwrite and remove files that were changed here.</param>
/// <param name="Parallel">Downloads at a time.</param>
internal sealed record SyncOptions(LinkMode Mode, bool Force, int Parallel);

/// <summary>What a sync did.</summary>
/// <param name="Kept">Changed here, and not in the lock: left as they are.</param>
/// <param name="Ways">How files came into place.</param>
internal sealed record SyncReport(int Placed, int Removed, long Fetched, int Unchanged, IReadOnlyList<string> Kept, IReadOnlyDictionary<string, int> Ways);

/// <summary>Makes the tree what the lock says. First everything is looked at and fetched; only when all of it is there and nothing would be lost is the first file put into place.</summary>
internal sealed class Syncer(WorkTree tree, ContentCache cache, PilothouseClient client, TimeProvider time)
{
    /// <summary>Names in a message; the rest is counted.</summary>
    private const int MaxNamed = 20;

    /// <exception cref="UsageException">Files here were changed and would be overwritten; nothing was done.</exception>
    public async Task<SyncReport> RunAsync(LockFile file, SyncOptions options, Action<string> tell, CancellationToken ct)
    {
        tree.EnsureState();
        var plan = await TreePlan.ExpandAsync(file, cache, client, toWrite: true, ct);
        if (plan.Unknown.Count > 0) throw new UsageException($"The server {client.Server} has no list of the files of {string.Join(", ", plan.Unknown.Select(u => u.Name))} ({plan.Unknown[0].Digest}). Whoever wrote the lock must add it again: pilothouse add {plan.Unknown[0].Name}");
        var index = StatIndex.Load(tree.IndexPath);
        var scan = new TreeScan(tree, index);
        var (place, kept, conflicts) = await SortAsync(scan, index, plan, options, ct);
        var remove = await RemovableAsync(scan, index, plan, options, kept, ct);
        if (conflicts.Count > 0)
        {
            if (index.IsChanged) index.Save(tree.IndexPath, time.GetUtcNow());
            throw new UsageException($"{conflicts.Count} file(s) were changed here and would be lost; nothing was done:\n" + Names(conflicts.Select(c => $"{c.Path} ({c.Detail})")) + "\nKeep your version with 'pilothouse add PATH', or overwrite it with 'pilothouse sync --force'.");
        }
        foreach (var path in place) tree.RequireNoLinkAbove(path);
        var fetched = await FetchAsync(plan, place, options, tell, ct);
        var ways = await PlaceAsync(plan, place, options, ct);
        foreach (var path in remove) Remove(path, index);
        foreach (var path in place)
            if (FileStat.Of(tree.Full(path)) is { Kind: FileKind.File } stat) index.Place(path, stat, plan.Files[path].Content);
        // What is right already counts as placed, too: when the lock moves on, it may be replaced.
        foreach (var (path, planned) in plan.Files)
            if (index.Entries.TryGetValue(path, out var known) && known.Content == planned.Content && known.Placed != planned.Content) index.Place(path, known.Stat, planned.Content);
        if (index.IsChanged) index.Save(tree.IndexPath, time.GetUtcNow());
        return new SyncReport(place.Count, remove.Count, fetched, plan.Files.Count - place.Count - kept.Count, kept, ways);
    }

    private static async Task<(List<string> Place, List<string> Kept, List<TreeDifference> Conflicts)> SortAsync(TreeScan scan, StatIndex index, TreePlan plan, SyncOptions options, CancellationToken ct)
    {
        var (place, kept, conflicts) = (new List<string>(), new List<string>(), new List<TreeDifference>());
        foreach (var difference in (await scan.CompareAsync(plan, ct)).Where(d => d.State != TreeState.Untracked))
        {
            var placed = index.PlacedAt(difference.Path);
            var content = difference.Content;
            // A file whose size tells that it is another was not read yet; whether it is ours to replace, its content says.
            if (difference.State == TreeState.Changed && content == default && placed != default) content = (await scan.ContentAsync(difference.Path, ct))?.Content ?? default;
            if (difference.State == TreeState.Missing || options.Force || content != default && content == placed) place.Add(difference.Path);
            else if (placed == plan.Files[difference.Path].Content) kept.Add(difference.Path);
            else conflicts.Add(difference);
        }
        return (place, kept, conflicts);
    }

    /// <summary>Files that an earlier sync put there, which the lock no longer has.</summary>
    private static async Task<List<string>> RemovableAsync(TreeScan scan, StatIndex index, TreePlan plan, SyncOptions options, List<string> kept, CancellationToken ct)
    {
        var remove = new List<string>();
        foreach (var (path, entry) in index.Entries.Where(e => e.Value.Placed != default && !plan.Files.ContainsKey(e.Key)).ToList())
        {
            if (!LockRules.IsTreePath(path)) continue; // the index is a file like any other
            var now = await scan.ContentAsync(path, ct);
            if (now is null) index.Forget(path);
            else if (now.Value.Content == entry.Placed || options.Force) remove.Add(path);
            else kept.Add($"{path} (no longer in the lock, but changed here)");
        }
        return remove;
    }

    private async Task<long> FetchAsync(TreePlan plan, List<string> place, SyncOptions options, Action<string> tell, CancellationToken ct)
    {
        var wanted = place.Select(p => plan.Files[p]).Distinct().ToList();
        var (fetched, done, last) = (0L, 0, 0);
        var missing = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(wanted, new ParallelOptions { MaxDegreeOfParallelism = options.Parallel, CancellationToken = ct }, async (file, stop) =>
        {
            var digest = file.Content.ToDigest();
            try
            {
                await cache.FetchAsync(client, digest, bytes => Interlocked.Add(ref fetched, bytes), stop);
            }
            catch (PilothouseApiException e) when (e.Status == 404)
            {
                missing.Add(place.First(p => plan.Files[p].Content == file.Content) + " " + digest);
            }
            var count = Interlocked.Increment(ref done);
            var tenth = count * 10 / wanted.Count;
            if (wanted.Count >= 100 && tenth > Volatile.Read(ref last))
            {
                Volatile.Write(ref last, tenth);
                tell($"{count} of {wanted.Count} files, {LockDiff.Bytes(Interlocked.Read(ref fetched))} fetched");
            }
        });
        if (!missing.IsEmpty) throw new UsageException($"The server {client.Server} does not have {missing.Count} file(s) of the lock; nothing was changed:\n{Names(missing.Order(StringComparer.Ordinal))}\nWhoever wrote the lock must upload them: pilothouse add PATH");
        return fetched;
    }

    private async Task<Dictionary<string, int>> PlaceAsync(TreePlan plan, List<string> place, SyncOptions options, CancellationToken ct)
    {
        var ways = new Dictionary<string, int>();
        var number = 0;
        foreach (var path in place)
        {
            ct.ThrowIfCancellationRequested();
            var source = await cache.FindAsync(plan.Files[path].Content.ToDigest(), ct) ?? throw new IOException($"The cache lost the content of {path}. Try again.");
            var target = tree.Full(path);
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            if (FileStat.Of(target).Kind is FileKind.Link) File.Delete(target); // the link itself, which --force has given up
            if (Directory.Exists(target)) throw new UsageException($"{path} is a directory here and a file in the lock. Move it away.");
            var way = Linking.Place(source, Path.Combine(tree.TemporaryPath, $"{Environment.ProcessId}-{number++}"), target, options.Mode).ToString().ToLowerInvariant();
            ways[way] = ways.GetValueOrDefault(way) + 1;
        }
        return ways;
    }

    private void Remove(string path, StatIndex index)
    {
        tree.RequireNoLinkAbove(path);
        File.Delete(tree.Full(path));
        index.Forget(path);
        for (var cut = path.LastIndexOf('/'); cut > 0; cut = path.LastIndexOf('/', cut - 1))
        {
            var folder = tree.Full(path[..cut]);
            if (!Directory.Exists(folder) || Directory.EnumerateFileSystemEntries(folder).Any()) break;
            Directory.Delete(folder);
        }
    }

    private static string Names(IEnumerable<string> names)
    {
        var all = names.ToList();
        return string.Join('\n', all.Take(MaxNamed).Select(n => "  " + n)) + (all.Count > MaxNamed ? $"\n  and {all.Count - MaxNamed} more" : "");
    }
}
