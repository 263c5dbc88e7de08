using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Registry;

internal sealed class PromptStore(Db db, IAuditLog audit)
{
    private const string Type = "prompt";
    private const string Columns = "name, version, digest, template, variables, description, project, commit_id AS CommitId, created_by AS CreatedBy, created_ms AS CreatedMs";

    /// <summary>Stores the draft as the next version, or returns the version that holds its text already.</summary>
    public Task<PromptVersion> RegisterAsync(PromptVersion draft, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var next = await VersionCounter.LockAsync(session, Type, draft.Name, Type, draft.CreatedMs);
        if (await FirstAsync(session, "name = @Name AND digest = @Digest", draft) is { } held) return held;
        var version = draft with { Version = next };
        await session.ExecuteAsync("""
            INSERT INTO reg_prompt_version (name, version, digest, template, variables, description, project, commit_id, created_by, created_ms)
            VALUES (@Name, @Version, @Digest, @Template, @variables, @Description, @Project, @Commit, @CreatedBy, @CreatedMs)
            """, new
        {
            version.Name,
            version.Version,
            version.Digest,
            version.Template,
            variables = WireJson.Write(version.Variables),
            version.Description,
            version.Project,
            version.Commit,
            version.CreatedBy,
            version.CreatedMs,
        });
        await VersionCounter.AdvanceAsync(session, Type, version.Name, next, version.CreatedMs);
        await audit.AppendAsync(session, new AuditEvent(version.CreatedBy, "prompt_version.register", $"prompts/{version.Name}/{next}", new { version.Digest, version.Project, version.Commit }));
        return version;
    }, ct);

    /// <param name="version">Null = the latest.</param>
    public Task<PromptVersion?> FindAsync(string name, int? version, CancellationToken ct) =>
        db.ReadAsync(session => FirstAsync(session, version is null ? "name = @name" : "name = @name AND version = @version", new { name, version }), ct);

    /// <summary>All versions by name, newest first.</summary>
    public async Task<IReadOnlyList<PromptVersion>> ListAsync(string? name, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<Row>($"""
        SELECT {Columns} FROM reg_prompt_version WHERE CAST(@name AS TEXT) IS NULL OR name = @name ORDER BY name, version DESC LIMIT {RegistryRules.MaxListed}
        """, new { name }), ct)).Select(row => row.ToVersion())];

    private static async Task<PromptVersion?> FirstAsync(DbSession session, string condition, object args) =>
        (await session.FirstOrDefaultAsync<Row>($"SELECT {Columns} FROM reg_prompt_version WHERE {condition} ORDER BY version DESC LIMIT 1", args))?.ToVersion();

    private sealed class Row
    {
        public string Name { get; init; } = "";
        public long Version { get; init; }
        public string Digest { get; init; } = "";
        public string Template { get; init; } = "";
        public string Variables { get; init; } = "";
        public string? Description { get; init; }
        public string? Project { get; init; }
        public string? CommitId { get; init; }
        public string CreatedBy { get; init; } = "";
        public long CreatedMs { get; init; }

        public PromptVersion ToVersion() => new(Name, (int)Version, Digest, Template, WireJson.Read<List<string>>(Variables), Description, Project, CommitId, CreatedBy, CreatedMs);
    }
}
