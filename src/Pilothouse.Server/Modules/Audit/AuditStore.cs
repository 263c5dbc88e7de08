using Pilothouse.Data;
using Pilothouse.Protocols.Audit;
using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Server.Modules.Audit;

internal sealed class AuditStore(Db db)
{
    private const string Columns = """idx AS "Index", time_ms AS TimeMs, actor, action, subject, details, leaf_hash AS LeafHash, hash""";

    public async Task<AuditReceipt> AppendAsync(DbSession session, AuditRecord record)
    {
        var head = await session.FirstOrDefaultAsync<Head>("SELECT size, hash FROM aud_head WHERE id = 1" + session.Dialect.ForUpdate)
            ?? throw new InvalidOperationException("aud_head has no row: the audit tables were tampered with.");
        var entry = record with { Index = head.Size };
        var leaf = AuditChain.LeafHash(entry);
        var hash = AuditChain.Next(head.Hash, leaf);
        await session.ExecuteAsync("""
            INSERT INTO aud_entry (idx, time_ms, actor, action, subject, details, leaf_hash, hash)
            VALUES (@Index, @TimeMs, @Actor, @Action, @Subject, @Details, @leaf, @hash)
            """, new { entry.Index, entry.TimeMs, entry.Actor, entry.Action, entry.Subject, entry.Details, leaf, hash });
        await session.ExecuteAsync("UPDATE aud_head SET size = @size, hash = @hash WHERE id = 1", new { size = head.Size + 1, hash });
        return new AuditReceipt(entry.Index, hash);
    }

    public Task<AuditReceipt> AppendAsync(AuditRecord record, CancellationToken ct) => db.WriteAsync(session => AppendAsync(session, record), ct);

    public async Task<IReadOnlyList<AuditEntry>> ListAsync(string? subjectPrefix, long? before, int limit, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<Row>($"""
        SELECT {Columns} FROM aud_entry
        WHERE idx < @before AND (@prefix IS NULL OR substr(subject, 1, @length) = @prefix)
        ORDER BY idx DESC LIMIT @limit
        """, new { before = before ?? long.MaxValue, prefix = subjectPrefix, length = subjectPrefix?.Length ?? 0, limit }), ct)).Select(row => row.ToEntry())];

    /// <summary>In order, from <paramref name="from"/>: for export and verification.</summary>
    public async Task<IReadOnlyList<AuditEntry>> ReadAsync(long from, int limit, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<Row>(
        $"SELECT {Columns} FROM aud_entry WHERE idx >= @from ORDER BY idx LIMIT @limit", new { from, limit }), ct)).Select(row => row.ToEntry())];

    private sealed class Head
    {
        public long Size { get; init; }
        public string Hash { get; init; } = "";
    }

    private sealed class Row
    {
        public long Index { get; init; }
        public long TimeMs { get; init; }
        public string Actor { get; init; } = "";
        public string Action { get; init; } = "";
        public string Subject { get; init; } = "";
        public string Details { get; init; } = "";
        public string LeafHash { get; init; } = "";
        public string Hash { get; init; } = "";

        public AuditEntry ToEntry() => new(Index, TimeMs, Actor, Action, Subject, Details, LeafHash, Hash);
    }
}
