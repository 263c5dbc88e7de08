using System.Globalization;
using Microsoft.Extensions.Options;
using Pilothouse.Protocols.Lfs;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Hub;

/// <summary>Large files on their way in: the LFS batch of the Hub, whole (basic) or in parts (multipart, the Hub's own way).</summary>
internal sealed class HubUploads(IBlobStore blobs, IUploads uploads, IBlobQuota quota, HubTokens tokens, HubRepos repos, IOptions<HubOptions> options)
{
    private const int MaxObjects = 1_000;

    /// <summary>Sizes are what the client says: a thousand of them must not overflow.</summary>
    private const long MaxCounted = 1L << 50;
    private const string Basic = "basic", Multipart = "multipart";

    /// <param name="root">Address of the Hub, e.g. <c>http://host/hf</c>.</param>
    public async Task<LfsBatchAnswer> BatchAsync(string type, string id, LfsBatchRequest request, string root, Caller caller, CancellationToken ct)
    {
        var project = (await repos.HistoryAsync(type, id, ct)) is [var head, ..] ? head.Project : null;
        if (request.Operation != "upload") throw new PilothouseException(ErrorCode.Unsupported, "Only uploads go this way; download with resolve/REVISION/PATH.");
        if (request.HashAlgo is not (null or "sha256" or "sha_256")) throw new PilothouseException(ErrorCode.InvalidArgument, "The only hash is sha256.");
        if (request.Objects is not { Count: <= MaxObjects } objects) throw new PilothouseException(ErrorCode.TooLarge, $"A batch has up to {MaxObjects} objects.");
        var multipart = request.Transfers?.Contains(Multipart) == true;
        var answers = new List<LfsObject>();
        await quota.RequireRoomAsync(project, [.. objects.Where(o => LfsPointer.IsOid(o?.Oid) && o!.Size > 0).Select(o => ("sha256:" + o!.Oid, Math.Min(o.Size, MaxCounted)))], ct);
        foreach (var asked in objects) answers.Add(await AnswerAsync(asked, project, multipart, root, caller, ct));
        return new LfsBatchAnswer(multipart && answers.Any(a => a.Actions?["upload"].Header?.ContainsKey("chunk_size") == true) ? Multipart : Basic, answers, "sha256");
    }

    private async Task<LfsObject> AnswerAsync(LfsObjectId? asked, string? project, bool multipart, string root, Caller caller, CancellationToken ct)
    {
        if (asked is null || !LfsPointer.IsOid(asked.Oid) || asked.Size < 0) return new LfsObject(asked?.Oid ?? "", asked?.Size ?? 0, null, null, new LfsObjectError(422, "An object has a SHA-256 in 64 lower-case hex digits and a size."));
        var oid = asked.Oid!;
        if (await blobs.FindAsync("sha256:" + oid, ct) is { } held)
            return held.Size == asked.Size ? new LfsObject(oid, asked.Size, null, null, null) : new LfsObject(oid, asked.Size, null, null, new LfsObjectError(422, $"The object is here with {held.Size} bytes, not {asked.Size}."));
        var verify = new LfsAction($"{root}/lfs/{tokens.Create(oid, asked.Size, caller.Name, null)}/verify", null, tokens.LifetimeSeconds);
        if (!multipart || asked.Size < options.Value.MultipartBytes)
            return Upload(new LfsAction($"{root}/lfs/{tokens.Create(oid, asked.Size, caller.Name, null)}", null, tokens.LifetimeSeconds));

        var state = await uploads.CreateAsync(new NewUpload(asked.Size, "sha256:" + oid, Project: project), caller.Name, ct);
        if (state.Held) return new LfsObject(oid, asked.Size, null, null, null);
        var grant = $"{root}/lfs/{tokens.Create(oid, asked.Size, caller.Name, state.Id)}";
        var header = new Dictionary<string, string>(StringComparer.Ordinal) { ["chunk_size"] = state.PartSize.ToString(CultureInfo.InvariantCulture) };
        for (var part = 1; part <= state.Parts; part++) header[part.ToString("00000", CultureInfo.InvariantCulture)] = string.Create(CultureInfo.InvariantCulture, $"{grant}/parts/{part}");
        return Upload(new LfsAction(grant + "/complete", header, tokens.LifetimeSeconds));

        LfsObject Upload(LfsAction action) => new(oid, asked.Size, true, new Dictionary<string, LfsAction> { ["upload"] = action, ["verify"] = verify }, null);
    }

    public async Task StoreAsync(HubGrant grant, Stream content, long? length, CancellationToken ct)
    {
        if (length is { } said && said != grant.Size) throw new PilothouseException(ErrorCode.InvalidArgument, $"The object has {grant.Size} bytes, the request {said}. Nothing was stored.");
        var blob = await blobs.PutAsync(content, "sha256:" + grant.Oid, ct);
        if (blob.Size != grant.Size) throw new PilothouseException(ErrorCode.DigestMismatch, $"The object has {blob.Size} bytes, not {grant.Size} as was said.");
    }

    /// <returns>An ETag; the client gives it back when it completes.</returns>
    public async Task<string> PutPartAsync(HubGrant grant, int number, Stream content, CancellationToken ct) =>
        (await uploads.PutPartAsync(grant.Upload ?? throw WholeOnly(), number, content, null, ct)).Crc32c;

    public async Task CompleteAsync(HubGrant grant, CancellationToken ct) => await uploads.CompleteAsync(grant.Upload ?? throw WholeOnly(), "sha256:" + grant.Oid, ct);

    public async Task VerifyAsync(HubGrant grant, LfsObjectId claimed, CancellationToken ct)
    {
        if (claimed.Oid != grant.Oid || claimed.Size != grant.Size) throw new PilothouseException(ErrorCode.InvalidArgument, "The object to verify is another than was uploaded.");
        if (await blobs.FindAsync("sha256:" + grant.Oid, ct) is null) throw new PilothouseException(ErrorCode.NotFound, "The object has not arrived. Upload it again.");
    }

    private static PilothouseException WholeOnly() => new(ErrorCode.InvalidArgument, "This object is uploaded as a whole.");
}
