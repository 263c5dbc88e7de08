using System.Collections.Concurrent;
using Pilothouse.Client;
using Pilothouse.Commands;
using Pilothouse.Protocols.Locks;
using Pilothouse.Protocols.V1;

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
        var above = new HashSet<string>(StringComparer.Ordinal);
        foreach (var path in place)
            if (above.Add(path[..Math.Max(0, path.LastIndexOf('/'))])) tree.RequireNoLinkAbove(path);
        var fetched = await FetchAsync(plan, place, options, tell, ct);
        var ways = await PlaceAsync(plan, place, options, ct);
        foreach (var path in remove) Remove(path, index);
        var stats = new FileStat[place.Count];
        Parallel.For(0, place.Count, i => stats[i] = FileStat.Of(tree.Full(place[i])));
        for (var i = 0; i < place.Count; i++)
            if (stats[i].Kind == FileKind.File) index.Place(place[i], stats[i], plan.Files[place[i]].Content);
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
        var progress = new FetchProgress(tell);
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = options.Parallel, CancellationToken = ct };
        var absent = new ConcurrentBag<PlannedFile>();
        await Parallel.ForEachAsync(place.Select(p => plan.Files[p]).Distinct(), parallel, async (file, stop) =>
        {
            if (await cache.FindAsync(file.Content.ToDigest(), stop) is null) absent.Add(file);
        });
        progress.Wanted = absent.Count;
        var single = new ConcurrentBag<PlannedFile>(absent.Where(f => f.Size > BlobPack.MaxBlob));
        await Parallel.ForEachAsync(Packs(absent.Where(f => f.Size <= BlobPack.MaxBlob)), parallel, async (pack, stop) =>
        {
            var came = await cache.FetchPackAsync(client, [.. pack.Select(f => f.Content.ToDigest())], progress.Fetched, stop);
            progress.Done(came.Count);
            foreach (var file in pack.Where(f => !came.Contains(f.Content.ToDigest()))) single.Add(file);
        });
        var missing = new ConcurrentBag<string>();
        await Parallel.ForEachAsync(single, parallel, async (file, stop) =>
        {
            try
            {
                await cache.FetchAsync(client, file.Content.ToDigest(), progress.Fetched, stop);
            }
            catch (PilothouseApiException e) when (e.Status == 404)
            {
                missing.Add(place.First(p => plan.Files[p].Content == file.Content) + " " + file.Content.ToDigest());
            }
            progress.Done(1);
        });
        if (!missing.IsEmpty) throw new UsageException($"The server {client.Server} does not have {missing.Count} file(s) of the lock; nothing was changed:\n{Names(missing.Order(StringComparer.Ordinal))}\nWhoever wrote the lock must upload them: pilothouse add PATH");
        return progress.Bytes;
    }

    /// <summary>Small files travel together.</summary>
    private static IEnumerable<List<PlannedFile>> Packs(IEnumerable<PlannedFile> files)
    {
        var (pack, size) = (new List<PlannedFile>(), 0L);
        foreach (var file in files)
        {
            if (pack.Count == BlobPack.MaxBlobs || pack.Count > 0 && size + file.Size > BlobPack.PreferredSize)
            {
                yield return pack;
                (pack, size) = ([], 0);
            }
            pack.Add(file);
            size += file.Size;
        }
        if (pack.Count > 0) yield return pack;
    }

    private async Task<Dictionary<string, int>> PlaceAsync(TreePlan plan, List<string> place, SyncOptions options, CancellationToken ct)
    {
        var ways = new ConcurrentDictionary<string, int>(StringComparer.Ordinal);
        var (number, canClone) = (0, true);
        // Before the first file: of two that come at once into a new folder the second must not be faster than the folder.
        foreach (var folder in place.Select(p => Path.GetDirectoryName(tree.Full(p))!).Distinct(StringComparer.Ordinal)) Directory.CreateDirectory(folder);
        await Parallel.ForEachAsync(place, new ParallelOptions { MaxDegreeOfParallelism = options.Parallel, CancellationToken = ct }, async (path, stop) =>
        {
            var source = await cache.FindAsync(plan.Files[path].Content.ToDigest(), stop) ?? throw new IOException($"The cache lost the content of {path}. Try again.");
            var target = tree.Full(path);
            var there = FileStat.Of(target).Kind;
            if (there is FileKind.Link) File.Delete(target); // the link itself, which --force has given up
            if (there is FileKind.Directory) throw new UsageException($"{path} is a directory here and a file in the lock. Move it away.");
            var way = Linking.Place(source, Path.Combine(tree.TemporaryPath, $"{Environment.ProcessId}-{Interlocked.Increment(ref number)}"), target, options.Mode, ref canClone).ToString().ToLowerInvariant();
            ways.AddOrUpdate(way, 1, (_, count) => count + 1);
        });
        return new Dictionary<string, int>(ways);
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

    /// <summary>Tells every tenth of many files.</summary>
    private sealed class FetchProgress(Action<string> tell)
    {
        private const int Many = 100;

        private readonly Lock _lock = new();
        private long _bytes;
        private int _done;
        private int _told;

        public int Wanted { get; set; }

        public long Bytes => Interlocked.Read(ref _bytes);

        public void Fetched(long bytes) => Interlocked.Add(ref _bytes, bytes);

        public void Done(int count)
        {
            lock (_lock)
            {
                _done += count;
                var tenth = Wanted < Many ? 0 : (int)(_done * 10L / Wanted);
                if (tenth <= _told) return;
                _told = tenth;
                tell($"{_done} of {Wanted} files, {LockDiff.Bytes(Bytes)} fetched");
            }
        }
    }
}
