using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation;

internal sealed class EvaluationStore(Db db, IAuditLog audit, ResponseCache cache, TimeProvider time)
{
    private const string Columns = """
        id, project, commit_id AS CommitId, baseline_commit AS BaselineCommit, status, verdict, reason, cases, done, created_by AS CreatedBy, created_ms AS CreatedMs,
        finished_ms AS FinishedMs, digest, replay AS Replay
        """;

    /// <param name="uses">Models, data sets and suites.</param>
    public Task AddAsync(EvaluationSummary evaluation, string request, string pins, IReadOnlyList<(LineageNode From, string Relation)> uses, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("""
            INSERT INTO evl_evaluation (id, project, commit_id, baseline_commit, request, status, cases, done, created_by, created_ms, replay, pins)
            VALUES (@Id, @Project, @Commit, @BaselineCommit, @request, @Status, @Cases, 0, @CreatedBy, @CreatedMs, @Replay, @pins)
            """, new { evaluation.Replay, evaluation.Id, evaluation.Project, evaluation.Commit, evaluation.BaselineCommit, request, pins, evaluation.Status, evaluation.Cases, evaluation.CreatedBy, evaluation.CreatedMs });
        await EvaluationLineage.AddAsync(session, evaluation.Id, uses);
        await audit.AppendAsync(session, new AuditEvent(evaluation.CreatedBy, "evaluation.start", Subject(evaluation), new { evaluation.Commit, evaluation.BaselineCommit }));
    }, ct);

    /// <summary>Progress and new answers in one commit: what counts as done is kept.</summary>
    public Task ProgressAsync(string id, int done, IReadOnlyCollection<(string Key, string Output)> answers, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await cache.AddAsync(session, answers);
        await session.ExecuteAsync("UPDATE evl_evaluation SET done = @done WHERE id = @id AND status = 'running' AND done < @done", new { id, done });
    }, ct);

    /// <param name="verdicts">Right or wrong by case, for the history of flicker.</param>
    public Task FinishAsync(EvaluationSummary evaluation, IReadOnlyList<EvaluationCase> cases, IReadOnlyList<SuiteVerdicts> verdicts, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("DELETE FROM evl_case WHERE evaluation_id = @Id", new { evaluation.Id });
        await session.BulkInsertAsync("evl_case", ["evaluation_id", "idx", "suite", "outcome", "case_id", "doc"], cases, (row, one) =>
        {
            row.Text(evaluation.Id);
            row.Integer(one.Index);
            row.Text(one.Suite);
            row.Text(one.Outcome);
            row.Text(one.Id);
            row.Text(WireJson.Write(one));
        }, ignoreDuplicates: false);
        foreach (var one in verdicts)
        {
            await session.ExecuteAsync("""
                INSERT INTO evl_verdict (evaluation_id, suite, project, target, verdicts) VALUES (@Id, @Suite, @Project, @Target, @Packed)
                ON CONFLICT (evaluation_id, suite) DO UPDATE SET target = excluded.target, verdicts = excluded.verdicts
                """, new { evaluation.Id, evaluation.Project, one.Suite, one.Target, one.Packed });
            await session.ExecuteAsync("""
                DELETE FROM evl_verdict WHERE project = @Project AND suite = @Suite AND target = @Target AND evaluation_id NOT IN
                (SELECT evaluation_id FROM evl_verdict WHERE project = @Project AND suite = @Suite AND target = @Target ORDER BY evaluation_id DESC LIMIT @keep)
                """, new { evaluation.Project, one.Suite, one.Target, keep = FlakeRule.Runs });
        }
        await EndAsync(session, evaluation);
    }, ct);

    /// <summary>Verdicts of the latest evaluations of a suite and target, oldest first.</summary>
    public async Task<IReadOnlyList<string>> VerdictsAsync(string project, string suite, string target, int most, CancellationToken ct)
    {
        var rows = await db.ReadAsync(session => session.QueryAsync<string>(
            "SELECT verdicts FROM evl_verdict WHERE project = @project AND suite = @suite AND target = @target ORDER BY evaluation_id DESC LIMIT @most", new { project, suite, target, most }), ct);
        rows.Reverse();
        return rows;
    }

    /// <summary>The latest evaluation of each suite of a project that asked anew.</summary>
    public async Task<IReadOnlyList<(string Suite, string Id)>> LatestAsync(string project, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<LatestRow>(
        "SELECT suite AS Suite, MAX(evaluation_id) AS Id FROM evl_verdict WHERE project = @project GROUP BY suite ORDER BY suite LIMIT 1000", new { project }), ct)).Select(r => (r.Suite, r.Id))];

    /// <summary>Whether a finished evaluation has cases of the suite, asked anew or not.</summary>
    public async Task<bool> HasRunAsync(string project, string suite, CancellationToken ct) => await db.ReadAsync(session => session.ScalarAsync<long>(
        "SELECT COUNT(*) FROM evl_evaluation e WHERE e.project = @project AND EXISTS (SELECT 1 FROM evl_case c WHERE c.evaluation_id = e.id AND c.suite = @suite)", new { project, suite }), ct) > 0;

    /// <summary>Names of the suites that evaluations of a project ran.</summary>
    public Task<List<string>> SuitesAsync(string project, int most, CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<string>(
        "SELECT DISTINCT suite FROM evl_verdict WHERE project = @project ORDER BY suite LIMIT @most", new { project, most }), ct);

    public Task FailAsync(EvaluationSummary evaluation, CancellationToken ct) => db.WriteAsync(session => EndAsync(session, evaluation), ct);

    /// <summary>Evaluations that a stop cut short.</summary>
    public async Task<IReadOnlyList<EvaluationSummary>> RunningAsync(CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<Row>(
        $"SELECT {Columns} FROM evl_evaluation WHERE status = 'running' ORDER BY id LIMIT 10000"), ct)).Select(r => r.ToSummary())];

    /// <summary>Counts one more start of a server that goes on with an evaluation.</summary>
    /// <returns>The request, what it was resolved to (null: not known), and how often it has been gone on with, this time included.</returns>
    public Task<(string Request, string? Pins, int Resumed)> ResumeAsync(string id, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("UPDATE evl_evaluation SET resumed = resumed + 1 WHERE id = @id", new { id });
        var row = await session.FirstOrDefaultAsync<ResumeRow>("SELECT request AS Request, pins AS Pins, resumed AS Resumed FROM evl_evaluation WHERE id = @id", new { id });
        return (row?.Request ?? "", row?.Pins, (int)(row?.Resumed ?? 0));
    }, ct);

    public async Task<bool> HasFinishedAsync(string project, string commit, CancellationToken ct) => (await FinishedAsync(project, commit, ct)).Count > 0;

    /// <summary>Finished evaluations of a commit that asked models, newest first.</summary>
    public Task<List<string>> FinishedAsync(string project, string commit, CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<string>(
        "SELECT id FROM evl_evaluation WHERE project = @project AND commit_id = @commit AND status = 'finished' AND verdict <> 'BUDGET' AND replay IS NULL ORDER BY id DESC LIMIT 10", new { project, commit }), ct);

    /// <summary>The candidate's answers of a stored run, by case.</summary>
    public async Task<IReadOnlyDictionary<string, Answer>> AnswersAsync(string id, string suite, CancellationToken ct)
    {
        var rows = await db.ReadAsync(session => session.QueryAsync<string>("SELECT doc FROM evl_case WHERE evaluation_id = @id AND suite = @suite ORDER BY idx", new { id, suite }), ct);
        return rows.Select(WireJson.Read<EvaluationCase>).ToDictionary(c => c.Id, c => new Answer(c.Candidate, c.Error, IsCached: true, null, c.LatencyMs is { } ms ? new CallUsage(0, c.CompletionTokens ?? 0, ms) : null), StringComparer.Ordinal);
    }

    /// <summary>One case of a suite over the finished evaluations of a project, newest first.</summary>
    public async Task<IReadOnlyList<CaseHistoryEntry>> HistoryAsync(string project, string suite, string caseId, int limit, CancellationToken ct)
    {
        var rows = await db.ReadAsync(session => session.QueryAsync<HistoryRow>("""
            SELECT e.id AS Id, e.commit_id AS CommitId, e.created_ms AS CreatedMs, c.doc AS Doc FROM evl_case c JOIN evl_evaluation e ON e.id = c.evaluation_id
            WHERE c.case_id = @caseId AND c.suite = @suite AND e.project = @project ORDER BY e.id DESC LIMIT @limit
            """, new { project, suite, caseId, limit }), ct);
        return [.. rows.Select(r => new CaseHistoryEntry(r.Id, r.CommitId, r.CreatedMs, WireJson.Read<EvaluationCase>(r.Doc)))];
    }

    public async Task<EvaluationSummary> GetAsync(string id, CancellationToken ct) =>
        (await db.ReadAsync(session => session.FirstOrDefaultAsync<Row>($"SELECT {Columns} FROM evl_evaluation WHERE id = @id", new { id }), ct))?.ToSummary()
        ?? throw new PilothouseException(ErrorCode.NotFound, $"There is no evaluation '{id}'. List them: GET /api/v1/evaluations.");

    public async Task<Page<EvaluationSummary>> ListAsync(string? project, string? commit, int limit, string? before, CancellationToken ct)
    {
        var rows = await db.ReadAsync(session => session.QueryAsync<Row>($"""
            SELECT {Columns} FROM evl_evaluation
            WHERE (CAST(@project AS TEXT) IS NULL OR project = @project) AND (CAST(@commit AS TEXT) IS NULL OR commit_id = @commit) AND (CAST(@before AS TEXT) IS NULL OR id < @before)
            ORDER BY id DESC LIMIT @take
            """, new { project, commit, before, take = limit + 1 }), ct);
        return new Page<EvaluationSummary>([.. rows.Take(limit).Select(r => r.ToSummary())], rows.Count > limit ? PageToken.Encode(rows[limit - 1].Id) : null);
    }

    public async Task<Page<EvaluationCase>> CasesAsync(string id, string? suite, string? outcome, long after, int limit, CancellationToken ct)
    {
        var rows = await db.ReadAsync(session => session.QueryAsync<CaseRow>("""
            SELECT idx, doc FROM evl_case
            WHERE evaluation_id = @id AND idx > @after AND (CAST(@suite AS TEXT) IS NULL OR suite = @suite) AND (CAST(@outcome AS TEXT) IS NULL OR outcome = @outcome)
            ORDER BY idx LIMIT @take
            """, new { id, suite, outcome, after, take = limit + 1 }), ct);
        return new Page<EvaluationCase>([.. rows.Take(limit).Select(r => WireJson.Read<EvaluationCase>(r.Doc))], rows.Count > limit ? PageToken.Encode(rows[limit - 1].Idx) : null);
    }

    private async Task EndAsync(DbSession session, EvaluationSummary evaluation)
    {
        var changed = await session.ExecuteAsync("""
            UPDATE evl_evaluation SET status = @Status, verdict = @Verdict, reason = @Reason, done = @Done, finished_ms = @now, digest = @Digest WHERE id = @Id AND status = 'running'
            """, new { evaluation.Id, evaluation.Status, evaluation.Verdict, evaluation.Reason, evaluation.Done, now = evaluation.FinishedMs ?? time.NowMs(), evaluation.Digest });
        if (changed == 1)
            await audit.AppendAsync(session, new AuditEvent(evaluation.CreatedBy, "evaluation.finish", Subject(evaluation), new { evaluation.Status, evaluation.Verdict, evaluation.Reason, evaluation.Digest }));
    }

    private static string Subject(EvaluationSummary evaluation) => $"projects/{evaluation.Project}/evaluations/{evaluation.Id}";

    private sealed class LatestRow
    {
        public string Suite { get; init; } = "";
        public string Id { get; init; } = "";
    }

    private sealed class ResumeRow
    {
        public string Request { get; init; } = "";
        public string? Pins { get; init; }
        public long Resumed { get; init; }
    }

    private sealed class HistoryRow
    {
        public string Id { get; init; } = "";
        public string CommitId { get; init; } = "";
        public long CreatedMs { get; init; }
        public string Doc { get; init; } = "";
    }

    private sealed class CaseRow
    {
        public long Idx { get; init; }
        public string Doc { get; init; } = "";
    }

    private sealed class Row
    {
        public string Id { get; init; } = "";
        public string Project { get; init; } = "";
        public string CommitId { get; init; } = "";
        public string? BaselineCommit { get; init; }
        public string Status { get; init; } = "";
        public string? Verdict { get; init; }
        public string? Reason { get; init; }
        public long Cases { get; init; }
        public long Done { get; init; }
        public string CreatedBy { get; init; } = "";
        public long CreatedMs { get; init; }
        public long? FinishedMs { get; init; }
        public string? Digest { get; init; }
        public string? Replay { get; init; }

        public EvaluationSummary ToSummary() => new(Id, Project, CommitId, BaselineCommit, Status, Verdict, Reason, (int)Cases, (int)Done, CreatedBy, CreatedMs, FinishedMs, Digest, Replay);
    }
}
