namespace Pilothouse.Server.Modules.Blobs.Api;

/// <summary>Deletes blobs that nothing needs any more.</summary>
public interface IBlobGarbage
{
    /// <summary>
    /// Deletes those of the blobs that are neither named in a text of the database, nor in a JSON document (an OCI manifest, a list of a model's files) whose own
    /// digest stands there, and that nobody stored or looked for since the time given.
    /// </summary>
    /// <param name="leafTables">Tables whose blobs are files of users: what stands in those is no claim.</param>
    /// <param name="untouchedSinceMs">Epoch milliseconds.</param>
    /// <param name="dryRun">Only says what would go.</param>
    Task<BlobSweep> SweepAsync(IReadOnlyCollection<string> digests, IReadOnlySet<string> leafTables, long untouchedSinceMs, bool dryRun, CancellationToken ct);
}

/// <param name="Deleted">Gone, or, in a dry run, to go; blobs that were not there to begin with included.</param>
/// <param name="Bytes">Their size.</param>
/// <param name="Needed">Still named somewhere.</param>
/// <param name="Recent">Stored again or looked for lately; the next sweep decides.</param>
public sealed record BlobSweep(IReadOnlyList<string> Deleted, long Bytes, int Needed, int Recent);
