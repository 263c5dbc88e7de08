using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Forges;

/// <summary>A status that waits to be told elsewhere.</summary>
internal sealed record StatusOutRow
{
    public string Project { get; init; } = "";
    public string Connection { get; init; } = "";
    public string CommitId { get; init; } = "";
    public string Context { get; init; } = "";
    public long Revision { get; init; }
    public long Attempts { get; init; }
}

internal sealed class StatusOutStore(Db db)
{
    private const string Key = "project = @Project AND connection = @Connection AND commit_id = @CommitId AND context = @Context";

    /// <summary>Part of the transaction that sets a status: each connection that tells statuses has something to tell, and what waited is replaced.</summary>
    public static Task EnqueueAsync(DbSession s, string project, string commit, string context, long nowMs) => s.ExecuteAsync("""
        INSERT INTO pip_status_out (project, connection, commit_id, context, revision, attempts, next_ms, error)
        SELECT project, name, @commit, @context, 1, 0, CAST(@nowMs AS BIGINT), CAST(NULL AS TEXT) FROM pip_connection WHERE project = @project AND statuses = 1
        ON CONFLICT (project, connection, commit_id, context) DO UPDATE SET revision = pip_status_out.revision + 1, attempts = 0, next_ms = excluded.next_ms, error = NULL
        """, new { project, commit, context, nowMs });

    /// <summary>Statuses that are due, taken for a while: another server does not take them too.</summary>
    public Task<List<StatusOutRow>> ClaimAsync(long nowMs, long leaseMs, int limit, CancellationToken ct) => db.WriteAsync(async s =>
    {
        var due = await s.QueryAsync<StatusOutRow>($"SELECT project AS Project, connection AS Connection, commit_id AS CommitId, context AS Context, revision AS Revision, attempts AS Attempts FROM pip_status_out WHERE next_ms <= @nowMs ORDER BY next_ms LIMIT @limit{s.Dialect.ForUpdateSkipLocked}", new { nowMs, limit });
        foreach (var row in due) await s.ExecuteAsync($"UPDATE pip_status_out SET next_ms = @until, attempts = attempts + 1 WHERE {Key}", new { row.Project, row.Connection, row.CommitId, row.Context, until = nowMs + leaseMs });
        return due.ConvertAll(r => r with { Attempts = r.Attempts + 1 });
    }, ct);

    public Task<long?> NextDueAsync(CancellationToken ct) => db.ReadAsync(s => s.ScalarAsync<long?>("SELECT MIN(next_ms) FROM pip_status_out"), ct);

    /// <summary>Told (no next, no error), to be tried again, or given up; a newer word that came meanwhile stays due.</summary>
    public Task FinishAsync(StatusOutRow row, long? nextMs, string? error, CancellationToken ct) => db.WriteAsync(s => s.ExecuteAsync(
        $"UPDATE pip_status_out SET next_ms = @nextMs, error = @error WHERE {Key} AND revision = @Revision", new { row.Project, row.Connection, row.CommitId, row.Context, row.Revision, nextMs, error }), ct);
}
