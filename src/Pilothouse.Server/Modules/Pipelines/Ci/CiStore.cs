using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Server.Modules.Pipelines.Ci;

/// <summary>Connections to CI systems and the builds started there.</summary>
internal sealed class CiStore(Db db, CiTeller teller, IAuditLog audit)
{
    public const int MaxConnections = 50;
    /// <summary>Builds of one connection that may wait to be started.</summary>
    public const int MaxWaiting = 1_000;

    private const string Connections = "project AS Project, name AS Name, system AS System, url AS Url, target AS Target, account AS Account, secret AS Secret, build_ref AS BuildRef, branches AS Branches, on_registry AS OnRegistry, webhook_secret AS WebhookSecret, builds AS Builds, statuses AS Statuses, updated_by AS UpdatedBy, updated_ms AS UpdatedMs";
    private const string StatusError = "(SELECT MAX(o.error) FROM pip_status_out o WHERE o.project = pip_connection.project AND o.connection = pip_connection.name) AS StatusError";
    internal const string Builds = "id AS Id, project AS Project, connection AS Connection, system AS System, cause AS Cause, commit_id AS CommitId, build_ref AS BuildRef, state AS State, handle AS Handle, url AS Url, error AS Error, job AS Job, event_id AS EventId, attempts AS Attempts, next_ms AS NextMs, created_ms AS CreatedMs, updated_ms AS UpdatedMs";

    public Task<List<ConnectionRow>> ConnectionsAsync(string project, CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<ConnectionRow>($"SELECT {Connections}, {StatusError} FROM pip_connection WHERE project = @project ORDER BY name LIMIT {MaxConnections}", new { project }), ct);

    public Task<List<ConnectionRow>> OnRegistryAsync(CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<ConnectionRow>($"SELECT {Connections} FROM pip_connection WHERE on_registry = 1 AND builds = 1 ORDER BY project, name LIMIT 1000"), ct);

    /// <summary>The state of the registry when this was first asked; later calls change nothing.</summary>
    public Task BeginVersionsAsync(string state, CancellationToken ct) => db.WriteAsync(s => s.ExecuteAsync("INSERT INTO pip_version_mark (id, state) VALUES (1, @state) ON CONFLICT (id) DO NOTHING", new { state }), ct);

    /// <summary>The state that builds were last started for.</summary>
    public Task<string?> SeenVersionsAsync(CancellationToken ct) => db.ReadAsync(s => s.ScalarAsync<string?>("SELECT state FROM pip_version_mark WHERE id = 1"), ct);

    public Task SawVersionsAsync(string state, CancellationToken ct) => db.WriteAsync(s => s.ExecuteAsync("UPDATE pip_version_mark SET state = @state WHERE id = 1", new { state }), ct);

    public Task<ConnectionRow?> FindAsync(string project, string name, CancellationToken ct) => db.ReadAsync(s => s.FirstOrDefaultAsync<ConnectionRow>($"SELECT {Connections} FROM pip_connection WHERE project = @project AND name = @name", new { project, name }), ct);

    /// <returns>False when the project has too many.</returns>
    public Task<bool> SetAsync(ConnectionRow row, CancellationToken ct) => db.WriteAsync(async s =>
    {
        if (await s.ScalarAsync<long>("SELECT COUNT(*) FROM pip_connection WHERE project = @Project AND name <> @Name", new { row.Project, row.Name }) >= MaxConnections) return false;
        await s.ExecuteAsync("""
            INSERT INTO pip_connection (project, name, system, url, target, account, secret, build_ref, branches, on_registry, webhook_secret, builds, statuses, updated_by, updated_ms)
            VALUES (@Project, @Name, @System, @Url, @Target, @Account, @Secret, @BuildRef, @Branches, @OnRegistry, @WebhookSecret, @Builds, @Statuses, @UpdatedBy, @UpdatedMs)
            ON CONFLICT (project, name) DO UPDATE SET system = excluded.system, url = excluded.url, target = excluded.target, account = excluded.account, secret = excluded.secret, build_ref = excluded.build_ref,
                branches = excluded.branches, on_registry = excluded.on_registry, webhook_secret = excluded.webhook_secret, builds = excluded.builds, statuses = excluded.statuses, updated_by = excluded.updated_by, updated_ms = excluded.updated_ms
            """, row);
        await audit.AppendAsync(s, new AuditEvent(row.UpdatedBy, "ci.connect", $"projects/{row.Project}", new { connection = row.Name, system = row.System, url = row.Url, target = row.Target, user = row.Account, builds = row.Builds != 0, statuses = row.Statuses != 0, webhooks = row.WebhookSecret is not null }));
        return true;
    }, ct);

