using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Uploads;

/// <summary>
/// Rules of uploads. What arrived lies in a spool on this server's disk and is listed in the database: both survive a kill. An in-memory session only saves
/// hashing twice.
/// </summary>
internal sealed class UploadService(UploadStore store, BlobStore blobs, IBlobQuota quota, ServerOptions server, IOptions<BlobsOptions> options, TimeProvider time) : IUploads
{
    public const int MaxParts = 65_536;
    public const long MaxPartSize = 64L * 1024 * 1024;
    public const long MinPartSize = 16L * 1024 * 1024;

    /// <summary>Parts of the smaller size up to here, so that a file of 256 GiB has no more.</summary>
    private const int PreferredParts = 16_384;
    private const int MaxKey = 200;

    /// <summary>Hashed behind the parts of one request: a sender that comes out of order is caught up with step by step.</summary>
    private const long HashAtOnce = 2 * MaxPartSize;

    /// <summary>A completed upload is remembered so long: asked again, it is done; and its blob stays until someone has named it.</summary>
    public static readonly TimeSpan CompletedFor = TimeSpan.FromDays(1);

    /// <summary>Sessions that this process has touched; bounded by the uploads that may be open.</summary>
    private readonly ConcurrentDictionary<string, UploadSession> _sessions = new(StringComparer.Ordinal);

    private string SpoolDirectory => Path.Combine(server.TemporaryPath, "uploads");

    public async Task<UploadState> CreateAsync(NewUpload upload, string actor, CancellationToken ct)
    {
        const long maxSize = MaxParts * MaxPartSize;
        if (upload.Size is < 0) throw Invalid($"The size {upload.Size} is negative.");
        if (upload.Size > maxSize) throw new PilothouseException(ErrorCode.TooLarge, $"A blob has at most {maxSize} bytes; this one has {upload.Size}.");
        if (upload.Key?.Length > MaxKey) throw Invalid($"The key of an upload has at most {MaxKey} characters.");
        if (upload.Digest is not null && await blobs.FindAsync(upload.Digest, ct) is { } held)
            return held.Size == upload.Size ? new UploadState("", held.Size, held.Digest, true, MinPartSize, 0, [], held.Size, 0) : throw Invalid($"The blob {held.Digest} has {held.Size} bytes, not {upload.Size}.");
        if (await store.FindOpenAsync(actor, upload.Size, upload.Digest, upload.Key, ct) is { } open && await SessionAsync(open.Id, ct) is { } session) return State(session);

        // Random, and not in the order of time: who knows it may go on with the upload.
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        await quota.RequireRoomAsync(upload.Project, [(upload.Digest ?? "upload:" + id, upload.Size)], ct);
        var row = new UploadStore.UploadRow
        {
            Id = id,
            Digest = upload.Digest,
            Size = upload.Size,
            PartSize = PartSize(upload.Size),
            ResumeKey = upload.Key,
            Actor = actor,
            Project = upload.Project,
            TouchedMs = time.NowMs(),
        };
        if (!await store.TryCreateAsync(row, options.Value.MaxOpenUploads, ct))
            throw new PilothouseException(ErrorCode.RateLimited, $"{options.Value.MaxOpenUploads} uploads are open already. Complete or cancel some, or wait until those that nothing comes to expire.");
        return State(await RequireAsync(row.Id, ct));
    }

    public async Task<UploadState> GetAsync(string id, CancellationToken ct)
    {
        if (await store.FindAsync(id, ct) is { CompletedMs: not null } done) return new UploadState(done.Id, done.Size, done.Digest, true, done.PartSize, 0, [], done.Size, Expires(done, CompletedFor));
        return State(await RequireAsync(id, ct));
    }

