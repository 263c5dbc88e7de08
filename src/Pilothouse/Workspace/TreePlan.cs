using System.Text;
using Pilothouse.Client;
using Pilothouse.Commands;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Locks;

namespace Pilothouse.Workspace;

/// <summary>A file that the lock puts into the tree.</summary>
internal readonly record struct PlannedFile(Hash32 Content, long Size);

/// <summary>The tree as the lock wants it: every file below tracked files, folders and checkouts.</summary>
/// <param name="Files">By path.</param>
/// <param name="Folders">Folders that are the lock's alone: what else lies in them is untracked.</param>
/// <param name="Unknown">Folders whose list of files is neither here nor, it seems, on the server.</param>
internal sealed record TreePlan(IReadOnlyDictionary<string, PlannedFile> Files, IReadOnlyList<string> Folders, IReadOnlyList<LockEntry> Unknown)
{
    /// <param name="client">Asked for lists of files that are not in the cache; null = nobody is asked.</param>
    /// <exception cref="ProtocolFormatException">A list is not one, or paths collide.</exception>
    public static async Task<TreePlan> ExpandAsync(LockFile file, ContentCache cache, PilothouseClient? client, CancellationToken ct)
    {
        var files = new Dictionary<string, PlannedFile>(StringComparer.Ordinal);
        var folders = new List<string>();
        var unknown = new List<LockEntry>();
        foreach (var entry in file.Entries)
        {
            if (entry.Kind == LockKind.File) files[entry.Name] = Planned(entry.Digest, entry.Size);
            else if (entry is { Kind: LockKind.Data, Checkout: { } data }) files[data] = Planned(entry.Digest, entry.Size);
            else if (entry is { Kind: LockKind.Model, Checkout: { } model })
            {
                folders.Add(model);
                foreach (var one in entry.Files) files[$"{model}/{one.Path}"] = Planned(one.Digest, one.Size);
            }
            else if (entry.Kind == LockKind.Folder)
            {
                folders.Add(entry.Name);
                if (await ListAsync(entry, cache, client, ct) is not { } list) unknown.Add(entry);
                else foreach (var one in list.Files) files[$"{entry.Name}/{one.Path}"] = Planned(one.Digest, one.Size);
            }
        }
        if (LockRules.Collision(files.Keys) is { } collision) throw new ProtocolFormatException($"The lock cannot be put on a disk: {collision}.");
        return new TreePlan(files, folders, unknown);
    }

    /// <summary>The files of a tracked folder; null when the list is not to be had.</summary>
    public static async Task<ContentManifest?> ListAsync(LockEntry folder, ContentCache cache, PilothouseClient? client, CancellationToken ct)
    {
        var content = await cache.ReadAsync(folder.Digest, ct);
        if (content is null)
        {
            if (client is null) return null;
            try
            {
                await cache.FetchAsync(client, folder.Digest, _ => { }, ct);
            }
            catch (PilothouseApiException e) when (e.Status is 404)
            {
                return null;
            }
            content = await cache.ReadAsync(folder.Digest, ct) ?? throw new IOException("The cache lost what was just put there.");
        }
        var list = ContentManifest.Parse(Encoding.UTF8.GetString(content));
        if (list.Files.FirstOrDefault(f => !LockRules.IsTreePath($"{folder.Name}/{f.Path}")) is { } bad) throw new ProtocolFormatException($"The list of {folder.Name} names '{bad.Path}', which is not a path inside of it.");
        return list.Files.Count == folder.FileCount && list.TotalSize == folder.Size ? list
            : throw new UsageException($"{LockFile.FileName} says that {folder.Name} has {folder.FileCount} files with {folder.Size} bytes; its list says {list.Files.Count} and {list.TotalSize}. Run: pilothouse add {folder.Name}");
    }

    private static PlannedFile Planned(Digest digest, long size) => new(Hash32.Of(digest), size);
}
