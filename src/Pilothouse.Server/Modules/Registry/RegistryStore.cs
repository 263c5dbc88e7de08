using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

/// <summary>
/// SQL of models and prompts. Every change of an object locks its row first: numbers have no gaps, and the old value in the audit log is the true one
/// under concurrent moves.
/// </summary>
internal sealed partial class RegistryStore(Db db, IAuditLog audit)
{
    internal const string ObjectColumns = "o.object_type AS Type, o.name AS Name, o.kind AS Kind, o.latest_version AS Counter, o.description AS Description, o.created_ms AS CreatedMs, o.updated_ms AS UpdatedMs";

    /// <summary>Names followed from one rename to the next.</summary>
    private const int MaxRenames = 8;

    /// <returns>False when the name is taken by an object of this type.</returns>
    public Task<bool> CreateAsync(string type, string name, string kind, string? description, IReadOnlyList<MlflowPair> tags, string actor, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (!await InsertAsync(session, type, name, kind, description, now)) return false;
        await PutTagsAsync(session, type, name, 0, tags);
        await audit.AppendAsync(session, new AuditEvent(actor, $"{type}.create", ObjectType.Subject(type, name), new { Description = Short(description) }));
        return true;
    }, ct);

    public Task<ObjectRow?> FindAsync(string type, string name, CancellationToken ct) => db.ReadAsync(session => FindAsync(session, type, name), ct);

    /// <summary>The object as MLflow finds it: by name alone, a model before a prompt.</summary>
    public Task<ObjectRow?> FindAnyAsync(string name, CancellationToken ct) => db.ReadAsync(async session => await FindAsync(session, ObjectType.Model, name) ?? await FindAsync(session, ObjectType.Prompt, name), ct);

    /// <summary>The type of the object of this name, a model before a prompt; null = none.</summary>
    public Task<string?> TypeOfAsync(string name, CancellationToken ct) => db.ReadAsync(session =>
        session.ScalarAsync<string>("SELECT object_type FROM reg_object WHERE name = @name AND object_type IN ('model', 'prompt') AND deleted_ms IS NULL ORDER BY object_type LIMIT 1", new { name }), ct);

    /// <summary>What the object of this name is called now: itself, or what it was renamed to; null = it is gone.</summary>
    public Task<string?> CurrentNameAsync(string type, string name, CancellationToken ct) => db.ReadAsync(async session =>
    {
        for (var step = 0; step < MaxRenames; step++)
        {
            var row = await session.FirstOrDefaultAsync<Tombstone>("SELECT deleted_ms AS DeletedMs, renamed_to AS RenamedTo FROM reg_object WHERE object_type = @type AND name = @name", new { type, name });
            if (row is null) return null;
            if (row.DeletedMs is null) return name;
            if (row.RenamedTo is null) return null;
            name = row.RenamedTo;
        }
        return null;
    }, ct);

    /// <summary>All of a type, by name.</summary>
    public Task<List<ObjectRow>> ListAsync(string type, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var rows = await session.QueryAsync<ObjectRow>($"SELECT {ObjectColumns} FROM reg_object o WHERE object_type = @type AND deleted_ms IS NULL ORDER BY name LIMIT {RegistryRules.MaxListed}", new { type });
        await AddDetailsAsync(session, type, rows);
        return rows;
    }, ct);

    /// <returns>False when there is no such object.</returns>
    public Task<bool> DescribeAsync(string type, string name, string? description, string actor, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (description is "") description = null;
        if (await LockAsync(session, type, name) is not { } held) return false;
        await session.ExecuteAsync("UPDATE reg_object SET description = @description, updated_ms = @now WHERE object_type = @type AND name = @name", new { type, name, description, now });
        if (held.Description != description)
            await audit.AppendAsync(session, new AuditEvent(actor, $"{type}.describe", ObjectType.Subject(type, name), new { OldDescription = Short(held.Description), NewDescription = Short(description) }));
        return true;
    }, ct);

    /// <summary>Gives the object another name. The old one leads to it until another object takes it.</summary>
    /// <returns>False when there is no such object.</returns>
    /// <exception cref="PilothouseException">AlreadyExists.</exception>
    public Task<bool> RenameAsync(string type, string name, string newName, string actor, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var old = await LockAsync(session, type, name);
        if (old is null) return false;
        if (name == newName) return true;
        if (!await InsertAsync(session, type, newName, old.Kind, old.Description, now)) throw Taken(type, newName);
        // Rows of versions that were deleted under the new name, before it was given up.
        await session.ExecuteAsync("DELETE FROM reg_version WHERE object_type = @type AND name = @newName", new { type, newName });
        await session.ExecuteAsync($"""
            UPDATE reg_object SET created_ms = @CreatedMs, updated_ms = @now, latest_version = CASE WHEN latest_version > @Counter THEN latest_version ELSE @Counter END WHERE object_type = @type AND name = @newName
            """, new { old.CreatedMs, old.Counter, now, type, newName });
        await session.ExecuteAsync("UPDATE reg_object SET deleted_ms = @now, renamed_to = @newName, description = NULL WHERE object_type = @type AND name = @name", new { now, newName, type, name });
        await session.ExecuteAsync("UPDATE reg_version SET name = @newName, updated_ms = @now WHERE object_type = @type AND name = @name", new { newName, now, type, name });
        foreach (var table in (string[])["reg_tag", "reg_pointer", "reg_move"])
            await session.ExecuteAsync($"UPDATE {table} SET name = @newName WHERE object_type = @type AND name = @name", new { newName, type, name });
        await RegistryEdges.RenameAsync(session, type, name, newName);
        await audit.AppendAsync(session, new AuditEvent(actor, $"{type}.rename", ObjectType.Subject(type, newName), new { OldName = name, NewName = newName }));
        return true;
    }, ct);

    /// <summary>Removes the object with its versions, tags and aliases. The counter stays: a new object of this name goes on from it.</summary>
    /// <returns>False when there is no such object.</returns>
    public Task<bool> DeleteAsync(string type, string name, string actor, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var old = await LockAsync(session, type, name);
        if (old is null) return false;
        var versions = await session.QueryAsync<long>($"SELECT version FROM reg_version WHERE object_type = @type AND name = @name AND deleted_ms IS NULL ORDER BY version DESC LIMIT {RegistryRules.MaxListed}", new { type, name });
        var aliases = await session.QueryAsync<AliasRow>($"SELECT name AS Name, alias AS Alias, version AS Version FROM reg_pointer WHERE object_type = @type AND name = @name ORDER BY alias LIMIT 10000", new { type, name });
        var stages = await StagesAsync(session, type, name);
        await session.ExecuteAsync("UPDATE reg_object SET deleted_ms = @now, renamed_to = NULL, description = NULL WHERE object_type = @type AND name = @name", new { now, type, name });
        await session.ExecuteAsync("UPDATE reg_version SET deleted_ms = @now, files = '[]' WHERE object_type = @type AND name = @name AND deleted_ms IS NULL", new { now, type, name });
        foreach (var table in (string[])["reg_tag", "reg_pointer"])
            await session.ExecuteAsync($"DELETE FROM {table} WHERE object_type = @type AND name = @name", new { type, name });
        var receipt = await audit.AppendAsync(session, new AuditEvent(actor, $"{type}.delete", ObjectType.Subject(type, name),
            new { Versions = versions.Take(100), OldAliases = aliases.Take(20).Select(a => $"{a.Alias}={a.Version}") }));
        // What was in production is known after the object is gone.
        var cause = new MoveCause(actor, $"the {type} was deleted", MoveCause.Delete);
        foreach (var alias in aliases) await NoteMoveAsync(session, type, name, "@" + alias.Alias, Text(alias.Version), null, cause, receipt, now);
        await NoteStagesAsync(session, type, name, stages, cause, receipt, now);
        return true;
    }, ct);

    /// <param name="version">0 = a tag of the object itself.</param>
    /// <returns>False when there is no such object or version.</returns>
    public Task<bool> SetTagAsync(string type, string name, long version, MlflowPair tag, string actor, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await LockAsync(session, type, name) is null || version > 0 && !await IsLiveAsync(session, type, name, version)) return false;
        var old = await TagAsync(session, type, name, version, tag.Key);
        if (old == tag.Value) return true;
        await PutTagsAsync(session, type, name, version, [tag]);
        await audit.AppendAsync(session, new AuditEvent(actor, TagAction(type, version, "set"), TagSubject(type, name, version), new { Key = Short(tag.Key), OldValue = Short(old), NewValue = Short(tag.Value) }));
        return true;
    }, ct);

    /// <returns>Null when there is no such object or version, else whether there was such a tag.</returns>
    public Task<bool?> DeleteTagAsync(string type, string name, long version, string key, string actor, CancellationToken ct) => db.WriteAsync<bool?>(async session =>
    {
        if (await LockAsync(session, type, name) is null || version > 0 && !await IsLiveAsync(session, type, name, version)) return null;
        if (await TagAsync(session, type, name, version, key) is not { } old) return false;
        await session.ExecuteAsync("DELETE FROM reg_tag WHERE object_type = @type AND name = @name AND version = @version AND key = @key", new { type, name, version, key });
        await audit.AppendAsync(session, new AuditEvent(actor, TagAction(type, version, "delete"), TagSubject(type, name, version), new { Key = Short(key), OldValue = Short(old) }));
        return true;
    }, ct);

    private static Task<string?> TagAsync(DbSession session, string type, string name, long version, string key) =>
        session.ScalarAsync<string>("SELECT value FROM reg_tag WHERE object_type = @type AND name = @name AND version = @version AND key = @key", new { type, name, version, key });

    private static string TagAction(string type, long version, string verb) => $"{type}{(version > 0 ? "_version" : "")}_tag.{verb}";

    private static string TagSubject(string type, string name, long version) => version > 0 ? $"{ObjectType.Subject(type, name)}/{version}" : ObjectType.Subject(type, name);

    /// <summary>Adds tags, aliases and the newest version of each stage.</summary>
    internal static async Task AddDetailsAsync(DbSession session, string type, List<ObjectRow> rows)
    {
        if (rows.Count == 0) return;
        var byName = rows.ToDictionary(r => r.Name, StringComparer.Ordinal);
        var names = byName.Keys.ToArray();
        foreach (var tag in await session.QueryAsync<TagRow>($"SELECT name AS Name, key AS Key, value AS Value FROM reg_tag WHERE object_type = @type AND version = 0 AND {session.Dialect.In("name", "@names")} ORDER BY key", new { type, names }))
            byName[tag.Name].Tags.Add(new MlflowPair(tag.Key, tag.Value));
        var aliases = await session.QueryAsync<AliasRow>($"""
            SELECT p.name AS Name, p.alias AS Alias, p.version AS Version, CASE WHEN v.version IS NULL THEN 0 ELSE 1 END AS IsLive FROM reg_pointer p
            LEFT JOIN reg_version v ON v.object_type = p.object_type AND v.name = p.name AND v.version = p.version AND v.deleted_ms IS NULL
            WHERE p.object_type = @type AND {session.Dialect.In("p.name", "@names")} ORDER BY p.alias
            """, new { type, names });
        foreach (var alias in aliases) byName[alias.Name].Aliases.Add((alias.Alias, alias.Version, alias.IsLive == 1));
        var latest = await session.QueryAsync<VersionRow>($"""
            SELECT {VersionColumns} FROM (
                SELECT r.*, ROW_NUMBER() OVER (PARTITION BY name, stage ORDER BY version DESC) AS place, MIN(version) OVER (PARTITION BY name, stage) AS first_version
                FROM reg_version r WHERE object_type = @type AND deleted_ms IS NULL AND {session.Dialect.In("name", "@names")}) v
            WHERE place = 1 ORDER BY v.name, first_version
            """, new { type, names });
        await AddDetailsAsync(session, type, latest);
        foreach (var version in latest) byName[version.Name].Latest.Add(version);
    }

    /// <summary>Locks a live object for the rest of the transaction.</summary>
    private static Task<ObjectRow?> LockAsync(DbSession session, string type, string name) => session.FirstOrDefaultAsync<ObjectRow>(
        $"SELECT {ObjectColumns} FROM reg_object o WHERE object_type = @type AND name = @name AND deleted_ms IS NULL" + session.Dialect.ForUpdate, new { type, name });

    /// <returns>False when the name is taken.</returns>
    private static async Task<bool> InsertAsync(DbSession session, string type, string name, string kind, string? description, long now) => await session.ExecuteAsync("""
        INSERT INTO reg_object (object_type, name, kind, latest_version, description, created_ms, updated_ms) VALUES (@type, @name, @kind, 0, @description, @now, @now)
        ON CONFLICT (object_type, name) DO UPDATE SET kind = excluded.kind, description = excluded.description, created_ms = excluded.created_ms, updated_ms = excluded.updated_ms,
            deleted_ms = NULL, renamed_to = NULL
        WHERE reg_object.deleted_ms IS NOT NULL
        """, new { type, name, kind, description = description is "" ? null : description, now }) > 0;

    private static async Task<ObjectRow?> FindAsync(DbSession session, string type, string name)
    {
        var row = await session.FirstOrDefaultAsync<ObjectRow>($"SELECT {ObjectColumns} FROM reg_object o WHERE object_type = @type AND name = @name AND deleted_ms IS NULL", new { type, name });
        if (row is not null) await AddDetailsAsync(session, type, [row]);
        return row;
    }

    private static async Task PutTagsAsync(DbSession session, string type, string name, long version, IReadOnlyList<MlflowPair> tags)
    {
        foreach (var tag in tags)
        {
            await session.ExecuteAsync("""
                INSERT INTO reg_tag (object_type, name, version, key, value) VALUES (@type, @name, @version, @Key, @Value)
                ON CONFLICT (object_type, name, version, key) DO UPDATE SET value = excluded.value
                """, new { type, name, version, tag.Key, tag.Value });
        }
    }

    private static PilothouseException Taken(string type, string name) => new(ErrorCode.AlreadyExists, $"There is a {type} named '{RegistryRules.Shorten(name)}' already. Choose another name.");

    /// <summary>An audit entry is bounded; the text itself is in the object.</summary>
    private static string? Short(string? text) => text?.Length > 200 ? text[..200] + "..." : text;

    private sealed class Tombstone
    {
        public long? DeletedMs { get; init; }
        public string? RenamedTo { get; init; }
    }

    private sealed class TagRow
    {
        public string Name { get; init; } = "";
        public long Version { get; init; }
        public string Key { get; init; } = "";
        public string Value { get; init; } = "";
    }

    private sealed class AliasRow
    {
        public string Name { get; init; } = "";
        public string Alias { get; init; } = "";
        public long Version { get; init; }
        public long IsLive { get; init; }
    }
}
