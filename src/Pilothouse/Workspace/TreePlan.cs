using System.Buffers;
using System.Globalization;
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
    /// <param name="toWrite">Also makes sure that all of it can be on one disk, which only who writes needs to know.</param>
    /// <exception cref="ProtocolFormatException">A list is not one, or paths collide.</exception>
    public static async Task<TreePlan> ExpandAsync(LockFile file, ContentCache cache, PilothouseClient? client, bool toWrite, CancellationToken ct)
    {
        var files = new Dictionary<string, PlannedFile>(StringComparer.Ordinal);
        var folders = new List<string>();
        var unknown = new List<LockEntry>();
        foreach (var entry in file.Entries)
        {
            if (entry.Kind == LockKind.File) files[entry.Name] = Planned(entry.Digest, entry.Size);
            else if (entry is { Checkout: { } checkout, Files.Count: > 0 })
            {
                folders.Add(checkout);
                foreach (var one in entry.Files) files[$"{checkout}/{one.Path}"] = Planned(one.Digest, one.Size);
            }
            else if (entry is { Kind: LockKind.Data, Checkout: { } data }) files[data] = Planned(entry.Digest, entry.Size);
            else if (entry.Kind == LockKind.Folder)
            {
                folders.Add(entry.Name);
                if (await ListAsync(entry, cache, client, ct) is not { } list) unknown.Add(entry);
                else
                {
                    files.EnsureCapacity(files.Count + list.Count);
                    foreach (var (path, one) in list) files[path] = one;
                }
            }
        }
        if (toWrite && LockRules.Collision(files.Keys) is { } collision) throw new ProtocolFormatException($"The lock cannot be put on a disk: {collision}.");
        return new TreePlan(files, folders, unknown);
    }

    /// <summary>The files of a tracked folder, by their path in the tree; null when the list is not to be had.</summary>
    public static async Task<IReadOnlyList<(string Path, PlannedFile File)>?> ListAsync(LockEntry folder, ContentCache cache, PilothouseClient? client, CancellationToken ct)
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
        var list = Parse(folder, content);
        return list.Count == folder.FileCount && list.Sum(f => f.File.Size) == folder.Size ? list
            : throw new UsageException($"{LockFile.FileName} says that {folder.Name} has {folder.FileCount} files with {folder.Size} bytes; its list says {list.Count} and {list.Sum(f => f.File.Size)}. Run: pilothouse add {folder.Name}");
    }

    /// <summary>
    /// Lines <c>sha256:HEX  SIZE  PATH</c> as <see cref="ContentManifest"/> writes them. Not by that class: the bytes are what their digest says already, and a status over 100,000 files has a
    /// second for everything.
    /// </summary>
    private static List<(string Path, PlannedFile File)> Parse(LockEntry folder, byte[] content)
    {
        var text = Encoding.UTF8.GetString(content);
        var list = new List<(string, PlannedFile)>((int)Math.Min(folder.FileCount, ContentManifest.MaxFiles));
        Span<byte> hash = stackalloc byte[32];
        var (previous, prefix) = ("", folder.Name + "/");
        foreach (var range in text.AsSpan().Split('\n'))
        {
            var line = text.AsSpan(range);
            if (line.Length == 0 && range.End.Value == text.Length) break;
            var gap = line.Length > Digest.TextLength + 2 ? line[(Digest.TextLength + 2)..].IndexOf("  ", StringComparison.Ordinal) : -1;
            if (gap <= 0 || !line.StartsWith("sha256:", StringComparison.Ordinal) || Convert.FromHexString(line[7..Digest.TextLength], hash, out _, out _) != OperationStatus.Done
                || !long.TryParse(line.Slice(Digest.TextLength + 2, gap), NumberStyles.None, CultureInfo.InvariantCulture, out var size))
                throw new ProtocolFormatException($"The list of {folder.Name} ({folder.Digest}) is none: line {list.Count + 1} is not 'sha256:HEX  SIZE  PATH'.");
            var path = string.Concat(prefix, line[(Digest.TextLength + 2 + gap + 2)..]);
            if (!LockRules.IsTreePath(path)) throw new ProtocolFormatException($"The list of {folder.Name} names '{path[prefix.Length..]}', which is not a path inside of it.");
            if (string.CompareOrdinal(previous, path) >= 0) throw new ProtocolFormatException($"The list of {folder.Name} is not in order at '{path}'.");
            list.Add((path, new PlannedFile(Hash32.Read(hash), size)));
            previous = path;
        }
        return list;
    }

    private static PlannedFile Planned(Digest digest, long size) => new(Hash32.Of(digest), size);
}
