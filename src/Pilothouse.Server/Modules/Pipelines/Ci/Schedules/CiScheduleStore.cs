using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Schedules;

/// <summary>A row of pip_schedule: one schedule of a job of the default branch's pilothouse.yaml.</summary>
internal sealed record ScheduleRow
{
    public string Project { get; init; } = "";
    public string Job { get; init; } = "";
    public string Cron { get; init; } = "";
    /// <summary>"" = the default branch.</summary>
    public string Branch { get; init; } = "";
    public long NextMs { get; init; }
    public long? LastMs { get; init; }
    public string? Error { get; init; }
}

internal sealed class CiScheduleStore(Db db)
{
    private const string Columns = "project AS Project, job AS Job, cron AS Cron, branch AS Branch, next_ms AS NextMs, last_ms AS LastMs, error AS Error";
    private const string Key = "project = @Project AND job = @Job AND cron = @Cron AND branch = @Branch";

    /// <summary>Makes the schedules of a project these. One that was there keeps its next round: should it have passed, it is made up for.</summary>
    public Task SetAsync(string project, IReadOnlyList<ScheduleRow> rows, CancellationToken ct) => db.WriteAsync(async s =>
    {
        foreach (var old in await s.QueryAsync<ScheduleRow>($"SELECT {Columns} FROM pip_schedule WHERE project = @project", new { project }))
            if (!rows.Any(r => r.Job == old.Job && r.Cron == old.Cron && r.Branch == old.Branch)) await s.ExecuteAsync($"DELETE FROM pip_schedule WHERE {Key}", old);
        foreach (var row in rows)
            await s.ExecuteAsync("INSERT INTO pip_schedule (project, job, cron, branch, next_ms) VALUES (@Project, @Job, @Cron, @Branch, @NextMs) ON CONFLICT (project, job, cron, branch) DO NOTHING", row);
    }, ct);

    public Task<List<ScheduleRow>> ListAsync(string project, CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<ScheduleRow>($"SELECT {Columns} FROM pip_schedule WHERE project = @project ORDER BY job, cron, branch", new { project }), ct);

    public Task<List<ScheduleRow>> DueAsync(long nowMs, int limit, CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<ScheduleRow>($"SELECT {Columns} FROM pip_schedule WHERE next_ms <= @nowMs ORDER BY next_ms, project, job LIMIT @limit", new { nowMs, limit }), ct);

    public Task<long?> NextDueAsync(CancellationToken ct) => db.ReadAsync(s => s.ScalarAsync<long?>("SELECT MIN(next_ms) FROM pip_schedule"), ct);

    /// <summary>Takes a round. In the transaction that starts it: several servers start it once, and a crash neither loses nor repeats it.</summary>
    /// <returns>False when another has taken it.</returns>
    public static async Task<bool> TakeAsync(DbSession s, ScheduleRow due, long nextMs, long nowMs) => await s.ExecuteAsync(
        $"UPDATE pip_schedule SET next_ms = @next, last_ms = @now, error = NULL WHERE {Key} AND next_ms = @NextMs", new { due.Project, due.Job, due.Cron, due.Branch, due.NextMs, next = nextMs, now = nowMs }) > 0;

    /// <summary>A round that could not start.</summary>
    public Task FailAsync(ScheduleRow due, long nextMs, long nowMs, string error, CancellationToken ct) => db.WriteAsync(async s =>
    {
        if (await TakeAsync(s, due, nextMs, nowMs)) await s.ExecuteAsync($"UPDATE pip_schedule SET error = @error WHERE {Key}", new { due.Project, due.Job, due.Cron, due.Branch, error });
    }, ct);
}
