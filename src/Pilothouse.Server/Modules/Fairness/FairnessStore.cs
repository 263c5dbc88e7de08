using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Fairness;

internal sealed class FairnessStore(Db db, IAuditLog audit)
{
    /// <param name="uses">Models and data sets.</param>
    public Task AddAsync(FairnessReport report, IReadOnlyList<(LineageNode From, string Relation)> uses, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("""
            INSERT INTO fai_report (id, project, commit_id, verdict, created_by, created_ms, digest, doc)
            VALUES (@Id, @Project, @Commit, @Verdict, @CreatedBy, @CreatedMs, @Digest, @doc)
            """, new { report.Id, report.Project, report.Commit, report.Verdict, report.CreatedBy, report.CreatedMs, report.Digest, doc = WireJson.Write(report) });
        await FairnessLineage.AddAsync(session, report.Id, uses);
        await audit.AppendAsync(session, new AuditEvent(report.CreatedBy, "fairness.report", $"projects/{report.Project}/fairness/{report.Id}", new { report.Commit, report.Verdict, report.Digest }));
    }, ct);

    public async Task<FairnessReport> GetAsync(string id, CancellationToken ct) =>
        await db.ReadAsync(session => session.FirstOrDefaultAsync<string>("SELECT doc FROM fai_report WHERE id = @id", new { id }), ct) is { } doc
            ? WireJson.Read<FairnessReport>(doc)
            : throw new PilothouseException(ErrorCode.NotFound, $"There is no fairness report '{id}'. List them: GET /api/v1/fairness.");

    public async Task<IReadOnlyList<FairnessReport>> ListAsync(string? project, string? commit, int limit, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<string>("""
        SELECT doc FROM fai_report
        WHERE (CAST(@project AS TEXT) IS NULL OR project = @project) AND (CAST(@commit AS TEXT) IS NULL OR commit_id = @commit)
        ORDER BY id DESC LIMIT @limit
        """, new { project, commit, limit }), ct)).Select(WireJson.Read<FairnessReport>)];
}
