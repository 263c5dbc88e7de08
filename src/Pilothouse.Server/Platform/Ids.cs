namespace Pilothouse.Server.Platform;

/// <summary>Identifiers: 32 lower-case hex digits, as MLflow's run ids, but in order of time (UUID version 7) so that keyset paging works on them.</summary>
public sealed class Ids(TimeProvider time)
{
    public string New() => Guid.CreateVersion7(time.GetUtcNow()).ToString("N");
}