    /// <returns>False when there is none.</returns>
    public Task<bool> RemoveAsync(string project, string name, string actor, CancellationToken ct) => db.WriteAsync(async s =>
    {
        if (await s.ExecuteAsync("DELETE FROM pip_connection WHERE project = @project AND name = @name", new { project, name }) == 0) return false;
        await audit.AppendAsync(s, new AuditEvent(actor, "ci.disconnect", $"projects/{project}", new { connection = name }));
        return true;
    }, ct);

    /// <returns>False when too many wait already, or its event has started one before.</returns>
    public Task<bool> AddAsync(BuildRow row, string actor, CancellationToken ct) => db.WriteAsync(async s =>
    {
        if (await s.ScalarAsync<long>("SELECT COUNT(*) FROM pip_build WHERE project = @Project AND connection = @Connection AND state = 'queued'", new { row.Project, row.Connection }) >= MaxWaiting) return false;
        if (await InsertAsync(s, row) == 0) return false;
        await audit.AppendAsync(s, new AuditEvent(actor, "ci.build", $"projects/{row.Project}", new { build = row.Id, connection = row.Connection, cause = row.Cause, commit = row.CommitId, branch = row.BuildRef }));
        return true;
    }, ct);

    public Task<List<BuildRow>> BuildsAsync(string project, int limit, CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<BuildRow>($"SELECT {Builds} FROM pip_build WHERE project = @project ORDER BY id DESC LIMIT @limit", new { project, limit }), ct);

    public Task<BuildRow?> BuildAsync(string id, CancellationToken ct) => db.ReadAsync(s => s.FirstOrDefaultAsync<BuildRow>($"SELECT {Builds} FROM pip_build WHERE id = @id", new { id }), ct);

    /// <summary>Builds that are due, taken for a while: another server does not take them too.</summary>
    public Task<List<BuildRow>> ClaimAsync(long nowMs, long leaseMs, int limit, CancellationToken ct) => db.WriteAsync(async s =>
    {
        var due = await s.QueryAsync<BuildRow>($"SELECT {Builds} FROM pip_build WHERE state IN ('queued', 'triggered', 'running') AND next_ms <= @nowMs ORDER BY next_ms LIMIT @limit{s.Dialect.ForUpdateSkipLocked}", new { nowMs, limit });
        foreach (var build in due) await s.ExecuteAsync("UPDATE pip_build SET next_ms = @until, attempts = attempts + 1 WHERE id = @Id", new { build.Id, until = nowMs + leaseMs });
        return due.ConvertAll(b => b with { Attempts = b.Attempts + 1 });
    }, ct);

    public Task<long?> NextDueAsync(CancellationToken ct) => db.ReadAsync(s => s.ScalarAsync<long?>("SELECT MIN(next_ms) FROM pip_build WHERE state IN ('queued', 'triggered', 'running')"), ct);

    /// <summary>Moves a build, and the status of its commit with it.</summary>
    /// <returns>False when its state is no longer the one that this follows from.</returns>
    public Task<bool> UpdateAsync(BuildRow row, string was, CancellationToken ct) => db.WriteAsync(async s =>
    {
        if (!await UpdateAsync(s, row, was)) return false;
        if (row.State != was) await teller.WriteAsync(s, row);
        return true;
    }, ct);

    public static async Task<bool> UpdateAsync(DbSession s, BuildRow row, string was) => await s.ExecuteAsync("UPDATE pip_build SET state = @State, handle = @Handle, url = @Url, error = @Error, attempts = @Attempts, next_ms = @NextMs, updated_ms = @UpdatedMs WHERE id = @Id AND state = @was",
        new { row.State, row.Handle, row.Url, row.Error, row.Attempts, row.NextMs, row.UpdatedMs, row.Id, was }) > 0;

    /// <returns>0 when its event has started one before.</returns>
    public static Task<int> InsertAsync(DbSession s, BuildRow row) => s.ExecuteAsync("""
        INSERT INTO pip_build (id, project, connection, system, cause, commit_id, build_ref, state, handle, url, error, job, event_id, attempts, next_ms, created_ms, updated_ms)
        VALUES (@Id, @Project, @Connection, @System, @Cause, @CommitId, @BuildRef, @State, @Handle, @Url, @Error, @Job, @EventId, @Attempts, @NextMs, @CreatedMs, @UpdatedMs)
        ON CONFLICT (project, connection, event_id) DO NOTHING
        """, row);
}
