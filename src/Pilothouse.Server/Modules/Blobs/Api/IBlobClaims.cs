namespace Pilothouse.Server.Modules.Blobs.Api;

/// <summary>Which blobs a module names, and for which project: usage, quotas, and what a scrub must find. Each module that keeps names of blobs has one.</summary>
public interface IBlobClaims
{
    /// <summary>Tells every claim; the same blob may be claimed several times.</summary>
    Task ReadAsync(Action<BlobClaim> see, CancellationToken ct);

    /// <summary>Tables of the module whose blobs are files of users: what stands in those is no claim on others.</summary>
    IReadOnlySet<string> LeafTables => System.Collections.Frozen.FrozenSet<string>.Empty;
}

/// <param name="Project">Null = of no project.</param>
/// <param name="Digest"><c>sha256:</c> + 64 hex digits.</param>
/// <param name="Name">For people: <c>models:/triage/3 weights.safetensors</c>.</param>
public sealed record BlobClaim(string? Project, string Digest, string Name)
{
    /// <summary>What it is, for people: <c>models</c>, <c>data sets</c>, <c>run artifacts</c>.</summary>
    public string Kind { get; init; } = "others";
}

public interface IBlobQuota
{
    /// <summary>
    /// Refuses contents for which a project has no room. What the project names already, and what was let in before and is still on its way, counts once: asking again is harmless.
    /// </summary>
    /// <param name="project">Null = of no project: never refused.</param>
    /// <param name="contents">Their digests, or for a content whose digest is not known yet any other unique key; sizes in bytes.</param>
    /// <exception cref="Platform.PilothouseException">StorageFull, with the figures; then nothing was noted.</exception>
    Task RequireRoomAsync(string? project, IReadOnlyCollection<(string Key, long Size)> contents, CancellationToken ct);

    /// <summary>A content that was let in does not come after all.</summary>
    void Release(string? project, string key);
}
