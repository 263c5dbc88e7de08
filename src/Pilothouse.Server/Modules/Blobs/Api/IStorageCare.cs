using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Blobs.Api;

/// <summary>The content store as a whole: who keeps how much, and what the last look at it found.</summary>
public interface IStorageCare
{
    /// <summary>Figures that are at most a minute old.</summary>
    Task<BlobUsage> UsageAsync(CancellationToken ct);

    /// <returns>Null = there was none yet.</returns>
    Task<ScrubReport?> LastScrubAsync(CancellationToken ct);

    /// <returns>The last that deleted; null = there was none yet.</returns>
    Task<BlobGarbageReport?> LastCollectionAsync(CancellationToken ct);

    /// <returns>The last that only said what would go; null = there was none yet.</returns>
    Task<BlobGarbageReport?> LastDryRunAsync(CancellationToken ct);

    /// <summary>Begins a scrub, which goes on by itself.</summary>
    /// <exception cref="Platform.PilothouseException">FailedPrecondition: one runs already.</exception>
    Task StartScrubAsync(CancellationToken ct);

    /// <summary>Finds out what a garbage collection would delete.</summary>
    /// <exception cref="Platform.PilothouseException">FailedPrecondition: one runs already.</exception>
    Task DryRunAsync(string actor, CancellationToken ct);

    /// <exception cref="Platform.PilothouseException">InvalidArgument.</exception>
    Task SetQuotaAsync(string project, long? bytes, string actor, CancellationToken ct);
}
