using System.Text;
using Pilothouse.Protocols;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.Locks;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Repositories.Push;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Locks;

/// <summary>A commit does not come in without the data that its lock pins; what came in is claimed for the project, so that it is never collected.</summary>
internal sealed class PushLocks(IBlobStore blobs, IBlobQuota quota, LockStore store)
{
    private const int MaxLockBytes = 64 * 1024 * 1024;

    /// <summary>Locks of one push that are looked at: each new commit may bring one.</summary>
    private const int MaxLocks = 10_000;

    private const int MaxListed = 10;

    /// <param name="files">Files that the commits of a push bring.</param>
    public async Task CheckAsync(string project, string actor, IReadOnlyList<PushedFile> files, ObjectReader reader, bool requireData, PushFindings findings, CancellationToken ct)
    {
        var locks = files.Where(f => f.IsFile && (f.Path == LockFile.FileName || f.Path.EndsWith("/" + LockFile.FileName, StringComparison.Ordinal))).DistinctBy(f => f.Id).Take(MaxLocks).ToList();
        if (locks.Count == 0) return;
        var info = await reader.InfoAsync([.. locks.Select(f => f.Id)], ct);
        var readable = locks.Where((_, i) => info[i] is { Size: <= MaxLockBytes }).ToList();
        foreach (var file in readable)
        {
            // One that cannot be read is refused by what needs it; history that was pushed elsewhere must be able to come in.
            if ((await reader.ContentsAsync([file.Id], ct))[0] is not { } content || LockFileReader.Parse(Encoding.UTF8.GetString(content)).File is not { } read) continue;
            await CheckAsync(project, actor, file.Path, read, requireData, findings, ct);
        }
    }

    private async Task CheckAsync(string project, string actor, string path, LockFile file, bool requireData, PushFindings findings, CancellationToken ct)
    {
        var (held, missing) = (new List<BlobInfo>(), new List<string>());
        foreach (var (digest, what) in await WantedAsync(file, ct))
        {
            if (await blobs.FindAsync(digest, ct) is { } blob) held.Add(blob);
            else missing.Add($"{what}  {digest}");
        }
        if (missing.Count > 0 && requireData)
        {
            findings.Add($"the server does not have {missing.Count} of the contents that {path} pins:");
            foreach (var one in missing.Take(MaxListed)) findings.Add("  " + one);
            if (missing.Count > MaxListed) findings.Add($"  ... and {missing.Count - MaxListed} more");
            findings.Add("Send them with: pilothouse add PATH (models and data sets: pilothouse model register, pilothouse dataset register)");
            return;
        }
        try
        {
            await quota.RequireRoomAsync(project, [.. held.Select(b => (b.Digest, b.Size))], ct);
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.StorageFull)
        {
            findings.Add(e.Message);
            return;
        }
        await store.ClaimAsync(project, [.. held.Select(b => b.Digest)], actor, ct);
    }

    /// <summary>Contents that lie on the server: tracked files, registered models and data sets. What Git itself holds is not among them.</summary>
    private async Task<IReadOnlyList<(string Digest, string What)>> WantedAsync(LockFile file, CancellationToken ct)
    {
        var wanted = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var entry in file.Entries)
        {
            if (entry.Kind is LockKind.File or LockKind.Folder || entry is { Kind: LockKind.Data, Reference: not null, Files.Count: 0 }) wanted.TryAdd(entry.Digest.ToString(), entry.Name);
            foreach (var one in entry.Files) wanted.TryAdd(one.Digest.ToString(), $"{entry.Name}/{one.Path}");
            if (entry.Kind != LockKind.Folder || await blobs.FindAsync(entry.Digest.ToString(), ct) is null) continue;
            try
            {
                var list = ContentManifest.Parse(Encoding.UTF8.GetString(await blobs.ReadAsync(entry.Digest.ToString(), ContentManifest.MaxTextLength, ct)));
                foreach (var one in list.Files) wanted.TryAdd(one.Digest.ToString(), $"{entry.Name}/{one.Path}");
            }
            catch (ProtocolFormatException)
            {
                // No list, only a blob of that digest: nothing more can be said of the folder.
            }
        }
        return [.. wanted.Select(w => (w.Key, w.Value))];
    }
}
