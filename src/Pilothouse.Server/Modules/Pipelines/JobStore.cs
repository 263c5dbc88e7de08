using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Server.Modules.Pipelines;

internal sealed class JobStore(Db db, IAuditLog audit)
{
    private const string Columns = """
        id, name, project, command AS CommandJson, working_directory AS WorkingDirectory, variables AS VariablesJson, timeout_ms AS TimeoutMs, on_crash AS OnCrash, status, attempts,
        exit_code AS ExitCode, log_digest AS LogDigest, error, process_id AS ProcessId, process_started_ms AS ProcessStartedMs, created_by AS CreatedBy, created_ms AS CreatedMs,
        started_ms AS StartedMs, finished_ms AS FinishedMs
        """;

    /// <returns>False when <paramref name="maxQueued"/> jobs wait already.</returns>
    public Task<bool> AddAsync(JobRow job, int maxQueued, AuditEvent entry, CancellationToken ct) => db.WriteAsync(async s =>
    {
        if (await s.ScalarAsync<long>("SELECT COUNT(*) FROM pip_job WHERE status = 'queued'") >= maxQueued) return false;
        await s.ExecuteAsync("""
            INSERT INTO pip_job (id, name, project, command, working_directory, variables, timeout_ms, on_crash, status, attempts, not_before_ms, cancel_requested, heartbeat_ms, created_by, created_ms)
            VALUES (@Id, @Name, @Project, @CommandJson, @WorkingDirectory, @VariablesJson, @TimeoutMs, @OnCrash, 'queued', 0, @CreatedMs, 0, 0, @CreatedBy, @CreatedMs)
            """, job);
        await audit.AppendAsync(s, entry);
        return true;
    }, ct);

    public Task<JobRow?> FindAsync(string id, CancellationToken ct) => db.ReadAsync(s => s.FirstOrDefaultAsync<JobRow>($"SELECT {Columns} FROM pip_job WHERE id = @id", new { id }), ct);

    public Task<List<JobRow>> ListAsync(string? project, string? status, int limit, CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<JobRow>($"""
        SELECT {Columns} FROM pip_job WHERE (CAST(@project AS TEXT) IS NULL OR project = @project) AND (CAST(@status AS TEXT) IS NULL OR status = @status) ORDER BY id DESC LIMIT @limit
        """, new { project, status, limit }), ct);

    /// <summary>Takes the oldest job that may start; no two workers get the same.</summary>
    public Task<JobRow?> ClaimAsync(string worker, long nowMs, CancellationToken ct) => db.WriteAsync(async s =>
    {
        var id = await s.FirstOrDefaultAsync<string>($"SELECT id FROM pip_job WHERE status = 'queued' AND not_before_ms <= @nowMs ORDER BY id LIMIT 1{s.Dialect.ForUpdateSkipLocked}", new { nowMs });
        if (id is null) return null;
        await s.ExecuteAsync("UPDATE pip_job SET status = 'running', attempts = attempts + 1, worker = @worker, heartbeat_ms = @nowMs, started_ms = @nowMs, error = NULL WHERE id = @id", new { id, worker, nowMs });
        return await s.FirstOrDefaultAsync<JobRow>($"SELECT {Columns} FROM pip_job WHERE id = @id", new { id });
    }, ct);

    /// <summary>Logs that are kept as blobs.</summary>
    public Task<List<(string? Project, string Name, string Digest)>> LogsAsync(CancellationToken ct) => db.ReadAsync(async s =>
        (await s.QueryAsync<JobRow>($"SELECT {Columns} FROM pip_job WHERE log_digest IS NOT NULL")).ConvertAll(j => (j.Project, j.Name, j.LogDigest!)), ct);

    public Task StartedAsync(string id, long processId, long processStartedMs, CancellationToken ct) => db.WriteAsync(s => s.ExecuteAsync(
        "UPDATE pip_job SET process_id = @processId, process_started_ms = @processStartedMs WHERE id = @id", new { id, processId, processStartedMs }), ct);

    /// <returns>True when someone asked for its end.</returns>
    public Task<bool> HeartbeatAsync(string id, long nowMs, CancellationToken ct) => db.WriteAsync(async s =>
    {
        await s.ExecuteAsync("UPDATE pip_job SET heartbeat_ms = @nowMs WHERE id = @id", new { id, nowMs });
        return await s.ScalarAsync<long>("SELECT cancel_requested FROM pip_job WHERE id = @id", new { id }) != 0;
    }, ct);

    public Task FinishAsync(string id, string status, int? exitCode, string? logDigest, string? error, long nowMs, CancellationToken ct) => db.WriteAsync(s => s.ExecuteAsync("""
        UPDATE pip_job SET status = @status, exit_code = @exitCode, log_digest = @logDigest, error = @error, finished_ms = @nowMs, worker = NULL, process_id = NULL WHERE id = @id AND status = 'running'
        """, new { id, status, exitCode, logDigest, error, nowMs }), ct);

    /// <summary>Back into the queue, not before a moment; one that was cancelled meanwhile ends instead.</summary>
    public Task RequeueAsync(string id, long notBeforeMs, string error, long nowMs, CancellationToken ct) => db.WriteAsync(s => s.ExecuteAsync("""
        UPDATE pip_job SET status = CASE WHEN cancel_requested = 1 THEN 'cancelled' ELSE 'queued' END, finished_ms = CASE WHEN cancel_requested = 1 THEN @nowMs ELSE NULL END,
            not_before_ms = @notBeforeMs, error = @error, worker = NULL, process_id = NULL WHERE id = @id AND status = 'running'
        """, new { id, notBeforeMs, error, nowMs }), ct);

    public Task CancelAsync(string id, AuditEvent entry, long nowMs, CancellationToken ct) => db.WriteAsync(async s =>
    {
        var changed = await s.ExecuteAsync("""
            UPDATE pip_job SET cancel_requested = 1, finished_ms = CASE WHEN status = 'queued' THEN @nowMs ELSE NULL END, status = CASE WHEN status = 'queued' THEN 'cancelled' ELSE status END
            WHERE id = @id AND status IN ('queued', 'running') AND cancel_requested = 0
            """, new { id, nowMs });
        if (changed > 0) await audit.AppendAsync(s, entry);
    }, ct);

    /// <summary>Jobs that say they run, but whose runner is gone: those of this worker, which has just started, and those without a sign of life.</summary>
    public Task<List<JobRow>> CutOffAsync(string worker, long silentSinceMs, CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<JobRow>(
        $"SELECT {Columns} FROM pip_job WHERE status = 'running' AND (worker = @worker OR heartbeat_ms < @silentSinceMs) ORDER BY id LIMIT 10000", new { worker, silentSinceMs }), ct);
}
