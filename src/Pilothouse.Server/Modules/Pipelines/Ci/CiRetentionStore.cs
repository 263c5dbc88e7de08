using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Pipelines.Ci;

/// <summary>A commit that has jobs or builds.</summary>
internal sealed record CiCommit(string Project, string CommitId);

/// <summary>What was removed.</summary>
internal sealed record CiRemoved(long Jobs, long Commands, long Builds, long Notes)
{
    public long Total => Jobs + Commands + Builds + Notes;

    public static CiRemoved operator +(CiRemoved a, CiRemoved b) => new(a.Jobs + b.Jobs, a.Commands + b.Commands, a.Builds + b.Builds, a.Notes + b.Notes);
}

/// <summary>Removal of what ended long ago.</summary>
internal sealed class CiRetentionStore(Db db)
{
    /// <summary>Rows that one statement removes: writers wait for it.</summary>
    private const int Batch = 1_000;
    private const string Open = "('waiting', 'queued', 'running')";
    private const string OpenBuild = "('queued', 'triggered', 'running')";

    /// <summary>Commits with something that ended before, in their order.</summary>
    public Task<List<CiCommit>> CommitsAsync(CiCommit after, long jobsBefore, long buildsBefore, int limit, CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<CiCommit>($"""
        SELECT project AS Project, commit_id AS CommitId FROM pip_ci_job WHERE state NOT IN {Open} AND finished_ms < @jobsBefore AND (project > @Project OR project = @Project AND commit_id > @CommitId)
        UNION SELECT project, commit_id FROM pip_build WHERE commit_id IS NOT NULL AND state NOT IN {OpenBuild} AND updated_ms < @buildsBefore AND (project > @Project OR project = @Project AND commit_id > @CommitId)
        ORDER BY 1, 2 LIMIT @limit
        """, new { after.Project, after.CommitId, jobsBefore, buildsBefore, limit }), ct);

    /// <param name="held">The newest of each job and connection stays.</param>
    public Task<CiRemoved> RemoveAsync(CiCommit commit, bool held, long jobsBefore, long buildsBefore, CancellationToken ct) => db.WriteAsync(async s =>
    {
        var values = new { commit.Project, commit.CommitId, jobsBefore, buildsBefore, held = held ? 1L : 0L };
        // What waits at the commit looks at how its needs ended.
        var jobs = await s.ExecuteAsync($"""
            DELETE FROM pip_ci_job WHERE project = @Project AND commit_id = @CommitId AND state NOT IN {Open} AND finished_ms < @jobsBefore
                AND NOT EXISTS (SELECT 1 FROM pip_ci_job o WHERE o.project = @Project AND o.commit_id = @CommitId AND o.state IN {Open})
                AND (@held = 0 OR EXISTS (SELECT 1 FROM pip_ci_job n WHERE n.project = @Project AND n.commit_id = @CommitId AND n.name = pip_ci_job.name AND n.id > pip_ci_job.id))
            """, values);
        var builds = await s.ExecuteAsync($"""
            DELETE FROM pip_build WHERE project = @Project AND commit_id = @CommitId AND state NOT IN {OpenBuild} AND updated_ms < @buildsBefore
                AND NOT EXISTS (SELECT 1 FROM pip_ci_job j WHERE j.build_id = pip_build.id)
                AND (@held = 0 OR EXISTS (SELECT 1 FROM pip_build n WHERE n.project = @Project AND n.commit_id = @CommitId AND n.connection = pip_build.connection AND COALESCE(n.job, '') = COALESCE(pip_build.job, '') AND n.id > pip_build.id))
            """, values);
        return new CiRemoved(jobs, 0, builds, 0);
    }, ct);

    /// <summary>Commands that ran, builds of no commit, and notes of deliveries and of statuses that were told; a part of them at a time.</summary>
    public Task<CiRemoved> RemoveRestAsync(long jobsBefore, long buildsBefore, long deliveriesBefore, CancellationToken ct) => db.WriteAsync(async s =>
    {
        var commands = await s.ExecuteAsync($"""
            DELETE FROM pip_job WHERE id IN (SELECT id FROM pip_job WHERE finished_ms < @jobsBefore AND NOT EXISTS (SELECT 1 FROM pip_ci_job j WHERE j.job_id = pip_job.id) LIMIT {Batch})
            """, new { jobsBefore });
        var builds = await s.ExecuteAsync($"""
            DELETE FROM pip_build WHERE id IN (SELECT id FROM pip_build WHERE commit_id IS NULL AND state NOT IN {OpenBuild} AND updated_ms < @buildsBefore AND NOT EXISTS (SELECT 1 FROM pip_ci_job j WHERE j.build_id = pip_build.id) LIMIT {Batch})
            """, new { buildsBefore });
        var notes = await s.ExecuteAsync("DELETE FROM pip_delivery WHERE received_ms < @deliveriesBefore", new { deliveriesBefore });
        // One that comes again is asked for again by its status.
        notes += await s.ExecuteAsync("""
            DELETE FROM pip_status_out WHERE next_ms IS NULL AND error IS NULL
                AND EXISTS (SELECT 1 FROM pip_status t WHERE t.project = pip_status_out.project AND t.commit_id = pip_status_out.commit_id AND t.context = pip_status_out.context AND t.updated_ms < @buildsBefore)
            """, new { buildsBefore });
        return new CiRemoved(0, commands, builds, notes);
    }, ct);
}
