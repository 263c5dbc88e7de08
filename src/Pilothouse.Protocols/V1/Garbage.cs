namespace Pilothouse.Protocols.V1;

/// <summary><c>POST /api/v1/gc</c>: what is deleted goes for good.</summary>
public sealed record GarbageRequest
{
    /// <summary>True (the default) = only say what would go.</summary>
    public bool DryRun { get; init; } = true;

    /// <summary>Only what was deleted at least this many seconds ago.</summary>
    public long OlderThanSeconds { get; init; }

    /// <summary>A blob that nobody names is kept this many seconds longer, for clients that are about to name it.</summary>
    public long GraceSeconds { get; init; } = 24 * 3600;

    /// <summary>Only these runs; with any list given, kinds without a list are left alone.</summary>
    public IReadOnlyList<string>? RunIds { get; init; }

    public IReadOnlyList<string>? ExperimentIds { get; init; }

    public IReadOnlyList<string>? ModelIds { get; init; }
}

/// <summary>What went, or, in a dry run, would go.</summary>
/// <param name="Items">The first 1,000 of them.</param>
/// <param name="Files">Artifacts of all of them, with their bytes; the same bytes under several names count several times.</param>
/// <param name="More">There is more to do than one call does; call again.</param>
public sealed record GarbageReport(bool DryRun, int Experiments, int Runs, int Models, long Files, long FileBytes, int Uploads, BlobReport Blobs, IReadOnlyList<GarbageItem> Items, bool More)
{
    /// <summary>Deleted runs and models that stay because a release or a deployment stands on them; the first 1,000.</summary>
    public IReadOnlyList<GarbageHeld> Held { get; init; } = [];
}

/// <param name="Kind"><c>run</c> or <c>model</c>.</param>
/// <param name="By">What stands on it, by name.</param>
public sealed record GarbageHeld(string Kind, string Id, string Name, string By);

/// <param name="Kind"><c>experiment</c>, <c>run</c> or <c>model</c>.</param>
/// <param name="DeletedMs">Epoch milliseconds.</param>
public sealed record GarbageItem(string Kind, string Id, string Name, long DeletedMs, long Files, long FileBytes);

/// <param name="Deleted">Blobs that went.</param>
/// <param name="Bytes">Bytes freed on the disk.</param>
/// <param name="Needed">Blobs that lost a name but have others.</param>
/// <param name="Waiting">Blobs whose time of grace is not over.</param>
public sealed record BlobReport(int Deleted, long Bytes, int Needed, int Waiting);
