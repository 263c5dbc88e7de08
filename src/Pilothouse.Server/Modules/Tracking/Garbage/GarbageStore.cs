using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Tracking.Garbage;

/// <summary>SQL of <c>trk_garbage</c>: blobs that lost a name.</summary>
internal sealed class GarbageStore(Db db)
{
    /// <summary>Notes blobs, in the write that removes their names. One that is noted already starts its time of grace anew.</summary>
    public static Task AddAsync(DbSession session, IReadOnlyCollection<string> digests, long now) =>
        session.BulkUpsertAsync("trk_garbage", ["digest", "since_ms"], [.. digests.Distinct(StringComparer.Ordinal)], (row, digest) =>
        {
            row.Bytes(Convert.FromHexString(digest.AsSpan("sha256:".Length)));
            row.Integer(now);
        }, "ON CONFLICT (digest) DO UPDATE SET since_ms = excluded.since_ms");

    /// <summary>Blobs noted before a time, the oldest first.</summary>
    public Task<List<string>> ListAsync(long beforeMs, int limit, CancellationToken ct) => db.ReadAsync(async session =>
        (await session.QueryAsync<byte[]>("SELECT digest FROM trk_garbage WHERE since_ms <= @beforeMs ORDER BY since_ms LIMIT @limit", new { beforeMs, limit }))
        .ConvertAll(digest => "sha256:" + Convert.ToHexStringLower(digest)), ct);

    public Task<long> CountAsync(CancellationToken ct) => db.ReadAsync(session => session.ScalarAsync<long>("SELECT COUNT(*) FROM trk_garbage"), ct);

    public Task RemoveAsync(IReadOnlyCollection<string> digests, CancellationToken ct) => db.WriteAsync(async session =>
    {
        foreach (var chunk in digests.Chunk(RunStore.MaxIdsPerQuery))
            await session.ExecuteAsync($"DELETE FROM trk_garbage WHERE {session.Dialect.In("digest", "@chunk")}", new { chunk = chunk.Select(d => Convert.FromHexString(d.AsSpan("sha256:".Length))).ToArray() });
    }, ct);
}
