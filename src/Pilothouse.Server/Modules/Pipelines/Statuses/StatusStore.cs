using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Modules.Pipelines.Ci.Forges;

namespace Pilothouse.Server.Modules.Pipelines.Statuses;

/// <summary>Statuses of commits: one row for a check and a commit.</summary>
internal sealed class StatusStore(Db db, IAuditLog audit)
{
    /// <summary>Checks of one commit.</summary>
    public const int MaxChecks = 200;

    private const string Columns = "project AS Project, commit_id AS CommitId, context AS Context, state AS State, description AS Description, target_url AS TargetUrl, updated_by AS UpdatedBy, updated_ms AS UpdatedMs";

    public async Task<List<CommitStatus>> ListAsync(string project, string commit, CancellationToken ct) =>
        [.. (await db.ReadAsync(s => s.QueryAsync<Row>($"SELECT {Columns} FROM pip_status WHERE project = @project AND commit_id = @commit ORDER BY context LIMIT {MaxChecks}", new { project, commit }), ct)).Select(r => r.ToStatus())];

    /// <summary>Of all commits, newest first.</summary>
    public async Task<List<CommitStatus>> RecentAsync(string project, int limit, CancellationToken ct) =>
        [.. (await db.ReadAsync(s => s.QueryAsync<Row>($"SELECT {Columns} FROM pip_status WHERE project = @project ORDER BY updated_ms DESC, context LIMIT @limit", new { project, limit }), ct)).Select(r => r.ToStatus())];

    /// <returns>False when the commit has too many checks.</returns>
    public Task<bool> SetAsync(CommitStatus status, CancellationToken ct) => db.WriteAsync(s => SetAsync(s, status), ct);

    /// <summary>Part of a transaction.</summary>
    /// <returns>False when the commit has too many checks.</returns>
    public async Task<bool> SetAsync(DbSession s, CommitStatus status)
    {
        var others = await s.ScalarAsync<long>("SELECT COUNT(*) FROM pip_status WHERE project = @Project AND commit_id = @Commit AND context <> @Context", new { status.Project, status.Commit, status.Context });
        if (others >= MaxChecks) return false;
        await s.ExecuteAsync("""
            INSERT INTO pip_status (project, commit_id, context, state, description, target_url, updated_by, updated_ms) VALUES (@Project, @Commit, @Context, @State, @Description, @TargetUrl, @UpdatedBy, @UpdatedMs)
            ON CONFLICT (project, commit_id, context) DO UPDATE SET state = excluded.state, description = excluded.description, target_url = excluded.target_url, updated_by = excluded.updated_by, updated_ms = excluded.updated_ms
            """, status);
        await StatusOutStore.EnqueueAsync(s, status.Project, status.Commit, status.Context, status.UpdatedMs);
        await audit.AppendAsync(s, new AuditEvent(status.UpdatedBy, "commit.status", $"projects/{status.Project}", new { commit = status.Commit, check = status.Context, state = status.State, description = status.Description }));
        return true;
    }

    private sealed class Row
    {
        public string Project { get; init; } = "";
        public string CommitId { get; init; } = "";
        public string Context { get; init; } = "";
        public string State { get; init; } = "";
        public string? Description { get; init; }
        public string? TargetUrl { get; init; }
        public string UpdatedBy { get; init; } = "";
        public long UpdatedMs { get; init; }

        public CommitStatus ToStatus() => new(Project, CommitId, Context, State, Description, TargetUrl, UpdatedBy, UpdatedMs);
    }
}
