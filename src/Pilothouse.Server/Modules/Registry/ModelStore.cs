using Pilothouse.Data;
using Pilothouse.Protocols.Artifacts;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class ModelStore(Db db, IAuditLog audit)
{
    private const string Type = "model";

    private const string Columns = """
        name, version, kind, digest, size, files, description, run_id AS RunId, project, commit_id AS CommitId, datasets, base_model AS BaseModel,
        created_by AS CreatedBy, created_ms AS CreatedMs
        """;

    /// <summary>Stores the draft as the next version, or returns the version that holds its content already.</summary>
    public Task<ModelVersion> RegisterAsync(ModelVersion draft, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var next = await VersionCounter.LockAsync(session, Type, draft.Name, draft.Kind, draft.CreatedMs);
        if (await FirstAsync(session, "name = @Name AND digest = @Digest", draft) is { } held) return held;
        var version = draft with { Version = next };
        await session.ExecuteAsync("""
            INSERT INTO reg_model_version (name, version, kind, digest, size, files, description, run_id, project, commit_id, datasets, base_model, created_by, created_ms)
            VALUES (@Name, @Version, @Kind, @Digest, @Size, @files, @Description, @RunId, @Project, @Commit, @datasets, @BaseModel, @CreatedBy, @CreatedMs)
            """, new
        {
            version.Name,
            version.Version,
            version.Kind,
            version.Digest,
            version.Size,
            files = WireJson.Write(version.Files),
            version.Description,
            version.RunId,
            version.Project,
            version.Commit,
            datasets = WireJson.Write(version.Datasets),
            version.BaseModel,
            version.CreatedBy,
            version.CreatedMs,
        });
        await VersionCounter.AdvanceAsync(session, Type, version.Name, next, version.CreatedMs);
        await audit.AppendAsync(session, new AuditEvent(version.CreatedBy, "model_version.register", $"models/{version.Name}/{next}",
            new { version.Digest, version.Kind, version.Size, version.RunId, version.Project, version.Commit, Datasets = version.Datasets.Take(20), version.BaseModel }));
        return version;
    }, ct);

    /// <summary>The version, that of the alias, or the latest.</summary>
    public Task<ModelVersion?> FindAsync(RegistryReference reference, CancellationToken ct) => db.ReadAsync(session => FirstAsync(session, reference switch
    {
        { Alias: not null } => "name = @Name AND version = (SELECT version FROM reg_alias WHERE name = @Name AND alias = @Alias)",
        { Version: not null } => "name = @Name AND version = @Version",
        _ => "name = @Name",
    }, reference), ct);

    public Task<ModelVersion?> FindByDigestAsync(string name, string digest, CancellationToken ct) =>
        db.ReadAsync(session => FirstAsync(session, "name = @name AND digest = @digest", new { name, digest }), ct);

    /// <summary>Newest first.</summary>
    public Task<IReadOnlyList<ModelVersion>> VersionsAsync(string name, CancellationToken ct) => db.ReadAsync<IReadOnlyList<ModelVersion>>(async session =>
    {
        var rows = await session.QueryAsync<Row>($"SELECT {Columns} FROM reg_model_version WHERE name = @name ORDER BY version DESC LIMIT {RegistryRules.MaxListed}", new { name });
        var aliases = await AliasesAsync(session, name);
        return [.. rows.Select(row => row.ToVersion(aliases))];
    }, ct);

    public async Task<IReadOnlyList<long>> VersionNumbersAsync(string name, CancellationToken ct) => await db.ReadAsync(session =>
        session.QueryAsync<long>("SELECT version FROM reg_model_version WHERE name = @name ORDER BY version DESC LIMIT 20", new { name }), ct);

    public Task<IReadOnlyList<ModelSummary>> ListAsync(CancellationToken ct) => db.ReadAsync<IReadOnlyList<ModelSummary>>(async session =>
    {
        var models = await session.QueryAsync<ObjectRow>($"""
            SELECT name, kind, latest_version AS LatestVersion, updated_ms AS UpdatedMs FROM reg_object WHERE object_type = '{Type}' ORDER BY name LIMIT {RegistryRules.MaxListed}
            """);
        var aliases = (await session.QueryAsync<AliasRow>($"SELECT name, alias, version FROM reg_alias ORDER BY name, alias LIMIT {RegistryRules.MaxListed * 10}")).ToLookup(a => a.Name);
        return [.. models.Select(m => new ModelSummary(m.Name, m.Kind, (int)m.LatestVersion, aliases[m.Name].ToDictionary(a => a.Alias, a => (int)a.Version), m.UpdatedMs))];
    }, ct);

    /// <returns>False when there is no such version.</returns>
    public Task<bool> SetAliasAsync(string name, string alias, int version, string actor, long nowMs, CancellationToken ct) => db.WriteAsync(async session =>
    {
        // The lock makes the audit entry's old value the true one under concurrent moves.
        var known = await session.ScalarAsync<string>($"SELECT kind FROM reg_object WHERE object_type = '{Type}' AND name = @name" + session.Dialect.ForUpdate, new { name });
        if (known is null || await session.ScalarAsync<long>("SELECT COUNT(*) FROM reg_model_version WHERE name = @name AND version = @version", new { name, version }) == 0) return false;
        var old = await session.ScalarAsync<long?>("SELECT version FROM reg_alias WHERE name = @name AND alias = @alias", new { name, alias });
        if (old == version) return true;
        await session.ExecuteAsync("""
            INSERT INTO reg_alias (name, alias, version, updated_ms) VALUES (@name, @alias, @version, @nowMs)
            ON CONFLICT (name, alias) DO UPDATE SET version = excluded.version, updated_ms = excluded.updated_ms
            """, new { name, alias, version, nowMs });
        await audit.AppendAsync(session, new AuditEvent(actor, "model_alias.set", $"models/{name}@{alias}", new { OldVersion = old, NewVersion = version }));
        return true;
    }, ct);

    /// <returns>False when there is no such alias.</returns>
    public Task<bool> DeleteAliasAsync(string name, string alias, string actor, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var old = await session.ScalarAsync<long?>("SELECT version FROM reg_alias WHERE name = @name AND alias = @alias" + session.Dialect.ForUpdate, new { name, alias });
        if (old is null) return false;
        await session.ExecuteAsync("DELETE FROM reg_alias WHERE name = @name AND alias = @alias", new { name, alias });
        await audit.AppendAsync(session, new AuditEvent(actor, "model_alias.delete", $"models/{name}@{alias}", new { OldVersion = old }));
        return true;
    }, ct);

    private static async Task<ModelVersion?> FirstAsync(DbSession session, string condition, object args)
    {
        var row = await session.FirstOrDefaultAsync<Row>($"SELECT {Columns} FROM reg_model_version WHERE {condition} ORDER BY version DESC LIMIT 1", args);
        return row?.ToVersion(await AliasesAsync(session, row.Name));
    }

    private static async Task<ILookup<long, string>> AliasesAsync(DbSession session, string name) =>
        (await session.QueryAsync<AliasRow>($"SELECT name, alias, version FROM reg_alias WHERE name = @name ORDER BY alias LIMIT {RegistryRules.MaxListed}", new { name })).ToLookup(a => a.Version, a => a.Alias);

    private sealed class AliasRow
    {
        public string Name { get; init; } = "";
        public string Alias { get; init; } = "";
        public long Version { get; init; }
    }

    private sealed class ObjectRow
    {
        public string Name { get; init; } = "";
        public string Kind { get; init; } = "";
        public long LatestVersion { get; init; }
        public long UpdatedMs { get; init; }
    }

    private sealed class Row
    {
        public string Name { get; init; } = "";
        public long Version { get; init; }
        public string Kind { get; init; } = "";
        public string Digest { get; init; } = "";
        public long Size { get; init; }
        public string Files { get; init; } = "";
        public string? Description { get; init; }
        public string? RunId { get; init; }
        public string? Project { get; init; }
        public string? CommitId { get; init; }
        public string Datasets { get; init; } = "";
        public string? BaseModel { get; init; }
        public string CreatedBy { get; init; } = "";
        public long CreatedMs { get; init; }

        public ModelVersion ToVersion(ILookup<long, string> aliases) => new(Name, (int)Version, Kind, Digest, Size, WireJson.Read<List<ArtifactFile>>(Files), [.. aliases[Version]],
            Description, RunId, Project, CommitId, WireJson.Read<List<string>>(Datasets), BaseModel, CreatedBy, CreatedMs);
    }
}
