using Microsoft.Extensions.Options;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Lfs;

/// <summary>Git LFS: objects are blobs, a project has those that were pushed to it.</summary>
internal sealed class LfsService(IProjects projects, LfsStore store, LfsTokens tokens, IBlobStore blobs, IBlobQuota quota, IOptions<RepositoriesOptions> options)
{
    /// <summary>Objects in one batch request; git-lfs asks for 100.</summary>
    public const int MaxObjects = 1000;
    private const string Basic = "basic";
    private const string Tus = "tus";
    private const string Agent = "pilothouse";
    private const string Sha256 = "sha256";

    /// <summary>Says for each object what the client has to do.</summary>
    /// <param name="root">Absolute address of the project's LFS API, without a slash at its end.</param>
    /// <exception cref="PilothouseException">InvalidArgument, TooLarge (too many objects), PermissionDenied (a reader uploads), StorageFull (over the project's quota).</exception>
    public async Task<LfsBatchAnswer> BatchAsync(string project, LfsBatchRequest request, string root, Caller caller, CancellationToken ct)
    {
        await projects.GetAsync(project, ct);
        var upload = request.Operation switch
        {
            "upload" => true,
            "download" => false,
            _ => throw new PilothouseException(ErrorCode.InvalidArgument, $"'{request.Operation}' is not an operation. Use download or upload."),
        };
        if (request.Objects is null) throw new PilothouseException(ErrorCode.InvalidArgument, "The request names no objects.");
        if (request.Objects.Count > MaxObjects) throw new PilothouseException(ErrorCode.TooLarge, $"The request names {request.Objects.Count} objects; {MaxObjects} is the limit. Ask in several requests.");
        if (upload && caller.Role < Role.Writer) throw new PilothouseException(ErrorCode.PermissionDenied, $"'{caller.Name}' may read '{project}', not push to it.");

        var wanted = request.Objects.Select(o => o ?? new LfsObjectId(null, 0)).ToList();
        var wrongHash = request.HashAlgo is not (null or "" or Sha256);
        var held = wrongHash ? [] : await store.FindAsync(project, [.. wanted.Select(o => o.Oid).Where(LfsPointer.IsOid).Distinct().Select(oid => oid!)], ct);
        // What the server has anyway counts for the project, too, once it is the project's.
        if (upload && !wrongHash) await quota.RequireRoomAsync(project, [.. wanted.Where(o => LfsPointer.IsOid(o.Oid) && o.Size > 0 && !held.ContainsKey(o.Oid!)).Select(o => ("sha256:" + o.Oid, Math.Min(o.Size, options.Value.LfsMaxObjectBytes)))], ct);
        if (upload && !wrongHash) await LinkAsync(project, wanted.Where(o => LfsPointer.IsOid(o.Oid)).Select(o => new LfsPointer(o.Oid!, o.Size)), held, caller.Name, ct);
        var gone = upload || wrongHash ? [] : await GoneAsync(project, wanted, held, ct);
        var transfer = Transfer(request.Transfers ?? [], upload);
        var answers = wanted.Select(o => wrongHash ? Failed(o, 409, $"Objects are named by {Sha256} here, not by {request.HashAlgo}.") : gone.TryGetValue(o.Oid ?? "", out var removed) ? Failed(o, 410, removed) : Answer(project, o, upload, held, root, caller, transfer == Tus)).ToList();
        return new LfsBatchAnswer(transfer, answers, Sha256);
    }

    /// <summary>Takes an object in. It is there whole or not at all; a second upload of the same is harmless.</summary>
    /// <param name="length">What the request says of its length; null = it does not.</param>
    /// <exception cref="PilothouseException">DigestMismatch or InvalidArgument: not the content promised. StorageFull.</exception>
    public async Task StoreAsync(LfsGrant grant, Stream content, long? length, CancellationToken ct)
    {
        if (length is { } announced && announced != grant.Size) throw WrongSize(grant, announced);
        // The batch was asked some time ago, maybe.
        await quota.RequireRoomAsync(grant.Project, [("sha256:" + grant.Oid, grant.Size)], ct);
        var blob = await blobs.PutAsync(content, "sha256:" + grant.Oid, ct);
        if (blob.Size != grant.Size) throw WrongSize(grant, blob.Size);
        await store.AddAsync(grant.Project, [(grant.Oid, grant.Size)], grant.Caller, ct);
    }

    /// <exception cref="PilothouseException">NotFound: this project has no such object.</exception>
    public async Task<Stream> OpenAsync(string project, string oid, CancellationToken ct)
    {
        var held = await store.FindAsync(project, [oid], ct);
        return held.ContainsKey(oid) ? await blobs.OpenReadAsync("sha256:" + oid, ct) : throw Missing(project, oid);
    }

