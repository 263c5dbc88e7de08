using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Server.Modules.Registry;

internal sealed partial class RegistryStore
{
    /// <returns>The version an alias points to, whether or not it still is; null = no such alias.</returns>
    public Task<long?> AliasAsync(string type, string name, string alias, CancellationToken ct) => db.ReadAsync(session =>
        session.ScalarAsync<long?>("SELECT version FROM reg_pointer WHERE object_type = @type AND name = @name AND alias = @alias", new { type, name, alias }), ct);

    /// <returns>False when there is no such version.</returns>
    public Task<bool> SetAliasAsync(string type, string name, string alias, long version, MoveCause cause, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await LockAsync(session, type, name) is null || !await IsLiveAsync(session, type, name, version)) return false;
        await PointAsync(session, type, name, alias, version, await VersionOfAsync(session, type, name, alias), cause, now);
        return true;
    }, ct);

    /// <summary>Moves an alias only when it points to what the caller believes.</summary>
    /// <param name="expected">Null = there must be no such alias.</param>
    /// <returns>False when it points elsewhere by now, or the version is not there.</returns>
    public Task<bool> MoveAliasAsync(string type, string name, string alias, long? expected, long version, MoveCause cause, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await LockAsync(session, type, name) is null || !await IsLiveAsync(session, type, name, version)) return false;
        var old = await VersionOfAsync(session, type, name, alias);
        if (old != expected) return false;
        await PointAsync(session, type, name, alias, version, old, cause, now);
        return true;
    }, ct);

    /// <returns>False when there is no such alias.</returns>
    public Task<bool> DeleteAliasAsync(string type, string name, string alias, MoveCause cause, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await LockAsync(session, type, name) is null || await VersionOfAsync(session, type, name, alias) is not { } old) return false;
        await session.ExecuteAsync("DELETE FROM reg_pointer WHERE object_type = @type AND name = @name AND alias = @alias", new { type, name, alias });
        var receipt = await audit.AppendAsync(session, new AuditEvent(cause.Actor, $"{type}_alias.delete", $"{ObjectType.Subject(type, name)}@{alias}", new { OldVersion = old, cause.Reason }));
        await NoteMoveAsync(session, type, name, "@" + alias, Text(old), null, cause, receipt, now);
        return true;
    }, ct);

    private async Task PointAsync(DbSession session, string type, string name, string alias, long version, long? old, MoveCause cause, long now)
    {
        if (old == version) return;
        await session.ExecuteAsync("""
            INSERT INTO reg_pointer (object_type, name, alias, version, updated_ms) VALUES (@type, @name, @alias, @version, @now)
            ON CONFLICT (object_type, name, alias) DO UPDATE SET version = excluded.version, updated_ms = excluded.updated_ms
            """, new { type, name, alias, version, now });
        var receipt = await audit.AppendAsync(session, new AuditEvent(cause.Actor, $"{type}_alias.{cause.Kind}", $"{ObjectType.Subject(type, name)}@{alias}", new { OldVersion = old, NewVersion = version, cause.Reason }));
        await NoteMoveAsync(session, type, name, "@" + alias, old is { } number ? Text(number) : null, Text(version), cause, receipt, now);
    }

    private static Task<long?> VersionOfAsync(DbSession session, string type, string name, string alias) =>
        session.ScalarAsync<long?>("SELECT version FROM reg_pointer WHERE object_type = @type AND name = @name AND alias = @alias", new { type, name, alias });

    private static string Text(long version) => version.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
