using System.Text;
using Pilothouse.Client;
using Pilothouse.Client.Uploads;
using Pilothouse.Commands;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Locks;

namespace Pilothouse.Workspace;

/// <summary>What was added.</summary>
/// <param name="Read">Files that had to be read; the others had not changed.</param>
/// <param name="Sent">Files that the server did not have.</param>
internal sealed record Added(LockEntry Entry, bool IsChanged, int Read, int Sent, long SentBytes);

/// <summary>Puts files and folders on the server and into the lock instead of into Git.</summary>
/// <param name="project">Whose quota they count for; null = none.</param>
internal sealed class Adder(WorkTree tree, ContentCache cache, PilothouseClient client, TimeProvider time, string? project)
{
    /// <param name="path">Relative to the project.</param>
    public async Task<(LockFile Lock, Added Added)> AddAsync(LockFile file, string path, Action<string> tell, CancellationToken ct)
    {
        tree.EnsureState();
        tree.RequireNoLinkAbove(path);
        if (await GitTree.IsTrackedAsync(tree.Root, path, ct)) throw new UsageException($"{path} is in Git already. Take it out first, the files stay: git rm -r --cached {path}");
        var index = StatIndex.Load(tree.IndexPath);
        var scan = new TreeScan(tree, index);
        var stat = FileStat.Of(tree.Full(path));
        var files = stat.Kind switch
        {
            FileKind.File => [(path, stat)],
            FileKind.Directory => scan.Walk(path),
            FileKind.Missing => throw new UsageException($"{path} does not exist."),
            _ => throw new UsageException($"{path} is neither a file nor a folder; a symbolic link cannot be tracked, since its target could change unseen."),
        };
        Check(path, files);
        var contents = await ContentsAsync(scan, index, files, ct);
        var isFolder = stat.Kind == FileKind.Directory;
        var list = isFolder ? ContentManifest.Create(contents.Select(c => new ContentFile(c.Path[(path.Length + 1)..], c.Stat.Size, c.Content.ToDigest()))) : null;
        var entry = list is null ? new LockEntry(LockKind.File, path) { Digest = contents[0].Content.ToDigest(), Size = contents[0].Stat.Size }
            : new LockEntry(LockKind.Folder, path) { Digest = list.Digest, Size = list.TotalSize, FileCount = list.Files.Count };
        var before = file.Find(entry.Kind, path);
        var (sent, bytes) = await SendAsync(contents, tell, ct);
        if (list is not null) await SendListAsync(list, ct);
        foreach (var (one, at, content) in contents)
        {
            cache.Share(tree.Full(one), content.ToDigest());
            index.Place(one, at, content);
        }
        if (index.IsChanged) index.Save(tree.IndexPath, time.GetUtcNow());
        // A folder that became a file, or the other way round.
        if (file.Find(isFolder ? LockKind.File : LockKind.Folder, path) is { } other) file = file.Without(other);
        return (file.With(entry), new Added(entry, !entry.Says(before), scan.Read, sent, bytes));
    }

    private static void Check(string path, List<(string Path, FileStat Stat)> files)
    {
        if (files.Count == 0) throw new UsageException($"{path} holds no file.");
        if (files.Count > ContentManifest.MaxFiles) throw new UsageException($"{path} holds {files.Count} files; one folder may have {ContentManifest.MaxFiles:N0}. Add its folders one by one.");
        if (files.FirstOrDefault(f => f.Stat.Kind == FileKind.Link).Path is { } link) throw new UsageException($"{link} is a symbolic link, whose target could change unseen. Put the file itself there.");
        if (files.FirstOrDefault(f => f.Stat.Kind != FileKind.File).Path is { } other) throw new UsageException($"{other} is no regular file.");
        if (files.FirstOrDefault(f => !LockRules.IsTreePath(f.Path)).Path is { } bad) throw new UsageException($"'{bad}' is a name that not every system can have on its disk (.git, a colon, a space or dot at the end, control characters). Rename it.");
        if (LockRules.Collision(files.Select(f => f.Path)) is { } collision) throw new UsageException($"{collision}. Rename one of them.");
    }

    private static async Task<List<(string Path, FileStat Stat, Hash32 Content)>> ContentsAsync(TreeScan scan, StatIndex index, List<(string Path, FileStat Stat)> files, CancellationToken ct)
    {
        var contents = new List<(string, FileStat, Hash32)>(files.Count);
        var unread = new List<(string, FileStat, PlannedFile)>();
        foreach (var (path, stat) in files)
        {
            if (index.Known(path, stat) is { } known) contents.Add((path, stat, known));
            else unread.Add((path, stat, default));
        }
        foreach (var (path, stat, _, content) in await scan.HashAsync(unread, ct)) contents.Add((path, stat, content));
        return contents;
    }

    private async Task<(int Sent, long Bytes)> SendAsync(List<(string Path, FileStat Stat, Hash32 Content)> files, Action<string> tell, CancellationToken ct)
    {
        var byDigest = files.DistinctBy(f => f.Content).ToDictionary(f => f.Content.ToDigest().ToString());
        var send = (await client.MissingBlobsAsync(byDigest.Keys, ct)).Select(d => byDigest[d]).OrderBy(f => f.Path, StringComparer.Ordinal).ToList();
        if (send.Count == 0) return (0, 0);
        tell($"{send.Count} file(s) to send, {LockDiff.Bytes(send.Sum(f => f.Stat.Size))}");
        var uploaded = await client.UploadFilesAsync([.. send.Select(f => tree.Full(f.Path))], new UploadOptions { Project = project }, ct);
        for (var i = 0; i < send.Count; i++)
            if (uploaded[i].Digest != send[i].Content.ToDigest().ToString()) throw new IOException($"{send[i].Path} was changed while it was being added. Add it again when it is finished.");
        return (send.Count, send.Sum(f => f.Stat.Size));
    }

    private async Task SendListAsync(ContentManifest list, CancellationToken ct)
    {
        var content = Encoding.UTF8.GetBytes(list.Text);
        await cache.PutAsync(list.Digest, content, ct);
        await client.UploadFileAsync(cache.PathOf(list.Digest), list.Digest.ToString(), ct);
    }
}