    /// <summary>After an upload, however it came: the project has the object from here on.</summary>
    /// <exception cref="PilothouseException">NotFound: it did not arrive. InvalidArgument: it has another size.</exception>
    public async Task VerifyAsync(LfsGrant grant, LfsObjectId claimed, CancellationToken ct)
    {
        if (claimed.Oid != grant.Oid || claimed.Size != grant.Size) throw new PilothouseException(ErrorCode.InvalidArgument, "The object to verify is not the one that was to be uploaded.");
        if (await blobs.FindAsync("sha256:" + grant.Oid, ct) is not { } blob) throw Missing(grant.Project, grant.Oid);
        if (blob.Size != grant.Size) throw WrongSize(grant, blob.Size);
        await store.AddAsync(grant.Project, [(grant.Oid, grant.Size)], grant.Caller, ct);
    }

    /// <summary>
    /// Gives the project those objects that the server has anyway, so that they need not be sent. Whoever may write here may read every blob by its digest, so this gives nothing away.
    /// </summary>
    /// <param name="held">Objects that the project has; those found are added.</param>
    /// <exception cref="PilothouseException">StorageFull: the project has no room for them.</exception>
    public async Task LinkAsync(string project, IEnumerable<LfsPointer> wanted, Dictionary<string, long> held, string actor, CancellationToken ct)
    {
        List<(string Oid, long Size)> found = [];
        foreach (var pointer in wanted)
        {
            if (held.ContainsKey(pointer.Oid) || await blobs.FindAsync("sha256:" + pointer.Oid, ct) is not { } blob || blob.Size != pointer.Size) continue;
            found.Add((pointer.Oid, blob.Size));
        }
        await quota.RequireRoomAsync(project, [.. found.Select(f => ("sha256:" + f.Oid, f.Size))], ct);
        foreach (var (oid, size) in found) held[oid] = size;
        await store.AddAsync(project, found, actor, ct);
    }

    /// <summary>What was taken away on purpose is not simply missing: nobody needs to push it.</summary>
    private async Task<Dictionary<string, string>> GoneAsync(string project, List<LfsObjectId> wanted, Dictionary<string, long> held, CancellationToken ct)
    {
        var messages = new Dictionary<string, string>();
        foreach (var chunk in wanted.Select(o => o.Oid).Where(oid => LfsPointer.IsOid(oid) && !held.ContainsKey(oid!)).Distinct().Select(oid => oid!).Chunk(500))
            foreach (var r in await store.RemovedAsync(project, chunk, chunk.Length, ct))
                messages[r.Oid] = $"Object {r.Oid} was removed by {r.RemovedBy} on {DateTimeOffset.FromUnixTimeMilliseconds(r.RemovedMs):yyyy-MM-dd HH:mm} UTC: {r.Reason}";
        return messages;
    }

    /// <summary>Our own agent when the client has it; tus for one that has opted in (<c>lfs.tustransfers</c>); else basic, which every client has.</summary>
    private static string Transfer(IReadOnlyList<string> offered, bool upload) => offered.Contains(Agent) ? Agent : upload && offered.Contains(Tus) ? Tus : Basic;

    private LfsObject Answer(string project, LfsObjectId o, bool upload, Dictionary<string, long> held, string root, Caller caller, bool tus)
    {
        if (!LfsPointer.IsOid(o.Oid)) return Failed(o, 422, "An object id has 64 lower-case hex digits: the SHA-256 of the content.");
        if (o.Size < 0) return Failed(o, 422, $"{o.Size} is not a size.");
        if (held.TryGetValue(o.Oid!, out var size) && size != o.Size) return Failed(o, 422, $"Object {o.Oid} has {size} bytes, not {o.Size}: the pointer is wrong. Add the file anew.");
        var has = held.ContainsKey(o.Oid!);
        if (upload && has) return new LfsObject(o.Oid!, o.Size, null, null, null);
        if (!upload && !has) return Failed(o, 404, $"'{project}' has no object {o.Oid}. Push it with: git lfs push --all");
        if (upload && o.Size > options.Value.LfsMaxObjectBytes) return Failed(o, 413, $"The object has {o.Size} bytes; Repositories:LfsMaxObjectBytes is {options.Value.LfsMaxObjectBytes}.");
        var address = $"{root}/objects/{o.Oid}";
        var actions = upload
            ? new Dictionary<string, LfsAction> { ["upload"] = Action(tus ? address + "/tus" : address, "upload"), ["verify"] = Action(address + "/verify", "verify") }
            : new Dictionary<string, LfsAction> { ["download"] = Action(address, "download") };
        return new LfsObject(o.Oid!, o.Size, true, actions, null);

        LfsAction Action(string href, string operation) => new(href,
            new Dictionary<string, string> { ["Authorization"] = "Bearer " + tokens.Create(project, operation, o.Oid!, o.Size, caller.Name) }, tokens.LifetimeSeconds);
    }

    private static LfsObject Failed(LfsObjectId o, int code, string message) => new(o.Oid ?? "", o.Size, null, null, new LfsObjectError(code, message));

    private static PilothouseException Missing(string project, string oid) => new(ErrorCode.NotFound, $"'{project}' has no object {oid}.");

    private static PilothouseException WrongSize(LfsGrant grant, long bytes) =>
        new(ErrorCode.InvalidArgument, $"Object {grant.Oid} was announced with {grant.Size} bytes and has {bytes}. Nothing was stored.");
}
