using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Deployments;

/// <summary>Environments and their rollouts. Each move is one transaction: state, event and audit entry together.</summary>
internal sealed class DeploymentStore(Db db, IAuditLog audit, TimeProvider time)
{
    /// <summary>Environments of one server.</summary>
    private const int MaxEnvironments = 10_000;
    private const string RolloutColumns = """
        id, project, environment, kind, release_digest AS Release, previous_release AS PreviousRelease, status, plan AS PlanJson, steps AS StepsJson, current_step AS CurrentStep, weight,
        step_started_ms AS StepStartedMs, step_requests AS StepRequests, reason, end_reason AS EndReason, created_by AS CreatedBy, created_ms AS CreatedMs, finished_ms AS FinishedMs
        """;
    private const string EnvironmentColumns = "project, name, release_digest AS Release, stable_rollout_id AS StableRolloutId, rollout_id AS RolloutId";

    public Task<EnvironmentRow?> EnvironmentAsync(string project, string name, CancellationToken ct) => db.ReadAsync(s => s.FirstOrDefaultAsync<EnvironmentRow>(
        $"SELECT {EnvironmentColumns} FROM dep_environment WHERE project = @project AND name = @name", new { project, name }), ct);

    public Task<List<EnvironmentRow>> EnvironmentsAsync(string? project, CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<EnvironmentRow>(
        $"SELECT {EnvironmentColumns} FROM dep_environment WHERE CAST(@project AS TEXT) IS NULL OR project = @project ORDER BY project, name LIMIT @MaxEnvironments", new { project, MaxEnvironments }), ct);

    public Task<RolloutRow?> RolloutAsync(string id, CancellationToken ct) =>
        db.ReadAsync(s => s.FirstOrDefaultAsync<RolloutRow>($"SELECT {RolloutColumns} FROM dep_rollout WHERE id = @id", new { id }), ct);

    /// <summary>Newest first.</summary>
    public Task<List<RolloutRow>> RolloutsAsync(string? project, string? environment, int limit, CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<RolloutRow>($"""
        SELECT {RolloutColumns} FROM dep_rollout
        WHERE (CAST(@project AS TEXT) IS NULL OR project = @project) AND (CAST(@environment AS TEXT) IS NULL OR environment = @environment) ORDER BY id DESC LIMIT @limit
        """, new { project, environment, limit }), ct);

    public Task<List<RolloutRow>> ProgressingAsync(CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<RolloutRow>(
        $"SELECT {RolloutColumns} FROM dep_rollout WHERE id IN (SELECT rollout_id FROM dep_environment WHERE rollout_id IS NOT NULL) ORDER BY id LIMIT @MaxEnvironments", new { MaxEnvironments }), ct);

    /// <summary>Events of some rollouts, oldest first; a rollout has at most one a step and three more.</summary>
    public Task<List<RolloutEventRow>> EventsAsync(IReadOnlyCollection<string> rolloutIds, CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<RolloutEventRow>($"""
        SELECT rollout_id AS RolloutId, time_ms AS TimeMs, event_type AS Type, message, weight FROM dep_rollout_event WHERE {s.Dialect.In("rollout_id", "@ids")} ORDER BY rollout_id, seq
        """, new { ids = rolloutIds.ToArray() }), ct);

