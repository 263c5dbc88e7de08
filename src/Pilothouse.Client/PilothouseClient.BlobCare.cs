using System.Net.Http.Json;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

/// <summary>Care of the blob store; most of it needs the role admin.</summary>
public sealed partial class PilothouseClient
{
    /// <summary>Deletes every blob that nothing names, or says what would go.</summary>
    public Task<BlobGarbageReport> CollectBlobsAsync(BlobGarbageRequest request, CancellationToken ct) => PostAsync<BlobGarbageReport>("api/v1/blobs/gc", request, ct);

    /// <summary>Begins to compare everything with its digest.</summary>
    public Task<ScrubReport> StartScrubAsync(ScrubRequest request, CancellationToken ct) => PostAsync<ScrubReport>("api/v1/blobs/scrub", request, ct);

    /// <summary>The scrub that runs, or the last one.</summary>
    public Task<ScrubReport> GetScrubAsync(CancellationToken ct) => GetAsync<ScrubReport>("api/v1/blobs/scrub", ct);

    public Task<BlobUsage> GetBlobUsageAsync(CancellationToken ct) => GetAsync<BlobUsage>("api/v1/blobs/usage", ct);

    /// <param name="bytes">Null = no limit.</param>
    public Task SetBlobQuotaAsync(string project, long? bytes, CancellationToken ct) =>
        SendAsync<BlobQuota>(HttpMethod.Put, $"api/v1/blobs/quotas/{Uri.EscapeDataString(project)}", JsonContent.Create(new BlobQuota(bytes), options: Json), ct);
}
