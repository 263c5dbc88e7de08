using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Repositories.Api;

namespace Pilothouse.Server.Modules.Repositories;

internal sealed class ProjectStore(Db db, IAuditLog audit)
{
    private const int MaxProjects = 10_000;
    private const string Columns = "name, created_by AS CreatedBy, created_ms AS CreatedMs, default_branch AS DefaultBranch";

    public Task InsertAsync(Project project, AuditEvent record, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("INSERT INTO rep_project (name, created_by, created_ms, default_branch) VALUES (@Name, @CreatedBy, @CreatedMs, @DefaultBranch)", project);
        await audit.AppendAsync(session, record);
    }, ct);

    public async Task<Project?> FindAsync(string name, CancellationToken ct) =>
        await db.ReadAsync(session => session.FirstOrDefaultAsync<Project>($"SELECT {Columns} FROM rep_project WHERE name = @name", new { name }), ct);

    public async Task<IReadOnlyList<Project>> ListAsync(CancellationToken ct) =>
        await db.ReadAsync(session => session.QueryAsync<Project>($"SELECT {Columns} FROM rep_project ORDER BY name LIMIT {MaxProjects}"), ct);
}
