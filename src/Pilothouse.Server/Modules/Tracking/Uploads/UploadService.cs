using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Tracking.EventFiles;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Uploads;

/// <summary>A part as the client says it sent it.</summary>
/// <param name="Etag">The ETag of the answer to its PUT: the part's SHA-256, in quotes or not.</param>
internal sealed record SentPart(long Number, string Etag);

/// <summary>
/// Files in parts, for MLflow's multipart upload: parts go to the blob store as they come, in any order and again when a PUT failed; they outlive a restart of
/// the server; the file appears whole when all of them are there.
/// </summary>
internal sealed class UploadService(UploadStore store, SignedLinks links, IBlobStore blobs, EventArtifacts eventFiles, TimeProvider time)
{
    public const int MaxParts = 10_000;
    public const int MaxOpen = 10_000;

    /// <summary>Bytes of one part; MLflow's client sends 10 MB.</summary>
    public const long MaxPart = 5L * 1024 * 1024 * 1024;

    /// <summary>An upload that is not completed in this time is forgotten by <c>pilothouse gc</c>.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromDays(7);

    /// <param name="directory">Below the proxy.</param>
    /// <param name="file">The client's path of the file, of which the name counts: <c>/data/model.bin</c> or <c>C:\data\model.bin</c>.</param>
    /// <returns>Id, and the links behind <c>/mlflow-artifacts</c> to put the parts to.</returns>
    public async Task<(string Id, IReadOnlyList<string> Links)> CreateAsync(string directory, string file, long parts, CancellationToken ct)
    {
        if (parts is < 1 or > MaxParts) throw Invalid($"num_parts must be between 1 and {MaxParts}; got {parts}. Choose larger parts.");
        // Random, and not in the order of time: who guesses it could abort.
        var id = Convert.ToHexStringLower(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16));
        if (!await store.TryCreateAsync(id, Target(directory, file), parts, time.NowMs(), MaxOpen, ct))
            throw new PilothouseException(ErrorCode.RateLimited, $"{MaxOpen} uploads are open already. Complete or abort some, or let `pilothouse gc` forget those that are older than {MaxAge.TotalDays} days.");
        var targets = new List<string>((int)parts);
        for (var number = 1; number <= parts; number++) targets.Add(await links.PartAsync(id, number, ct));
        return (id, targets);
    }

    /// <returns>The part's SHA-256 in hex, for the ETag.</returns>
    public async Task<string> PutPartAsync(string id, int number, string signature, Stream content, CancellationToken ct)
    {
        await links.CheckPartAsync(id, number, signature, ct);
        var upload = await FindAsync(id, ct);
        if (number < 1 || number > upload.Parts) throw Invalid($"This upload has parts 1 to {upload.Parts}; there is no part {number}.");
        var blob = await blobs.PutAsync(content, null, ct);
        if (!await store.PutPartAsync(id, number, blob.Digest, blob.Size, time.NowMs(), ct)) throw Closed(id);
        return blob.Digest["sha256:".Length..];
    }

    /// <summary>Puts the parts together. Asked again after it was done, it is done.</summary>
    public async Task CompleteAsync(string directory, string file, string id, IReadOnlyList<SentPart> sent, CancellationToken ct)
    {
        var upload = await FindAsync(id, ct);
        if (upload.Path != Target(directory, file)) throw Invalid($"Upload {id} is of another file: '{upload.Path}'.");
        if (upload.CompletedMs is not null) return;
        var parts = (await store.PartsAsync(id, ct)).ToDictionary(p => p.Number);
        var missing = Enumerable.Range(1, (int)upload.Parts).Where(n => !parts.ContainsKey(n)).Take(10).ToList();
        if (missing.Count > 0) throw Invalid($"The upload is not complete: of its {upload.Parts} parts {upload.Parts - parts.Count} are missing ({string.Join(", ", missing)}{(upload.Parts - parts.Count > missing.Count ? ", ..." : "")}). Put them, then complete it again.");
        if (sent.Count != upload.Parts || sent.Select(p => p.Number).Distinct().Count() != sent.Count) throw Invalid($"'parts' must name each of the {upload.Parts} parts once; it names {sent.Count}.");
        foreach (var part in sent)
        {
            var held = parts.GetValueOrDefault(part.Number) ?? throw Invalid($"This upload has parts 1 to {upload.Parts}; there is no part {part.Number}.");
            if (held.Digest["sha256:".Length..] != part.Etag.Trim('"'))
                throw new PilothouseException(ErrorCode.DigestMismatch, $"Part {part.Number} has the digest {held.Digest}, not the ETag '{part.Etag}': it was sent again since, or mixed up. Put it once more and use the new ETag.");
        }
        await using var whole = new ConcatStream(blobs, [.. Enumerable.Range(1, (int)upload.Parts).Select(n => parts[n].Digest)]);
        var blob = await blobs.PutAsync(whole, null, ct);
        await store.CompleteAsync(upload, blob.Digest, blob.Size, time.NowMs(), ct);
        await eventFiles.StoredAsync(upload.Path, blob.Digest, ct);
    }

    /// <summary>Forgets the upload; one that is not there is no fault.</summary>
    public async Task AbortAsync(string directory, string file, string id, CancellationToken ct)
    {
        if (await store.FindAsync(id, ct) is not { CompletedMs: null } upload) return;
        if (upload.Path != Target(directory, file)) throw Invalid($"Upload {id} is of another file: '{upload.Path}'.");
        await store.AbortAsync(id, time.NowMs(), ct);
    }

    private async Task<UploadStore.UploadRow> FindAsync(string id, CancellationToken ct) => await store.FindAsync(id, ct) ?? throw Closed(id);

    private static string Target(string directory, string file)
    {
        var name = ArtifactService.Clean(file[(file.LastIndexOfAny(['/', '\\']) + 1)..]);
        if (name.Length == 0) throw Invalid("'path' must end with the name of the file.");
        return ArtifactService.Clean(directory) is { Length: > 0 } below ? $"{below}/{name}" : name;
    }

    private static PilothouseException Closed(string id) => new(ErrorCode.NotFound, $"There is no open upload '{id}': it was aborted, or is older than {MaxAge.TotalDays} days. Begin a new one.");

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
