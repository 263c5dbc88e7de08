using System.Collections.Frozen;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Modules.Blobs.Uploads;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Care;

/// <summary>Garbage collection of the whole store, beside running writes.</summary>
internal sealed class CollectionService(BlobGarbage garbage, UploadService uploads, CareStore store, IEnumerable<IBlobClaims> claims, IAuditLog audit, TimeProvider time)
{
    /// <summary>A blob is marked as used at most every ten minutes, and who found it must have had time to name it.</summary>
    public const long MinGraceSeconds = 3600;
    private const long MaxGraceSeconds = 100L * 365 * 24 * 3600;

    private int _running;

    /// <exception cref="PilothouseException">InvalidArgument; FailedPrecondition: it runs already.</exception>
    public async Task<BlobGarbageReport> CollectAsync(BlobGarbageRequest request, string actor, CancellationToken ct)
    {
        if (request.GraceSeconds is < MinGraceSeconds or > MaxGraceSeconds) throw new PilothouseException(ErrorCode.InvalidArgument, "grace_seconds must be between an hour and 100 years: in it, who has stored or found a blob gives it a name.");
        if (Interlocked.Exchange(ref _running, 1) == 1) throw new PilothouseException(ErrorCode.FailedPrecondition, "A garbage collection is running already. Wait for it to end.");
        try
        {
            var started = time.NowMs();
            var expired = request.DryRun ? 0 : await uploads.ExpireAsync(ct);
            var leaves = claims.SelectMany(c => c.LeafTables).ToFrozenSet();
            var sweep = await garbage.SweepAllAsync(leaves, started - request.GraceSeconds * 1000, request.DryRun, ct);
            var report = new BlobGarbageReport(request.DryRun, started, time.NowMs(), sweep.Deleted.Count, sweep.Bytes, sweep.Needed, sweep.Recent, expired);
            if (request.DryRun)
            {
                await store.SaveAsync("gc-dry", started, WireJson.Write(report), ct);
                return report;
            }
            if (sweep.Deleted.Count > 0) await audit.AppendAsync(new AuditEvent(actor, "blobs.delete", "blobs", new { count = sweep.Deleted.Count, bytes = sweep.Bytes }), ct);
            await store.SaveAsync("gc", started, WireJson.Write(report), ct);
            return report;
        }
        finally
        {
            Volatile.Write(ref _running, 0);
        }
    }

    /// <returns>The last that only said what would go; null = there was none yet.</returns>
    public async Task<BlobGarbageReport?> LastDryRunAsync(CancellationToken ct) => await store.LastAsync("gc-dry", ct) is { } report ? WireJson.Read<BlobGarbageReport>(report) : null;

    /// <returns>Null = there was none yet.</returns>
    public async Task<BlobGarbageReport?> LastAsync(CancellationToken ct) => await store.LastAsync("gc", ct) is { } report ? WireJson.Read<BlobGarbageReport>(report) : null;
}
