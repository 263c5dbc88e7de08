using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Server.Modules.Registry;

internal sealed partial class RegistryStore
{
    /// <returns>The version an alias points to, whether or not it still is; null = no such alias.</returns>
    public Task<long?> AliasAsync(string type, string name, string alias, CancellationToken ct) => db.ReadAsync(session =>
        session.ScalarAsync<long?>("SELECT version FROM reg_pointer WHERE object_type = @type AND name = @name AND alias = @alias", new { type, name, alias }), ct);

    /// <returns>False when there is no such version.</returns>
    public Task<bool> SetAliasAsync(string type, string name, string alias, long version, string actor, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await LockAsync(session, type, name) is null || !await IsLiveAsync(session, type, name, version)) return false;
        var old = await session.ScalarAsync<long?>("SELECT version FROM reg_pointer WHERE object_type = @type AND name = @name AND alias = @alias", new { type, name, alias });
        if (old == version) return true;
        await session.ExecuteAsync("""
            INSERT INTO reg_pointer (object_type, name, alias, version, updated_ms) VALUES (@type, @name, @alias, @version, @now)
            ON CONFLICT (object_type, name, alias) DO UPDATE SET version = excluded.version, updated_ms = excluded.updated_ms
            """, new { type, name, alias, version, now });
        await audit.AppendAsync(session, new AuditEvent(actor, $"{type}_alias.set", $"{ObjectType.Subject(type, name)}@{alias}", new { OldVersion = old, NewVersion = version }));
        return true;
    }, ct);

    /// <returns>False when there is no such alias.</returns>
    public Task<bool> DeleteAliasAsync(string type, string name, string alias, string actor, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await LockAsync(session, type, name) is null) return false;
        var old = await session.ScalarAsync<long?>("SELECT version FROM reg_pointer WHERE object_type = @type AND name = @name AND alias = @alias", new { type, name, alias });
        if (old is null) return false;
        await session.ExecuteAsync("DELETE FROM reg_pointer WHERE object_type = @type AND name = @name AND alias = @alias", new { type, name, alias });
        await audit.AppendAsync(session, new AuditEvent(actor, $"{type}_alias.delete", $"{ObjectType.Subject(type, name)}@{alias}", new { OldVersion = old }));
        return true;
    }, ct);
}
