using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Blobs.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Blobs.Care;

/// <summary>What the pages show of the store. Usage looks at every blob, so pages that are reloaded share one look a minute.</summary>
internal sealed class StorageCare(UsageService usage, ScrubService scrub, CollectionService collection, TimeProvider time) : IStorageCare, IDisposable
{
    private static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(1);

    private readonly SemaphoreSlim _gate = new(1);
    private BlobUsage? _last;
    private long _lastMs;

    public async Task<BlobUsage> UsageAsync(CancellationToken ct)
    {
        await _gate.WaitAsync(ct);
        try
        {
            if (_last is null || time.NowMs() - _lastMs > MaxAge.TotalMilliseconds) (_last, _lastMs) = (await usage.ReadAsync(ct), time.NowMs());
            return _last;
        }
        finally
        {
            _gate.Release();
        }
    }

    public Task<ScrubReport?> LastScrubAsync(CancellationToken ct) => scrub.LastAsync(ct);

    public Task<BlobGarbageReport?> LastCollectionAsync(CancellationToken ct) => collection.LastAsync(ct);

    public Task<BlobGarbageReport?> LastDryRunAsync(CancellationToken ct) => collection.LastDryRunAsync(ct);

    public async Task StartScrubAsync(CancellationToken ct) => await scrub.StartAsync(new ScrubRequest(), ct);

    public async Task DryRunAsync(string actor, CancellationToken ct) => await collection.CollectAsync(new BlobGarbageRequest(), actor, ct);

    public async Task SetQuotaAsync(string project, long? bytes, string actor, CancellationToken ct)
    {
        await usage.SetQuotaAsync(project, bytes, actor, ct);
        _lastMs = 0; // the next page shows it
    }

    public void Dispose() => _gate.Dispose();
}
