using Pilothouse.Data;
using Pilothouse.Server.Modules.Audit.Api;

namespace Pilothouse.Server.Modules.Reproductions;

internal sealed class ReproductionStore(Db db, IAuditLog audit)
{
    private const int MaxPairs = 1_000;

    private const string Columns = """
        id, subject_kind AS SubjectKind, subject_id AS SubjectId, verdict, summary, run_id AS RunId, statement_digest AS StatementDigest, report_digest AS ReportDigest,
        recorded_by AS RecordedBy, time_ms AS TimeMs
        """;

    public Task AddAsync(Protocols.V1.Reproduction r, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("""
            INSERT INTO rpd_reproduction (id, subject_kind, subject_id, verdict, summary, run_id, statement_digest, report_digest, recorded_by, time_ms)
            VALUES (@Id, @SubjectKind, @SubjectId, @Verdict, @Summary, @RunId, @StatementDigest, @ReportDigest, @By, @TimeMs)
            """, r);
        await audit.AppendAsync(session, new AuditEvent(r.By, "reproduction.record", $"reproductions/{r.SubjectKind}/{r.SubjectId}", new { r.Id, r.Verdict, r.Summary, r.RunId, r.StatementDigest }));
    }, ct);

    public async Task<Protocols.V1.Reproduction?> FindAsync(string id, CancellationToken ct) =>
        (await db.ReadAsync(session => session.FirstOrDefaultAsync<Row>($"SELECT {Columns} FROM rpd_reproduction WHERE id = @id", new { id }), ct))?.ToRecord();

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<Protocols.V1.Reproduction>> ListAsync(string? kind, string? subject, int limit, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<Row>($"""
        SELECT {Columns} FROM rpd_reproduction
        WHERE (CAST(@kind AS TEXT) IS NULL OR subject_kind = @kind) AND (CAST(@subject AS TEXT) IS NULL OR subject_id = @subject)
        ORDER BY time_ms DESC, id DESC LIMIT @limit
        """, new { kind, subject, limit }), ct)).Select(r => r.ToRecord())];

    /// <summary>Runs and the runs that repeated them, where one of either is among those asked for.</summary>
    public async Task<IReadOnlyList<(string Original, string Repeated)>> PairsAsync(IReadOnlyList<string> runs, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<PairRow>($"""
        SELECT subject_id AS Original, run_id AS Repeated FROM rpd_reproduction
        WHERE subject_kind = 'run' AND run_id IS NOT NULL AND ({session.Dialect.In("subject_id", "@runs")} OR {session.Dialect.In("run_id", "@runs")})
        ORDER BY time_ms DESC LIMIT {MaxPairs}
        """, new { runs }), ct)).Select(r => (r.Original, r.Repeated))];

    private sealed class Row
    {
        public string Id { get; init; } = "";
        public string SubjectKind { get; init; } = "";
        public string SubjectId { get; init; } = "";
        public string Verdict { get; init; } = "";
        public string Summary { get; init; } = "";
        public string? RunId { get; init; }
        public string StatementDigest { get; init; } = "";
        public string ReportDigest { get; init; } = "";
        public string RecordedBy { get; init; } = "";
        public long TimeMs { get; init; }

        public Protocols.V1.Reproduction ToRecord() => new(Id, SubjectKind, SubjectId, Verdict, Summary, RunId, StatementDigest, ReportDigest, RecordedBy, TimeMs);
    }

    private sealed class PairRow
    {
        public string Original { get; init; } = "";
        public string Repeated { get; init; } = "";
    }
}
