using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Server.Modules.Pipelines.Ci.Jobs;

/// <summary>Jobs of pilothouse.yaml. A name may have run several times at a commit; the newest counts.</summary>
internal sealed class CiJobStore(Db db, CiTeller teller, IAuditLog audit)
{
    private const int MaxOpen = 10_000;
    private const int MaxOfCommit = 5_000;
    private const string Columns = """
        id AS Id, project AS Project, commit_id AS CommitId, build_ref AS BuildRef, name AS Name, cause AS Cause, runner AS Runner, state AS State, required AS Required, needs AS NeedsJson, timeout_ms AS TimeoutMs,
        job_id AS JobId, build_id AS BuildId, url AS Url, error AS Error, tests AS Tests, failures AS Failures, artifacts AS ArtifactsJson, created_by AS CreatedBy, created_ms AS CreatedMs, started_ms AS StartedMs, finished_ms AS FinishedMs
        """;

    /// <summary>Adds jobs of one commit that have not run there yet.</summary>
    /// <param name="again">Those that have ended there run once more.</param>
    /// <param name="claim">Part of the same transaction; false = another server adds them.</param>
    /// <returns>Those that were added.</returns>
    public Task<List<CiJobRow>> AddAsync(IReadOnlyList<CiJobRow> jobs, bool again, string actor, Func<DbSession, Task<bool>>? claim, CancellationToken ct) => db.WriteAsync(async s =>
    {
        if (claim is not null && !await claim(s)) return [];
        var added = new List<CiJobRow>();
        foreach (var job in jobs)
        {
            var last = await s.FirstOrDefaultAsync<string>("SELECT state FROM pip_ci_job WHERE project = @Project AND commit_id = @CommitId AND name = @Name ORDER BY id DESC LIMIT 1", job);
            if (last is CiJobRow.Waiting or CiJobRow.Queued or CiJobRow.Running || last is "success" or "failure" && !again) continue;
            await s.ExecuteAsync("""
                INSERT INTO pip_ci_job (id, project, commit_id, build_ref, name, cause, runner, state, required, needs, timeout_ms, artifacts, created_by, created_ms)
                VALUES (@Id, @Project, @CommitId, @BuildRef, @Name, @Cause, @Runner, @State, @Required, @NeedsJson, @TimeoutMs, '[]', @CreatedBy, @CreatedMs)
                """, job);
            await teller.WriteAsync(s, job);
            added.Add(job);
        }
        if (added.Count > 0) await audit.AppendAsync(s, new AuditEvent(actor, "ci.jobs", $"projects/{added[0].Project}", new { commit = added[0].CommitId, branch = added[0].BuildRef, cause = added[0].Cause, jobs = added.Select(j => j.Name) }));
        return added;
    }, ct);

    public Task<CiJobRow?> FindAsync(string id, CancellationToken ct) => db.ReadAsync(s => s.FirstOrDefaultAsync<CiJobRow>($"SELECT {Columns} FROM pip_ci_job WHERE id = @id", new { id }), ct);

    public Task<CiJobRow?> OfAsync(string? jobId, string? buildId, CancellationToken ct) => db.ReadAsync(s => s.FirstOrDefaultAsync<CiJobRow>(
        $"SELECT {Columns} FROM pip_ci_job WHERE state IN ('queued', 'running') AND (job_id = CAST(@jobId AS TEXT) OR build_id = CAST(@buildId AS TEXT)) LIMIT 1", new { jobId, buildId }), ct);

    public Task<List<CiJobRow>> ListAsync(string project, string? commit, int limit, CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<CiJobRow>(
        $"SELECT {Columns} FROM pip_ci_job WHERE project = @project AND (CAST(@commit AS TEXT) IS NULL OR commit_id = @commit) ORDER BY id DESC LIMIT @limit", new { project, commit, limit }), ct);

    /// <summary>Newest of each name at a commit.</summary>
    public async Task<Dictionary<string, CiJobRow>> LatestAsync(string project, string commit, CancellationToken ct)
    {
        var latest = new Dictionary<string, CiJobRow>(StringComparer.Ordinal);
        foreach (var job in await ListAsync(project, commit, MaxOfCommit, ct)) latest.TryAdd(job.Name, job);
        return latest;
    }

    public Task<List<CiJobRow>> OpenAsync(CancellationToken ct) => db.ReadAsync(s => s.QueryAsync<CiJobRow>($"SELECT {Columns} FROM pip_ci_job WHERE state IN ('waiting', 'queued', 'running') ORDER BY id LIMIT {MaxOpen}"), ct);

    /// <returns>False when its state is no longer the one that this follows from.</returns>
    public Task<bool> UpdateAsync(CiJobRow row, string was, CancellationToken ct) => db.WriteAsync(s => UpdateAsync(s, row, was), ct);

    /// <summary>As <see cref="UpdateAsync(CiJobRow, string, CancellationToken)"/>, and the status of the commit with it.</summary>
    public Task<bool> MoveAsync(CiJobRow row, string was, CancellationToken ct) => db.WriteAsync(async s =>
    {
        if (!await UpdateAsync(s, row, was)) return false;
        await teller.WriteAsync(s, row);
        return true;
    }, ct);

    private static async Task<bool> UpdateAsync(DbSession s, CiJobRow row, string was) => await s.ExecuteAsync("""
        UPDATE pip_ci_job SET state = @State, job_id = @JobId, build_id = @BuildId, url = @Url, error = @Error, tests = @Tests, failures = @Failures, artifacts = @ArtifactsJson, started_ms = @StartedMs, finished_ms = @FinishedMs
        WHERE id = @Id AND state = @was
        """, new { row.State, row.JobId, row.BuildId, row.Url, row.Error, row.Tests, row.Failures, row.ArtifactsJson, row.StartedMs, row.FinishedMs, row.Id, was }) > 0;

    /// <summary>Digests that jobs keep, with a name for people: logs and artifacts.</summary>
    public Task<List<(string? Project, string Name, string Artifacts)>> KeptAsync(CancellationToken ct) => db.ReadAsync(async s =>
        (await s.QueryAsync<Kept>("SELECT project AS Project, name AS Name, artifacts AS Artifacts FROM pip_ci_job WHERE artifacts <> '[]'")).ConvertAll(k => ((string?)k.Project, k.Name, k.Artifacts)), ct);

    private sealed class Kept
    {
        public string Project { get; init; } = "";
        public string Name { get; init; } = "";
        public string Artifacts { get; init; } = "[]";
    }
}
