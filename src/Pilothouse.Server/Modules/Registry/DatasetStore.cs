using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class DatasetStore(Db db, IAuditLog audit)
{
    private const string Type = "dataset";

    private const string Columns = """
        name, version, digest, format, size, row_count AS RowCount, column_names AS ColumnNames, files, derivation, description, project, source, parents,
        created_by AS CreatedBy, created_ms AS CreatedMs
        """;

    /// <summary>Stores the draft as the next version, or returns the version that holds its content already.</summary>
    /// <param name="expectedLatest">The version that must be the newest still; null = any.</param>
    /// <param name="always">Only the newest version's content makes no new version.</param>
    /// <exception cref="PilothouseException">FailedPrecondition: another version came first.</exception>
    public Task<DatasetVersion> RegisterAsync(DatasetVersion draft, IReadOnlyList<DatasetFile> files, DatasetProfile profile, int? expectedLatest, bool always, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var next = await VersionCounter.LockAsync(session, Type, draft.Name, Type, draft.CreatedMs);
        // The newest that is still there: the number of a deleted one is not given again, but nobody can build on it either.
        var newest = await session.ScalarAsync<long?>("SELECT MAX(version) FROM reg_dataset_version WHERE name = @Name AND deleted_ms IS NULL", new { draft.Name }) ?? 0;
        if (expectedLatest is { } expected && expected != newest)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"The data set '{draft.Name}' has version {newest} by now, not {expected}: somebody else was faster. Look at it, then try again.");
        if (await FirstAsync(session, always ? "name = @Name AND digest = @Digest AND version = @newest" : "name = @Name AND digest = @Digest", new { draft.Name, draft.Digest, newest }) is { } held) return held;
        var version = draft with { Version = next };
        await session.ExecuteAsync("""
            INSERT INTO reg_dataset_version (name, version, digest, format, size, row_count, column_names, files, splits, derivation, profile, description, project, source, parents, created_by, created_ms)
            VALUES (@Name, @Version, @Digest, @Format, @Size, @Rows, @columns, @files, @splits, @derivation, @profile, @Description, @Project, @Source, @parents, @CreatedBy, @CreatedMs)
            """, new
        {
            version.Name,
            version.Version,
            version.Digest,
            version.Format,
            version.Size,
            version.Rows,
            columns = WireJson.Write(version.Columns),
            files = WireJson.Write(files),
            splits = WireJson.Write(version.Splits),
            derivation = version.Derivation is { } derivation ? WireJson.Write(derivation) : null,
            profile = WireJson.Write(profile),
            version.Description,
            version.Project,
            version.Source,
            parents = WireJson.Write(version.Parents),
            version.CreatedBy,
            version.CreatedMs,
        });
        await RegistryEdges.AddAsync(session, Type, version.Name, next, version.Parents.Select(LineageNode.FromReference).OfType<LineageNode>().Select(parent => (parent, "derived from")));
        await VersionCounter.AdvanceAsync(session, Type, version.Name, next, version.CreatedMs);
        await audit.AppendAsync(session, new AuditEvent(version.CreatedBy, "dataset_version.register", $"datasets/{version.Name}/{next}",
            new { version.Digest, version.Format, version.Size, version.Rows, Files = files.Count, version.Project, Parents = version.Parents.Take(20), version.Derivation }));
        return version;
    }, ct);

    /// <param name="version">Null = the latest.</param>
    public Task<DatasetVersion?> FindAsync(string name, int? version, CancellationToken ct) =>
        db.ReadAsync(session => FirstAsync(session, version is null ? "name = @name" : "name = @name AND version = @version", new { name, version }), ct);

    public Task<DatasetVersion?> FindByDigestAsync(string name, string digest, CancellationToken ct) =>
        db.ReadAsync(session => FirstAsync(session, "name = @name AND digest = @digest", new { name, digest }), ct);

    /// <summary>All versions by name, newest first.</summary>
    public async Task<IReadOnlyList<DatasetVersion>> ListAsync(string? name, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<Row>($"""
        SELECT {Columns} FROM reg_dataset_version WHERE (CAST(@name AS TEXT) IS NULL OR name = @name) AND deleted_ms IS NULL ORDER BY name, version DESC LIMIT {RegistryRules.MaxListed}
        """, new { name }), ct)).Select(row => row.ToVersion())];

    /// <summary>The files of a version with the numbers of their rows.</summary>
    public async Task<IReadOnlyList<DatasetFile>> FilesAsync(string name, int version, CancellationToken ct) =>
        await db.ReadAsync(session => session.ScalarAsync<string>("SELECT files FROM reg_dataset_version WHERE name = @name AND version = @version", new { name, version }), ct) is { } files
            ? WireJson.Read<List<DatasetFile>>(files) : [];

    /// <returns>Null when it was registered before profiles were kept.</returns>
    public async Task<DatasetProfile?> ProfileAsync(string name, int version, CancellationToken ct) =>
        await db.ReadAsync(session => session.ScalarAsync<string>("SELECT profile FROM reg_dataset_version WHERE name = @name AND version = @version", new { name, version }), ct) is { } profile
            ? WireJson.Read<DatasetProfile>(profile) : null;

    public Task SetProfileAsync(string name, int version, DatasetProfile profile, CancellationToken ct) => db.WriteAsync(session =>
        session.ExecuteAsync("UPDATE reg_dataset_version SET profile = @profile WHERE name = @name AND version = @version AND profile IS NULL", new { name, version, profile = WireJson.Write(profile) }), ct);

    /// <summary>Hides the version for ever and gives up its files; its number is not given again.</summary>
    /// <returns>False when there is no such version.</returns>
    public Task<bool> DeleteAsync(string name, int version, string actor, string reason, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await FirstAsync(session, "name = @name AND version = @version", new { name, version }) is not { } held) return false;
        // In capitals a digest is a record, not a name that keeps the content (see BlobGarbage).
        if (await session.ExecuteAsync("UPDATE reg_dataset_version SET deleted_ms = @now, files = '[]', digest = @record WHERE name = @name AND version = @version AND deleted_ms IS NULL",
            new { now, record = held.Digest.ToUpperInvariant(), name, version }) == 0) return false;
        await audit.AppendAsync(session, new AuditEvent(actor, "dataset_version.delete", $"datasets/{name}/{version}", new { held.Digest, held.Rows, Reason = reason }));
        return true;
    }, ct);

    private static async Task<DatasetVersion?> FirstAsync(DbSession session, string condition, object args) =>
        (await session.FirstOrDefaultAsync<Row>($"SELECT {Columns} FROM reg_dataset_version WHERE {condition} AND deleted_ms IS NULL ORDER BY version DESC LIMIT 1", args))?.ToVersion();

    private sealed class Row
    {
        public string Name { get; init; } = "";
        public long Version { get; init; }
        public string Digest { get; init; } = "";
        public string Format { get; init; } = "";
        public long Size { get; init; }
        public long RowCount { get; init; }
        public string ColumnNames { get; init; } = "";
        public string Files { get; init; } = "";
        public string? Derivation { get; init; }
        public string? Description { get; init; }
        public string? Project { get; init; }
        public string? Source { get; init; }
        public string Parents { get; init; } = "";
        public string CreatedBy { get; init; } = "";
        public long CreatedMs { get; init; }

        public DatasetVersion ToVersion()
        {
            var files = WireJson.Read<List<DatasetFile>>(Files);
            return new DatasetVersion(Name, (int)Version, Digest, Format, Size, RowCount, WireJson.Read<List<string>>(ColumnNames), Description, Project, Source,
                WireJson.Read<List<string>>(Parents), CreatedBy, CreatedMs)
            {
                Files = files.ConvertAll(f => new ArtifactFile(f.Path, f.Digest, f.Size)),
                Splits = DatasetFiles.Splits(files),
                Derivation = Derivation is { } derivation ? WireJson.Read<DatasetDerivation>(derivation) : null,
            };
        }
    }
}
