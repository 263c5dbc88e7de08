using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Server.Modules.Repositories.Mirrors;

/// <summary>A mirror as it is stored.</summary>
internal sealed record MirrorRow(string Id, string Project, string Direction, string Url, string UserName, string Secret, long IntervalS, string CreatedBy, long CreatedMs, long? DueMs, long? LastMs, long? LastOkMs,
    long Failures, string? LastError)
{
    public const string Pull = "pull";
    public const string Push = "push";
}

internal sealed class MirrorStore(Db db, IAuditLog audit)
{
    public const int MaxOfProject = 10;
    private const int MaxDue = 100;
    private const string Columns = """
        id, project, direction, url, user_name AS UserName, secret, interval_s AS IntervalS, created_by AS CreatedBy, created_ms AS CreatedMs, due_ms AS DueMs, last_ms AS LastMs,
        last_ok_ms AS LastOkMs, failures, last_error AS LastError
        """;

    public Task InsertAsync(MirrorRow row, AuditEvent record, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("""
            INSERT INTO rep_mirror (id, project, direction, url, user_name, secret, interval_s, created_by, created_ms, due_ms, failures)
            VALUES (@Id, @Project, @Direction, @Url, @UserName, @Secret, @IntervalS, @CreatedBy, @CreatedMs, @DueMs, 0)
            """, row);
        await audit.AppendAsync(session, record);
    }, ct);

    /// <returns>False when there is none.</returns>
    public Task<bool> DeleteAsync(string project, string id, AuditEvent record, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ExecuteAsync("DELETE FROM rep_mirror WHERE project = @project AND id = @id", new { project, id }) == 0) return false;
        await audit.AppendAsync(session, record);
        return true;
    }, ct);

    public async Task<IReadOnlyList<MirrorRow>> ListAsync(string project, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<Row>(
        $"SELECT {Columns} FROM rep_mirror WHERE project = @project ORDER BY id LIMIT {MaxOfProject}", new { project }), ct)).Select(r => r.ToMirror())];

    public async Task<IReadOnlyList<MirrorRow>> DueAsync(long nowMs, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<Row>(
        $"SELECT {Columns} FROM rep_mirror WHERE due_ms <= @nowMs ORDER BY due_ms LIMIT {MaxDue}", new { nowMs }), ct)).Select(r => r.ToMirror())];

    public Task<long?> NextDueAsync(CancellationToken ct) => db.ReadAsync(session => session.ScalarAsync<long?>("SELECT MIN(due_ms) FROM rep_mirror"), ct);

    /// <param name="project">Null = of all projects.</param>
    public Task DuePushesAsync(string? project, long nowMs, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync(
        "UPDATE rep_mirror SET due_ms = @nowMs WHERE direction = 'push' AND (CAST(@project AS TEXT) IS NULL OR project = @project)", new { project, nowMs }), ct);

    /// <param name="dueMs">When it is to run again; null = when there is something to do.</param>
    /// <param name="error">Null = it went well.</param>
    public Task FinishAsync(string id, long startedMs, long? dueMs, string? error, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("""
        UPDATE rep_mirror SET last_ms = @startedMs, last_ok_ms = CASE WHEN CAST(@error AS TEXT) IS NULL THEN @startedMs ELSE last_ok_ms END, last_error = @error,
            failures = CASE WHEN CAST(@error AS TEXT) IS NULL THEN 0 ELSE failures + 1 END,
            due_ms = CASE WHEN due_ms > @startedMs THEN due_ms ELSE @dueMs END
        WHERE id = @id
        """, new { id, startedMs, dueMs, error }), ct);

    private sealed class Row
    {
        public string Id { get; init; } = "";
        public string Project { get; init; } = "";
        public string Direction { get; init; } = "";
        public string Url { get; init; } = "";
        public string UserName { get; init; } = "";
        public string Secret { get; init; } = "";
        public long IntervalS { get; init; }
        public string CreatedBy { get; init; } = "";
        public long CreatedMs { get; init; }
        public long? DueMs { get; init; }
        public long? LastMs { get; init; }
        public long? LastOkMs { get; init; }
        public long Failures { get; init; }
        public string? LastError { get; init; }

        public MirrorRow ToMirror() => new(Id, Project, Direction, Url, UserName, Secret, IntervalS, CreatedBy, CreatedMs, DueMs, LastMs, LastOkMs, Failures, LastError);
    }
}
