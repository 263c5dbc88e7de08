using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class DatasetStore(Db db, IAuditLog audit)
{
    private const string Type = "dataset";

    private const string Columns = """
        name, version, digest, format, size, row_count AS RowCount, column_names AS ColumnNames, description, project, source, parents,
        created_by AS CreatedBy, created_ms AS CreatedMs
        """;

    /// <summary>Stores the draft as the next version, or returns the version that holds its content already.</summary>
    public Task<DatasetVersion> RegisterAsync(DatasetVersion draft, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var next = await VersionCounter.LockAsync(session, Type, draft.Name, Type, draft.CreatedMs);
        if (await FirstAsync(session, "name = @Name AND digest = @Digest", draft) is { } held) return held;
        var version = draft with { Version = next };
        await session.ExecuteAsync("""
            INSERT INTO reg_dataset_version (name, version, digest, format, size, row_count, column_names, description, project, source, parents, created_by, created_ms)
            VALUES (@Name, @Version, @Digest, @Format, @Size, @Rows, @columns, @Description, @Project, @Source, @parents, @CreatedBy, @CreatedMs)
            """, new
        {
            version.Name,
            version.Version,
            version.Digest,
            version.Format,
            version.Size,
            version.Rows,
            columns = WireJson.Write(version.Columns),
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
            new { version.Digest, version.Format, version.Size, version.Rows, version.Project, Parents = version.Parents.Take(20) }));
        return version;
    }, ct);

    /// <param name="version">Null = the latest.</param>
    public Task<DatasetVersion?> FindAsync(string name, int? version, CancellationToken ct) =>
        db.ReadAsync(session => FirstAsync(session, version is null ? "name = @name" : "name = @name AND version = @version", new { name, version }), ct);

    public Task<DatasetVersion?> FindByDigestAsync(string name, string digest, CancellationToken ct) =>
        db.ReadAsync(session => FirstAsync(session, "name = @name AND digest = @digest", new { name, digest }), ct);

    /// <summary>All versions by name, newest first.</summary>
    public async Task<IReadOnlyList<DatasetVersion>> ListAsync(string? name, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<Row>($"""
        SELECT {Columns} FROM reg_dataset_version WHERE CAST(@name AS TEXT) IS NULL OR name = @name ORDER BY name, version DESC LIMIT {RegistryRules.MaxListed}
        """, new { name }), ct)).Select(row => row.ToVersion())];

    private static async Task<DatasetVersion?> FirstAsync(DbSession session, string condition, object args) =>
        (await session.FirstOrDefaultAsync<Row>($"SELECT {Columns} FROM reg_dataset_version WHERE {condition} ORDER BY version DESC LIMIT 1", args))?.ToVersion();

    private sealed class Row
    {
        public string Name { get; init; } = "";
        public long Version { get; init; }
        public string Digest { get; init; } = "";
        public string Format { get; init; } = "";
        public long Size { get; init; }
        public long RowCount { get; init; }
        public string ColumnNames { get; init; } = "";
        public string? Description { get; init; }
        public string? Project { get; init; }
        public string? Source { get; init; }
        public string Parents { get; init; } = "";
        public string CreatedBy { get; init; } = "";
        public long CreatedMs { get; init; }

        public DatasetVersion ToVersion() => new(Name, (int)Version, Digest, Format, Size, RowCount, WireJson.Read<List<string>>(ColumnNames), Description, Project, Source,
            WireJson.Read<List<string>>(Parents), CreatedBy, CreatedMs);
    }
}
