using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs;

/// <summary>Blobs that come and go in one request: what is sent for a project is let in by its quota before anything is kept.</summary>
internal sealed class BlobIntake(IBlobStore blobs, IBlobPacks packs, IBlobQuota quota)
{
    /// <param name="length">What the sender says of its length; null = nothing.</param>
    /// <param name="project">Null = of no project.</param>
    /// <exception cref="PilothouseException">StorageFull; InvalidArgument; DigestMismatch.</exception>
    public async Task<BlobInfo> PutAsync(Stream content, long? length, string? digest, string? project, CancellationToken ct)
    {
        if (project is null) return await blobs.PutAsync(content, digest, ct);
        var size = length ?? throw new PilothouseException(ErrorCode.InvalidArgument, "Content for a project needs a Content-Length: whether there is room for it is looked at first.");
        var key = digest ?? "put:" + Guid.NewGuid().ToString("N");
        await quota.RequireRoomAsync(project, [(key, size)], ct);
        try
        {
            return await blobs.PutAsync(content, digest, ct);
        }
        catch
        {
            quota.Release(project, key);
            throw;
        }
    }

    /// <summary>Checks what is asked for before the first byte of the answer goes out.</summary>
    /// <returns>Writes the pack.</returns>
    /// <exception cref="PilothouseException">InvalidArgument.</exception>
    public Func<Stream, CancellationToken, Task> Unpack(HaveBlobs asked)
    {
        if (asked.Digests is not { Count: <= BlobPack.MaxBlobs } digests) throw new PilothouseException(ErrorCode.InvalidArgument, $"'digests' is a list of at most {BlobPack.MaxBlobs} digests. Ask in several calls.");
        foreach (var digest in digests) _ = BlobStore.Parse(digest);
        return (target, ct) => packs.WritePackAsync(digests, target, ct);
    }

    /// <exception cref="PilothouseException">StorageFull.</exception>
    public Task<int> PutPackAsync(Stream pack, string? project, CancellationToken ct) =>
        packs.PutPackAsync(pack, project is null ? null : fresh => quota.RequireRoomAsync(project, [.. fresh.Select(b => (b.Digest, b.Size))], ct), ct);
}
