using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;

namespace Pilothouse.Server.Modules.Repositories.Lfs;

/// <summary>Uploads that resume, for stock git-lfs with <c>lfs.tustransfers</c>: its part of tus 1.0 (tus.io/protocols/resumable-upload), on the upload sessions that everything else uses.</summary>
internal sealed class LfsTusService(IUploads uploads, LfsStore store)
{
    /// <returns>Bytes that are here: where the client goes on.</returns>
    public async Task<long> OffsetAsync(LfsGrant grant, CancellationToken ct)
    {
        var state = await BeginAsync(grant, ct);
        return state.Held ? grant.Size : state.Offset;
    }

    /// <summary>Takes what comes from an offset on; at the end of the object it is verified, and the project has it.</summary>
    /// <returns>The new offset.</returns>
    public async Task<long> AppendAsync(LfsGrant grant, long offset, Stream content, CancellationToken ct)
    {
        var state = await BeginAsync(grant, ct);
        if (!state.Held)
        {
            state = await uploads.AppendAsync(state.Id, offset, content, ct);
            if (state.Offset < grant.Size) return state.Offset;
            await uploads.CompleteAsync(state.Id, null, ct);
        }
        await store.AddAsync(grant.Project, [(grant.Oid, grant.Size)], grant.Caller, ct);
        return grant.Size;
    }

    private Task<UploadState> BeginAsync(LfsGrant grant, CancellationToken ct) => uploads.CreateAsync(new NewUpload(grant.Size, "sha256:" + grant.Oid, Project: grant.Project), grant.Caller, ct);
}