    public async Task<UploadedPart> PutPartAsync(string id, int number, Stream content, string? checksum, CancellationToken ct)
    {
        var expected = PartChecksum.Parse(checksum);
        var session = await RequireAsync(id, ct);
        if (number < 1 || number > session.Parts) throw Invalid($"This upload has parts 1 to {session.Parts}; there is no part {number}.");
        if (session.IsAppended) throw Precondition("This upload was begun by appending. Go on so, or cancel it and begin anew.");
        if (!session.TryBegin(number, out var held)) throw new PilothouseException(ErrorCode.Unavailable, $"Part {number} is being received on another connection. Try again in a moment.");
        try
        {
            var (crc, sha256) = await session.ReceivePartAsync(content, number, held is null, expected?.Sha256 is not null, ct);
            expected?.Check(number, crc, sha256);
            if (held is { } before && before != crc) throw Precondition($"Part {number} is here with another content (crc32c {before:x8}, now {crc:x8}): the file was changed, or two senders mean different files. Cancel the upload and begin anew.");
            if (held is null)
            {
                if (!await store.AddPartAsync(id, number, crc, time.NowMs(), ct)) throw Closed(id);
                session.Add(number, crc);
                await HashBehindAsync(session, ct);
            }
            return new UploadedPart(number, session.LengthOf(number), crc.ToString("x8", CultureInfo.InvariantCulture));
        }
        finally
        {
            session.End(number);
        }
    }

    public async Task<UploadState> AppendAsync(string id, long offset, Stream content, CancellationToken ct)
    {
        var session = await RequireAsync(id, ct);
        if (!await session.Gate.WaitAsync(TimeSpan.Zero, ct)) throw new PilothouseException(ErrorCode.Unavailable, "Something is being appended to this upload on another connection. Try again in a moment.");
        try
        {
            if (session.Closed) throw Closed(id);
            if (session.IsInParts) throw Precondition("This upload was begun in parts. Go on so, or cancel it and begin anew.");
            if (offset != session.Offset) throw Precondition($"The upload has {session.Offset} bytes; what comes at {offset} does not follow. Go on at {session.Offset}.");
            try
            {
                await session.AppendAsync(content, ct);
            }
            finally
            {
                await store.TouchAsync(id, time.NowMs(), CancellationToken.None);
            }
            return State(session);
        }
        finally
        {
            session.Gate.Release();
        }
    }

    public async Task<BlobInfo> CompleteAsync(string id, string? digest, CancellationToken ct)
    {
        if (digest is not null) _ = BlobStore.Parse(digest);
        var row = await store.FindAsync(id, ct) ?? throw Closed(id);
        if (digest is not null && row.Digest is not null && digest != row.Digest) throw Invalid($"The upload was begun for {row.Digest}; it cannot be completed as {digest}.");
        var promised = digest ?? row.Digest ?? throw Invalid("Say the digest of the whole: it was not given when the upload was begun.");
        if (row.CompletedMs is not null) return await blobs.FindAsync(promised, ct) ?? throw Closed(id);

        var session = await RequireAsync(id, ct);
        await session.Gate.WaitAsync(ct);
        try
        {
            if (session.Closed) return await blobs.FindAsync(promised, ct) ?? throw Closed(id);
            if (session.Offset < row.Size)
            {
                // Killed between making the blob and noting it: the spool has become the blob.
                if (await blobs.FindAsync(promised, ct) is { } done) return await CloseAsync(session, done, ct);
                throw Precondition(Incomplete(session));
            }
            return await CloseAsync(session, await VerifyAsync(session, promised, ct), ct);
        }
        finally
        {
            session.Gate.Release();
        }
    }

    public async Task CancelAsync(string id, CancellationToken ct)
    {
        if (await SessionAsync(id, ct) is not { } session) return;
        await session.Gate.WaitAsync(ct);
        try
        {
            if (!session.Closed) await DropAsync(session, ct);
        }
        finally
        {
            session.Gate.Release();
        }
    }

    /// <summary>Forgets uploads that nothing comes to, completed ones after a day, and spools that belong to none.</summary>
    public async Task<int> ExpireAsync(CancellationToken ct)
    {
        const int atOnce = 1000;
        var now = time.NowMs();
        var expired = await store.ExpiredAsync(now - (long)options.Value.UploadExpiry.TotalMilliseconds, now - (long)CompletedFor.TotalMilliseconds, atOnce, ct);
        foreach (var id in expired)
        {
            await CancelAsync(id, ct);
            await store.DeleteAsync(id, ct);
        }
        if (Directory.Exists(SpoolDirectory))
        {
            foreach (var path in Directory.EnumerateFiles(SpoolDirectory))
                if (await store.FindAsync(Path.GetFileNameWithoutExtension(path), ct) is null or { CompletedMs: not null }) File.Delete(path);
        }
        return expired.Count;
    }

