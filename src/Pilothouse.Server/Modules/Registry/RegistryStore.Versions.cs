using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed partial class RegistryStore
{
    internal const string VersionColumns = """
        v.object_type AS Type, v.name AS Name, v.version AS Version, v.kind AS Kind, v.digest AS Digest, v.size AS Size, v.files AS Files, v.template AS Template, v.variables AS Variables,
        v.description AS Description, v.stage AS Stage, v.source AS Source, v.location AS Location, v.run_id AS RunId, v.run_link AS RunLink, v.model_id AS ModelId, v.project AS Project,
        v.commit_id AS CommitId, v.spec AS Spec, v.datasets AS Datasets, v.base_model AS BaseModel, v.base_relation AS BaseRelation, v.created_by AS CreatedBy, v.created_ms AS CreatedMs, v.updated_ms AS UpdatedMs
        """;

    private const string Live = "v.object_type = @type AND v.name = @name AND v.deleted_ms IS NULL";

    /// <summary>Registers content once: the draft as the next version, or the version that holds its content already. Creates the object when there is none.</summary>
    /// <returns>The version, and whether the object and the version are new.</returns>
    /// <exception cref="PilothouseException">FailedPrecondition: the object is of another kind.</exception>
    public Task<(VersionRow Version, bool NewObject, bool NewVersion)> RegisterAsync(VersionRow draft, string objectKind, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var created = await InsertAsync(session, draft.Type, draft.Name, objectKind, null, draft.CreatedMs);
        var owner = (await LockAsync(session, draft.Type, draft.Name))!;
        if (owner.Kind != objectKind && owner.Kind != ModelFormat.Mlflow)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"'{draft.Name}' is registered as {owner.Kind}; a {objectKind} version does not belong to it. Register it under another name.");
        if (await FirstAsync(session, draft.Type, draft.Name, "v.digest = @Digest", new { type = draft.Type, name = draft.Name, draft.Digest }) is { } held) return (held, false, false);
        // The first stated kind is the object's.
        if (owner.Kind != objectKind) await session.ExecuteAsync("UPDATE reg_object SET kind = @objectKind WHERE object_type = @Type AND name = @Name", new { objectKind, draft.Type, draft.Name });
        return (await AddAsync(session, owner, draft), created, true);
    }, ct);

    /// <summary>The next version after the one that is expected to be the newest, whatever older ones hold.</summary>
    /// <returns>The version (the newest, when it has these files), and whether the object and the version are new.</returns>
    /// <exception cref="PilothouseException">FailedPrecondition: another version came first.</exception>
    public Task<(VersionRow Version, bool NewObject, bool NewVersion)> CommitAsync(VersionRow draft, int expectedLatest, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var created = await InsertAsync(session, draft.Type, draft.Name, draft.Kind, null, draft.CreatedMs);
        var owner = (await LockAsync(session, draft.Type, draft.Name))!;
        var newest = await FirstAsync(session, draft.Type, draft.Name, "1 = 1", new { type = draft.Type, name = draft.Name });
        if ((newest?.Version ?? 0) != expectedLatest)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"'{draft.Name}' has version {newest?.Version ?? 0} by now, not {expectedLatest}: somebody else was faster. Look at it, then try again.");
        if (newest?.Digest == draft.Digest) return (newest!, false, false);
        if (owner.Kind == ModelFormat.Mlflow && draft.Kind != owner.Kind) await session.ExecuteAsync("UPDATE reg_object SET kind = @Kind WHERE object_type = @Type AND name = @Name", new { draft.Kind, draft.Type, draft.Name });
        return (await AddAsync(session, owner, draft), created, true);
    }, ct);

    /// <summary>Adds a version to an object that exists, whether or not another version has its content.</summary>
    /// <param name="alongside">Written in the same transaction, given the version's number.</param>
    /// <returns>Null when there is no such object.</returns>
    public Task<VersionRow?> AddAsync(VersionRow draft, Func<DbSession, long, Task> alongside, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await LockAsync(session, draft.Type, draft.Name) is not { } owner) return null;
        var version = await AddAsync(session, owner, draft);
        await PutTagsAsync(session, draft.Type, draft.Name, version.Version, draft.Tags);
        await alongside(session, version.Version);
        return version;
    }, ct);

    /// <param name="version">Null = the latest.</param>
    public Task<VersionRow?> FindVersionAsync(string type, string name, long? version, CancellationToken ct) =>
        db.ReadAsync(session => FirstAsync(session, type, name, version is null ? "1 = 1" : "v.version = @version", new { type, name, version }), ct);

    public Task<VersionRow?> FindByDigestAsync(string type, string name, string digest, CancellationToken ct) =>
        db.ReadAsync(session => FirstAsync(session, type, name, "v.digest = @digest", new { type, name, digest }), ct);

    /// <summary>True for a version that is, or was.</summary>
    public async Task<bool> WasRegisteredAsync(string type, string name, long version, CancellationToken ct) => await db.ReadAsync(session =>
        session.ScalarAsync<long>("SELECT COUNT(*) FROM reg_version WHERE object_type = @type AND name = @name AND version = @version", new { type, name, version }), ct) > 0;

    /// <summary>The files of any version with this content.</summary>
    public Task<string?> FilesOfAsync(string digest, CancellationToken ct) =>
        db.ReadAsync(session => session.ScalarAsync<string>("SELECT files FROM reg_version WHERE digest = @digest AND object_type = 'model' AND files <> '[]' LIMIT 1", new { digest }), ct);

    /// <summary>Newest first.</summary>
    /// <param name="name">Null = of all objects, by name.</param>
    public Task<List<VersionRow>> VersionsAsync(string type, string? name, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var rows = await session.QueryAsync<VersionRow>($"""
            SELECT {VersionColumns} FROM reg_version v WHERE v.object_type = @type AND v.deleted_ms IS NULL AND (CAST(@name AS TEXT) IS NULL OR v.name = @name)
            ORDER BY v.name, v.version DESC LIMIT {RegistryRules.MaxListed}
            """, new { type, name });
        await AddDetailsAsync(session, type, rows);
        return rows;
    }, ct);

    public async Task<IReadOnlyList<long>> NumbersAsync(string type, string name, CancellationToken ct) => await db.ReadAsync(session =>
        session.QueryAsync<long>($"SELECT version FROM reg_version v WHERE {Live} ORDER BY version DESC LIMIT 20", new { type, name }), ct);

    /// <returns>False when there is no such version.</returns>
    public Task<bool> DescribeVersionAsync(string type, string name, long version, string? description, string actor, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await LockAsync(session, type, name) is null || await FirstAsync(session, type, name, "v.version = @version", new { type, name, version }) is not { } held) return false;
        if (held.Description == description) return true;
        await session.ExecuteAsync("UPDATE reg_version SET description = @description, updated_ms = @now WHERE object_type = @type AND name = @name AND version = @version", new { type, name, version, description, now });
        await audit.AppendAsync(session, new AuditEvent(actor, $"{type}_version.describe", $"{ObjectType.Subject(type, name)}/{version}", new { OldDescription = Short(held.Description), NewDescription = Short(description) }));
        return await TouchAsync(session, type, name, now);
    }, ct);

    /// <param name="archiveOthers">Other versions in this stage become archived.</param>
    /// <returns>False when there is no such version.</returns>
    public Task<bool> SetStageAsync(string type, string name, long version, string stage, bool archiveOthers, MoveCause cause, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await LockAsync(session, type, name) is null || !await IsLiveAsync(session, type, name, version)) return false;
        var others = archiveOthers
            ? await session.QueryAsync<long>($"SELECT version FROM reg_version v WHERE {Live} AND v.stage = @stage AND v.version <> @version ORDER BY version", new { type, name, stage, version }) : [];
        await MoveStagesAsync(session, type, name, [.. others.Select(other => (other, Stage.Archived)), (version, stage)], cause, now);
        return await TouchAsync(session, type, name, now);
    }, ct);

    /// <summary>Hides the version for ever and gives up its files; its number is not given again. Aliases that point to it stay, and lead nowhere.</summary>
    /// <param name="unpointed">Refuse while an alias or a stage points to it.</param>
    /// <returns>False when there is no such version.</returns>
    /// <exception cref="PilothouseException">FailedPrecondition: something points to it.</exception>
    public Task<bool> DeleteVersionAsync(string type, string name, long version, MoveCause cause, bool unpointed, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await LockAsync(session, type, name) is null) return false;
        if (await FirstAsync(session, type, name, "v.version = @version", new { type, name, version }) is not { } held) return false;
        if (unpointed && (held.Aliases.Count > 0 || held.Stage is Stage.Staging or Stage.Production))
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"Version {version} of the {type} '{name}' cannot be deleted: {string.Join(" and ", [.. held.Aliases.Take(5).Select(a => "@" + a), .. held.Stage is Stage.None or Stage.Archived ? Array.Empty<string>() : ["the stage " + held.Stage]])} point to it. Move them first. Nothing was changed.");
        var stages = await StagesAsync(session, type, name);
        await session.ExecuteAsync("UPDATE reg_version SET deleted_ms = @now, updated_ms = @now, files = '[]' WHERE object_type = @type AND name = @name AND version = @version", new { now, type, name, version });
        await session.ExecuteAsync("DELETE FROM reg_tag WHERE object_type = @type AND name = @name AND version = @version", new { type, name, version });
        await TouchAsync(session, type, name, now);
        var receipt = await audit.AppendAsync(session, new AuditEvent(cause.Actor, $"{type}_version.delete", $"{ObjectType.Subject(type, name)}/{version}", new { held.Digest, held.Source, OldStage = held.Stage, OldAliases = held.Aliases.Take(20), cause.Reason }));
        await NoteStagesAsync(session, type, name, stages, cause with { Reason = $"version {version} was deleted{(cause.Reason is null ? "" : ": " + cause.Reason)}" }, receipt, now);
        return true;
    }, ct);

    /// <summary>Adds tags and aliases to versions of one type.</summary>
    internal static async Task AddDetailsAsync(DbSession session, string type, List<VersionRow> rows)
    {
        var byKey = rows.ToDictionary(r => (r.Name, r.Version));
        // Bounds the parameter list of one statement.
        foreach (var names in rows.Select(r => r.Name).Distinct(StringComparer.Ordinal).Chunk(500))
        {
            foreach (var tag in await session.QueryAsync<TagRow>($"SELECT name AS Name, version AS Version, key AS Key, value AS Value FROM reg_tag WHERE object_type = @type AND version > 0 AND {session.Dialect.In("name", "@names")} ORDER BY key", new { type, names }))
                if (byKey.TryGetValue((tag.Name, tag.Version), out var row)) row.Tags.Add(new MlflowPair(tag.Key, tag.Value));
            foreach (var alias in await session.QueryAsync<AliasRow>($"SELECT name AS Name, alias AS Alias, version AS Version FROM reg_pointer WHERE object_type = @type AND {session.Dialect.In("name", "@names")} ORDER BY alias", new { type, names }))
                if (byKey.TryGetValue((alias.Name, alias.Version), out var row)) row.Aliases.Add(alias.Alias);
        }
    }

    private async Task<VersionRow> AddAsync(DbSession session, ObjectRow owner, VersionRow draft)
    {
        // A version of another registry brings its number and times.
        var version = draft with { Version = draft.Version > 0 ? draft.Version : owner.Counter + 1, UpdatedMs = draft.UpdatedMs > 0 ? draft.UpdatedMs : draft.CreatedMs };
        await session.ExecuteAsync("""
            INSERT INTO reg_version (object_type, name, version, kind, digest, size, files, template, variables, description, stage, source, location, run_id, run_link, model_id, project, commit_id, datasets,
                base_model, base_relation, spec, created_by, created_ms, updated_ms)
            VALUES (@Type, @Name, @Version, @Kind, @Digest, @Size, @Files, @Template, @Variables, @Description, @Stage, @Source, @Location, @RunId, @RunLink, @ModelId, @Project, @CommitId, @Datasets,
                @BaseModel, @BaseRelation, @Spec, @CreatedBy, @CreatedMs, @UpdatedMs)
            """, version);
        await session.ExecuteAsync("UPDATE reg_object SET latest_version = @counter, updated_ms = @UpdatedMs WHERE object_type = @Type AND name = @Name",
            new { counter = Math.Max(owner.Counter, version.Version), version.UpdatedMs, version.Type, version.Name });
        await RegistryEdges.AddAsync(session, version.Type, version.Name, version.Version, VersionOrigin.Of(version));
        await audit.AppendAsync(session, new AuditEvent(version.CreatedBy, $"{version.Type}_version.register", $"{ObjectType.Subject(version.Type, version.Name)}/{version.Version}", new
        {
            version.Digest,
            version.Kind,
            version.Size,
            Source = Short(version.Source),
            version.RunId,
            version.ModelId,
            version.Project,
            Commit = version.CommitId,
            Datasets = version.Datasets == "[]" ? null : WireJson.Read<List<string>>(version.Datasets).Take(20),
            version.BaseModel,
        }));
        return version;
    }

    private static async Task<VersionRow?> FirstAsync(DbSession session, string type, string name, string condition, object args)
    {
        var row = await session.FirstOrDefaultAsync<VersionRow>($"SELECT {VersionColumns} FROM reg_version v WHERE {Live} AND {condition} ORDER BY v.version DESC LIMIT 1", args);
        if (row is not null) await AddDetailsAsync(session, type, [row]);
        return row;
    }

    private static async Task<bool> IsLiveAsync(DbSession session, string type, string name, long version) =>
        await session.ScalarAsync<long>($"SELECT COUNT(*) FROM reg_version v WHERE {Live} AND v.version = @version", new { type, name, version }) > 0;

    private static async Task<bool> TouchAsync(DbSession session, string type, string name, long now) =>
        await session.ExecuteAsync("UPDATE reg_object SET updated_ms = @now WHERE object_type = @type AND name = @name", new { now, type, name }) > 0;
}