    /// <summary>Writes a new rollout; one that has succeeded already moves the pointer in the same transaction.</summary>
    /// <exception cref="PilothouseException">FailedPrecondition: a rollout is under way.</exception>
    public Task BeginAsync(RolloutRow rollout, string eventType, string message, AuditEvent entry, CancellationToken ct) => db.WriteAsync(async s =>
    {
        await s.ExecuteAsync("INSERT INTO dep_environment (project, name, updated_ms) VALUES (@Project, @Environment, @CreatedMs) ON CONFLICT (project, name) DO NOTHING", rollout);
        var environment = await LockAsync(s, rollout);
        if (environment.RolloutId is { } other)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"A rollout is under way in '{rollout.Environment}' ({other}). Wait for its end, or take it back: pilothouse rollback {rollout.Environment} --reason ...");
        if (environment.Release != rollout.PreviousRelease)
            throw new PilothouseException(ErrorCode.FailedPrecondition, $"'{rollout.Environment}' has just moved to another release. Look at it and try again: pilothouse what {rollout.Environment}");
        await s.ExecuteAsync("""
            INSERT INTO dep_rollout (id, project, environment, kind, release_digest, previous_release, status, plan, steps, current_step, weight, step_started_ms, step_requests, reason, created_by, created_ms, finished_ms)
            VALUES (@Id, @Project, @Environment, @Kind, @Release, @PreviousRelease, @Status, @PlanJson, @StepsJson, @CurrentStep, @Weight, @StepStartedMs, 0, @Reason, @CreatedBy, @CreatedMs, @FinishedMs)
            """, rollout);
        if (rollout.Status == "progressing")
            await s.ExecuteAsync("UPDATE dep_environment SET rollout_id = @Id, updated_ms = @CreatedMs WHERE project = @Project AND name = @Environment", rollout);
        else
            await PointAsync(s, rollout, rollout.CreatedMs);
        await AddEventAsync(s, rollout.Id, 1, eventType, message, rollout.Weight);
        await audit.AppendAsync(s, entry);
    }, ct);

    /// <summary>Sets the weight of the next step.</summary>
    public Task AdvanceAsync(RolloutRow rollout, int step, int weight, string message, AuditEvent entry, CancellationToken ct) => MoveAsync(rollout, "weight", message, weight, entry, s => s.ExecuteAsync("""
        UPDATE dep_rollout SET current_step = @step, weight = @weight, step_started_ms = @now, step_requests = 0 WHERE id = @Id
        """, new { rollout.Id, step, weight, now = time.NowMs() }), ct);

    /// <summary>The pointer of the environment moves to the rollout's release.</summary>
    public Task SucceedAsync(RolloutRow rollout, long requests, string message, AuditEvent entry, CancellationToken ct) => MoveAsync(rollout, "succeeded", message, 100, entry, async s =>
    {
        var now = time.NowMs();
        await s.ExecuteAsync("UPDATE dep_rollout SET status = 'succeeded', weight = 100, step_requests = @requests, finished_ms = @now WHERE id = @Id", new { rollout.Id, requests, now });
        await PointAsync(s, rollout, now);
    }, ct);

    /// <summary>The rollout ends without moving the pointer.</summary>
    public Task TakeBackAsync(RolloutRow rollout, long requests, string reason, AuditEvent entry, CancellationToken ct) => MoveAsync(rollout, "rolled_back", reason, 0, entry, async s =>
    {
        var now = time.NowMs();
        await s.ExecuteAsync("UPDATE dep_rollout SET status = 'rolled_back', weight = 0, step_requests = @requests, end_reason = @reason, finished_ms = @now WHERE id = @Id",
            new { rollout.Id, requests, reason, now });
        await s.ExecuteAsync("UPDATE dep_environment SET rollout_id = NULL, updated_ms = @now WHERE project = @Project AND name = @Environment", new { rollout.Project, rollout.Environment, now });
    }, ct);

    /// <summary>Remembers how many responses a step has seen. Not a move: no event, no audit.</summary>
    public Task CountAsync(string id, long requests, CancellationToken ct) =>
        db.WriteAsync(s => s.ExecuteAsync("UPDATE dep_rollout SET step_requests = @requests WHERE id = @id AND status = 'progressing'", new { id, requests }), ct);

    /// <summary>Only the rollout that is under way may move: a second mover finds that it came too late.</summary>
    private Task MoveAsync(RolloutRow rollout, string eventType, string message, long weight, AuditEvent entry, Func<DbSession, Task> move, CancellationToken ct) => db.WriteAsync(async s =>
    {
        if ((await LockAsync(s, rollout)).RolloutId != rollout.Id) throw new PilothouseException(ErrorCode.FailedPrecondition, $"Rollout {rollout.Id} has ended.");
        await move(s);
        var seq = await s.ScalarAsync<long>("SELECT COALESCE(MAX(seq), 0) + 1 FROM dep_rollout_event WHERE rollout_id = @Id", new { rollout.Id });
        await AddEventAsync(s, rollout.Id, seq, eventType, message, weight);
        await audit.AppendAsync(s, entry);
    }, ct);

    private static async Task<EnvironmentRow> LockAsync(DbSession s, RolloutRow rollout) =>
        (await s.FirstOrDefaultAsync<EnvironmentRow>($"SELECT {EnvironmentColumns} FROM dep_environment WHERE project = @Project AND name = @Environment{s.Dialect.ForUpdate}", rollout))!;

    private static Task<int> PointAsync(DbSession s, RolloutRow rollout, long now) => s.ExecuteAsync("""
        UPDATE dep_environment SET release_digest = @Release, stable_rollout_id = @Id, rollout_id = NULL, updated_ms = @now WHERE project = @Project AND name = @Environment
        """, new { rollout.Release, rollout.Id, rollout.Project, rollout.Environment, now });

    private Task<int> AddEventAsync(DbSession s, string rolloutId, long seq, string type, string message, long weight) => s.ExecuteAsync(
        "INSERT INTO dep_rollout_event (rollout_id, seq, time_ms, event_type, message, weight) VALUES (@rolloutId, @seq, @now, @type, @message, @weight)",
        new { rolloutId, seq, now = time.NowMs(), type, message, weight });
}
