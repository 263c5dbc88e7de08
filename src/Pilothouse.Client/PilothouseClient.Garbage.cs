using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

public sealed partial class PilothouseClient
{
    /// <summary>Removes what was deleted for good, or says what would go. Needs the role admin.</summary>
    public Task<GarbageReport> CollectGarbageAsync(GarbageRequest request, CancellationToken ct) => PostAsync<GarbageReport>("api/v1/gc", request, ct);
}
