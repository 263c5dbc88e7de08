namespace Pilothouse.Protocols.V1;

/// <summary><c>POST /api/v1/blobs/gc</c>: deletes every blob that nothing names.</summary>
/// <param name="DryRun">True = only say what would go.</param>
/// <param name="GraceSeconds">Blobs stored or looked for in this time stay: someone may be about to name them. At least an hour.</param>
public sealed record BlobGarbageRequest(bool DryRun = true, long GraceSeconds = 24 * 3600);

/// <param name="Deleted">Blobs that went, or would go.</param>
/// <param name="Bytes">Bytes freed.</param>
/// <param name="Needed">Named somewhere.</param>
/// <param name="Recent">Not named, but used within the time of grace.</param>
/// <param name="Uploads">Abandoned uploads forgotten.</param>
public sealed record BlobGarbageReport(bool DryRun, long StartedMs, long EndedMs, int Deleted, long Bytes, int Needed, int Recent, int Uploads);

/// <summary><c>POST /api/v1/blobs/scrub</c>: reads everything and compares it with its digest.</summary>
/// <param name="MegabytesPerSecond">At most so fast; 0 = as fast as it goes.</param>
public sealed record ScrubRequest(double MegabytesPerSecond = 100);

/// <summary>The last scrub, or the one that runs.</summary>
/// <param name="State"><c>running</c>, <c>done</c> or <c>interrupted</c> (the server stopped).</param>
/// <param name="Blobs">Read so far.</param>
/// <param name="Faults">The first 1,000.</param>
/// <param name="FaultCount">All of them.</param>
public sealed record ScrubReport(string State, long StartedMs, long? EndedMs, long Blobs, long Bytes, int FaultCount, IReadOnlyList<ScrubFault> Faults);

/// <param name="Kind"><c>corrupt</c>: the content is another; <c>missing</c>: named, but not there.</param>
/// <param name="Detail">What was found, or who names it.</param>
public sealed record ScrubFault(string Digest, string Kind, string Detail);

/// <summary><c>GET /api/v1/blobs/usage</c>.</summary>
/// <param name="Blobs">Contents in the store.</param>
/// <param name="Bytes">Their sizes together.</param>
/// <param name="StoredBytes">What they take: less where contents share parts.</param>
/// <param name="Unnamed">Bytes of contents that no project or module names (parts of others, or garbage).</param>
public sealed record BlobUsage(long Blobs, long Bytes, long StoredBytes, long Unnamed, IReadOnlyList<ProjectUsage> Projects)
{
    /// <summary>Sizes of all names together: what would be stored if the same content under two names were stored twice.</summary>
    public long NamedBytes { get; init; }

    /// <summary>The largest first; a content that is of two kinds counts for both.</summary>
    public IReadOnlyList<KindUsage> Kinds { get; init; } = [];
}

/// <param name="Kind">For people: <c>models</c>, <c>data sets</c>, <c>run artifacts</c>.</param>
public sealed record KindUsage(string Kind, long Blobs, long Bytes);

/// <param name="Project">Null = named, but by no project.</param>
/// <param name="Bytes">Each content once, however often the project names it; what two projects name counts for both.</param>
/// <param name="QuotaBytes">Null = none.</param>
public sealed record ProjectUsage(string? Project, long Blobs, long Bytes, long? QuotaBytes);

/// <summary><c>PUT /api/v1/blobs/quotas/{project}</c>.</summary>
/// <param name="Bytes">Null = no limit.</param>
public sealed record BlobQuota(long? Bytes);
