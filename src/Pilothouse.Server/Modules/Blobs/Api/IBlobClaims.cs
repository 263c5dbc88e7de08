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
    /// <summary>Refuses content for which a project has no room.</summary>
    /// <param name="project">Null = of no project: never refused.</param>
    /// <exception cref="Platform.PilothouseException">StorageFull, with the figures.</exception>
    Task RequireRoomAsync(string? project, long bytes, CancellationToken ct);
}
