using Pilothouse.Protocols.Oci;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Packaging.Api;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Packaging;

internal sealed class ReleaseService(ReleaseStore store, ComponentResolver resolver, EvidenceCollector evidence, IRepositories repositories, IBlobStore blobs, IAuthenticator authenticator, TimeProvider time)
    : IReleases
{
    private const int MinPrefix = 8;
    private const int MaxListed = 500;
    private const int MaxComment = 10_000;

    public async Task<Release> CreateAsync(string project, string commit, string actor, CancellationToken ct)
    {
        var id = await repositories.ResolveAsync(project, commit, ct);
        var resolved = await resolver.ResolveAsync(project, id, actor, ct);
        var info = (await repositories.LogAsync(project, id, 1, ct))[0];

        var config = ReleaseManifest.Config(project, id, resolved.Components);
        await blobs.PutAsync(config, ct);
        var manifest = OciJson.ToBytes(ReleaseManifest.Manifest(project, info, OciJson.Describe(config, OciMediaTypes.Release), resolved.Files));
        var stored = await blobs.PutAsync(manifest, ct);
        await store.AddAsync(new StoredRelease(stored.Digest, project, id, info.Subject, stored.Size, resolved.Components, actor, time.NowMs()), ct);
        return await GetAsync(stored.Digest, ct);
    }

    public async Task<Release> GetAsync(string reference, CancellationToken ct)
    {
        var release = await FindAsync(reference, ct);
        await evidence.RefreshAsync(release, ct);
        return await WithEvidenceAsync(release, ct);
    }

    public async Task<IReadOnlyList<Release>> ListAsync(string? project, int limit, CancellationToken ct)
    {
        var releases = new List<Release>();
        foreach (var release in await store.ListAsync(project, Math.Clamp(limit, 1, MaxListed), ct)) releases.Add(await WithEvidenceAsync(release, ct));
        return releases;
    }

    public async Task<Release> ApproveAsync(string reference, string actor, string? comment, CancellationToken ct)
    {
        if (comment?.Length > MaxComment || comment?.Contains('\0') == true)
            throw new PilothouseException(ErrorCode.InvalidArgument, $"A comment has at most {MaxComment} characters, none of them NUL.");
        var release = await FindAsync(reference, ct);
        var fourEyes = actor != release.CreatedBy;
        if (!fourEyes && authenticator.Anonymous is null)
            throw new PilothouseException(ErrorCode.PermissionDenied, $"'{actor}' made this release and cannot approve it: approval needs a second person. Ask someone else to run: pilothouse approve {release.Digest[..19]}");
        await evidence.ApproveAsync(release, actor, comment, fourEyes, time.NowMs(), ct);
        return await GetAsync(release.Digest, ct);
    }

    /// <param name="reference">Digest, with or without <c>sha256:</c>, or its first eight or more digits.</param>
    public async Task<StoredRelease> FindAsync(string reference, CancellationToken ct)
    {
        var hex = reference.StartsWith("sha256:", StringComparison.Ordinal) ? reference[7..] : reference;
        if (hex.Length is < MinPrefix or > 64 || !hex.All(char.IsAsciiHexDigitLower))
            throw new PilothouseException(ErrorCode.InvalidArgument, $"'{(reference.Length > 100 ? reference[..100] : reference)}' does not name a release. Give its digest, or the first {MinPrefix} or more digits of it.");
        var found = await store.FindAsync("sha256:" + hex, ct);
        return found.Count switch
        {
            1 => found[0],
            0 => throw new PilothouseException(ErrorCode.NotFound, $"There is no release {hex}. {await NewestAsync(ct)}"),
            _ => throw new PilothouseException(ErrorCode.InvalidArgument, $"'{hex}' begins the digests of several releases. Give more digits."),
        };
    }

    private async Task<string> NewestAsync(CancellationToken ct)
    {
        var newest = await store.ListAsync(null, 5, ct);
        return newest.Count == 0 ? "None was made yet: pilothouse release create --project P --commit C." : $"The newest are {string.Join(", ", newest.Select(r => r.Digest[7..19]))}.";
    }

    private async Task<Release> WithEvidenceAsync(StoredRelease r, CancellationToken ct) => new(r.Digest, r.Project, r.Commit, r.CommitSubject, r.CreatedBy, r.CreatedMs, r.Components,
        [.. (await store.EvidenceAsync(r.Digest, ct)).Select(e => new ReleaseEvidence(e.Type, e.Name, e.Digest, e.Verdict, e.Summary, e.SourceId, e.By, e.TimeMs))]);
}