    private async Task<BlobInfo> VerifyAsync(UploadSession session, string promised, CancellationToken ct)
    {
        if (session.Row.Size == 0) await File.WriteAllBytesAsync(session.PartsPath, [], ct);
        await session.HashAsync(long.MaxValue / 2, ct);
        var digest = session.TakeDigest();
        if (digest.ToString() == promised) return await blobs.AdoptAsync(session.SpoolPath, digest, session.Row.Size, ct);
        await DropAsync(session, ct);
        throw new PilothouseException(ErrorCode.DigestMismatch, $"The content received ({session.Row.Size} bytes) has the digest {digest}, not {promised}: it was changed on the way, or the file was changed meanwhile. Nothing was stored; begin a new upload.");
    }

    private async Task<BlobInfo> CloseAsync(UploadSession session, BlobInfo blob, CancellationToken ct)
    {
        await store.CompleteAsync(session.Row.Id, blob.Digest, time.NowMs(), ct);
        session.Closed = true;
        session.DeleteSpool();
        _sessions.TryRemove(session.Row.Id, out _);
        return blob;
    }

    private async Task DropAsync(UploadSession session, CancellationToken ct)
    {
        await store.DeleteAsync(session.Row.Id, ct);
        if (session.Row.Digest is { } digest) quota.Release(session.Row.Project, digest);
        session.Closed = true;
        session.DeleteSpool();
        _sessions.TryRemove(session.Row.Id, out _);
    }

    /// <summary>So that little is left to hash when the last part comes. One request does it while others receive.</summary>
    private static async Task HashBehindAsync(UploadSession session, CancellationToken ct)
    {
        if (!await session.Gate.WaitAsync(TimeSpan.Zero, ct)) return;
        try
        {
            if (!session.Closed) await session.HashAsync(HashAtOnce, ct);
        }
        finally
        {
            session.Gate.Release();
        }
    }

    private async Task<UploadSession> RequireAsync(string id, CancellationToken ct) => await SessionAsync(id, ct) ?? throw Closed(id);

    /// <returns>Null when there is no open upload of that id.</returns>
    private async Task<UploadSession?> SessionAsync(string id, CancellationToken ct)
    {
        if (_sessions.TryGetValue(id, out var known)) return known;
        if (await store.FindAsync(id, ct) is not { CompletedMs: null } row) return null;
        Directory.CreateDirectory(SpoolDirectory);
        var loaded = new UploadSession(row, Path.Combine(SpoolDirectory, row.Id), await store.PartsAsync(id, ct));
        if (loaded.Received.Count > 0 && !loaded.IsInParts)
        {
            await store.ForgetPartsAsync(id, ct);
            loaded.Forget();
        }
        return _sessions.GetOrAdd(id, loaded);
    }

    private UploadState State(UploadSession session) =>
        new(session.Row.Id, session.Row.Size, session.Row.Digest, false, session.Row.PartSize, session.Parts, session.Received, session.Offset, Expires(session.Row, options.Value.UploadExpiry));

    private static long Expires(UploadStore.UploadRow row, TimeSpan after) => row.TouchedMs + (long)after.TotalMilliseconds;

    /// <summary>16 MiB; more, up to 64 MiB, where there would be very many.</summary>
    private static long PartSize(long size)
    {
        var partSize = MinPartSize;
        while (partSize < MaxPartSize && size > PreferredParts * partSize) partSize *= 2;
        return partSize;
    }

    private static string Incomplete(UploadSession session) => session.IsAppended
        ? $"The upload is not complete: {session.Offset} of {session.Row.Size} bytes are here. Append the rest."
        : $"The upload is not complete: of its {session.Parts} parts {session.Parts - session.Received.Count} are missing ({string.Join(", ", session.Missing(10))}{(session.Parts - session.Received.Count > 10 ? ", ..." : "")}). Put them, then complete it again.";

    private static PilothouseException Closed(string id) =>
        new(ErrorCode.NotFound, $"There is no open upload '{(id.Length > 40 ? id[..40] : id)}': it was completed, cancelled, dropped for a wrong digest, or nothing came to it for too long. Begin a new one.");

    private static PilothouseException Precondition(string message) => new(ErrorCode.FailedPrecondition, message);

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
