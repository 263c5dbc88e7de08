using Pilothouse.Data;
using Pilothouse.Server.Modules.Repositories.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Repositories.Push;

/// <summary>A push that one subscriber has still to be told of.</summary>
internal sealed record Untold(string Id, string Subscriber, RepositoryPushed Push, int Attempts);

internal sealed class PushOutbox(Db db)
{
    /// <summary>In the transaction that records the push.</summary>
    public static async Task AddAsync(DbSession session, string id, IEnumerable<string> subscribers, RepositoryPushed push, long nowMs)
    {
        var json = WireJson.Write(push);
        foreach (var subscriber in subscribers)
            await session.ExecuteAsync("INSERT INTO rep_push_out (id, subscriber, push, attempts, next_ms) VALUES (@id, @subscriber, @json, 0, @nowMs)", new { id, subscriber, json, nowMs });
    }

    /// <summary>The oldest that is due, taken for a while: another server does not take it too.</summary>
    public Task<Untold?> ClaimAsync(string worker, IReadOnlyCollection<string> subscribers, long nowMs, long leaseMs, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var row = await session.FirstOrDefaultAsync<Row>($"""
            SELECT id AS Id, subscriber AS Subscriber, push AS Push, attempts AS Attempts FROM rep_push_out WHERE next_ms <= @nowMs AND {session.Dialect.In("subscriber", "@subscribers")} ORDER BY id, subscriber LIMIT 1{session.Dialect.ForUpdateSkipLocked}
            """, new { nowMs, subscribers = subscribers.ToArray() });
        if (row is null) return null;
        await session.ExecuteAsync("UPDATE rep_push_out SET worker = @worker, next_ms = @until, attempts = attempts + 1 WHERE id = @Id AND subscriber = @Subscriber", new { worker, until = nowMs + leaseMs, row.Id, row.Subscriber });
        return new Untold(row.Id, row.Subscriber, WireJson.Read<RepositoryPushed>(row.Push), (int)row.Attempts + 1);
    }, ct);

    public Task DoneAsync(Untold told, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("DELETE FROM rep_push_out WHERE id = @Id AND subscriber = @Subscriber", new { told.Id, told.Subscriber }), ct);

    public Task LaterAsync(Untold untold, long nextMs, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync(
        "UPDATE rep_push_out SET worker = NULL, next_ms = @nextMs WHERE id = @Id AND subscriber = @Subscriber", new { nextMs, untold.Id, untold.Subscriber }), ct);

    /// <summary>What this server had in hand when it was killed is due at once.</summary>
    public Task ReleaseAsync(string worker, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("UPDATE rep_push_out SET worker = NULL, next_ms = 0 WHERE worker = @worker", new { worker }), ct);

    public Task<long?> NextDueAsync(CancellationToken ct) => db.ReadAsync(session => session.ScalarAsync<long?>("SELECT MIN(next_ms) FROM rep_push_out"), ct);

    private sealed class Row
    {
        public string Id { get; init; } = "";
        public string Subscriber { get; init; } = "";
        public string Push { get; init; } = "";
        public long Attempts { get; init; }
    }
}
