using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Identity;

internal sealed record TokenRow(string Id, string Name, string Sha256, Role Role, long CreatedMs, long? ExpiresMs);

internal sealed class TokenStore(Db db, IAuditLog audit)
{
    private const int MaxTokens = 10_000;

    public Task InsertAsync(TokenRow token, AuditEvent record, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("""
            INSERT INTO idn_token (id, name, sha256, role, created_ms, expires_ms) VALUES (@Id, @Name, @Sha256, @Role, @CreatedMs, @ExpiresMs)
            """, new { token.Id, token.Name, token.Sha256, Role = (long)token.Role, token.CreatedMs, token.ExpiresMs });
        await audit.AppendAsync(session, record);
    }, ct);

    public async Task<TokenRow?> FindAsync(string sha256, long nowMs, CancellationToken ct) => (await db.ReadAsync(session => session.FirstOrDefaultAsync<Row>("""
        SELECT id, name, sha256, role, created_ms AS CreatedMs, expires_ms AS ExpiresMs FROM idn_token
        WHERE sha256 = @sha256 AND (expires_ms IS NULL OR expires_ms > @nowMs)
        """, new { sha256, nowMs }), ct))?.ToToken();

    public async Task<IReadOnlyList<TokenRow>> ListAsync(CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<Row>($"""
        SELECT id, name, sha256, role, created_ms AS CreatedMs, expires_ms AS ExpiresMs FROM idn_token ORDER BY name LIMIT {MaxTokens}
        """), ct)).Select(row => row.ToToken())];

    public Task DeleteAsync(string name, AuditEvent record, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ExecuteAsync("DELETE FROM idn_token WHERE name = @name", new { name }) == 0)
            throw new PilothouseException(ErrorCode.NotFound, $"There is no token named '{name}'.");
        await audit.AppendAsync(session, record);
    }, ct);

    // Dapper fills properties: both databases give 64-bit integers.
    private sealed class Row
    {
        public string Id { get; init; } = "";
        public string Name { get; init; } = "";
        public string Sha256 { get; init; } = "";
        public long Role { get; init; }
        public long CreatedMs { get; init; }
        public long? ExpiresMs { get; init; }

        public TokenRow ToToken() => new(Id, Name, Sha256, (Role)Role, CreatedMs, ExpiresMs);
    }
}
