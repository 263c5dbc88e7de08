using Pilothouse.Data;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Audit.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Packaging;

/// <summary>A release without its evidence, as stored.</summary>
/// <param name="Size">Bytes of the manifest.</param>
internal sealed record StoredRelease(string Digest, string Project, string Commit, string CommitSubject, long Size, IReadOnlyList<ReleaseComponent> Components, string CreatedBy, long CreatedMs);

/// <summary>A piece of evidence: an OCI manifest that refers to the release.</summary>
/// <param name="Size">Bytes of the manifest.</param>
/// <param name="SourceId">Evaluation, report or approver it comes from.</param>
internal sealed record StoredEvidence(string Digest, long Size, string ArtifactType, string Type, string Name, string Verdict, string Summary, string SourceId, string By, long TimeMs);

internal sealed class ReleaseStore(Db db, IAuditLog audit)
{
    private const int MaxEvidence = 1_000;

    private const string Columns = """
        digest, project, commit_id AS CommitId, commit_subject AS CommitSubject, size, components, created_by AS CreatedBy, created_ms AS CreatedMs
        """;

    private const string EvidenceColumns = """
        digest, size, artifact_type AS ArtifactType, evidence_type AS Type, name, verdict, summary, source_id AS SourceId, recorded_by AS RecordedBy, time_ms AS TimeMs
        """;

    /// <summary>Stores a release; one that is there already stays as it is.</summary>
    public Task AddAsync(StoredRelease release, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var added = await session.ExecuteAsync("""
            INSERT INTO pkg_release (digest, project, commit_id, commit_subject, size, components, created_by, created_ms)
            VALUES (@Digest, @Project, @Commit, @CommitSubject, @Size, @components, @CreatedBy, @CreatedMs) ON CONFLICT (digest) DO NOTHING
            """, new
        {
            release.Digest,
            release.Project,
            release.Commit,
            release.CommitSubject,
            release.Size,
            components = WireJson.Write(release.Components),
            release.CreatedBy,
            release.CreatedMs,
        });
        if (added == 0) return;
        await ReleaseLineage.AddAsync(session, release.Digest, ReleaseLineage.Of(release.Components));
        await audit.AppendAsync(session, new AuditEvent(release.CreatedBy, "release.create", Subject(release),
            new { release.Commit, Components = release.Components.Take(100).Select(c => $"{c.Type} {c.Name} {c.Reference} {c.Digest}") }));
    }, ct);

    /// <summary>Stores evidence; of one source only the first counts, whoever is faster.</summary>
    public Task AddAsync(StoredRelease release, StoredEvidence evidence, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var added = await session.ExecuteAsync("""
            INSERT INTO pkg_evidence (release_digest, digest, size, artifact_type, evidence_type, name, verdict, summary, source_id, recorded_by, time_ms)
            VALUES (@release, @Digest, @Size, @ArtifactType, @Type, @Name, @Verdict, @Summary, @SourceId, @By, @TimeMs)
            ON CONFLICT (release_digest, evidence_type, source_id) DO NOTHING
            """, new
        {
            release = release.Digest,
            evidence.Digest,
            evidence.Size,
            evidence.ArtifactType,
            evidence.Type,
            evidence.Name,
            evidence.Verdict,
            evidence.Summary,
            evidence.SourceId,
            evidence.By,
            evidence.TimeMs,
        });
        if (added == 0) return;
        if (evidence.Type is LineageKind.Evaluation or LineageKind.Fairness) await ReleaseLineage.AddAsync(session, release.Digest, [(new LineageNode(evidence.Type, evidence.SourceId), "evidence")]);
        await audit.AppendAsync(session, new AuditEvent(evidence.By, $"release.{evidence.Type}", Subject(release), new { evidence.Digest, evidence.Verdict, evidence.Summary, evidence.SourceId }));
    }, ct);

    /// <summary>At most two: one more than a unique prefix gives.</summary>
    public async Task<IReadOnlyList<StoredRelease>> FindAsync(string digestPrefix, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<Row>(
        $"SELECT {Columns} FROM pkg_release WHERE substr(digest, 1, @length) = @digestPrefix LIMIT 2", new { digestPrefix, length = digestPrefix.Length }), ct)).Select(row => row.ToRelease())];

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<StoredRelease>> ListAsync(string? project, int limit, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<Row>($"""
        SELECT {Columns} FROM pkg_release WHERE CAST(@project AS TEXT) IS NULL OR project = @project ORDER BY created_ms DESC, digest LIMIT @limit
        """, new { project, limit }), ct)).Select(row => row.ToRelease())];

    /// <summary>Oldest first.</summary>
    public async Task<IReadOnlyList<StoredEvidence>> EvidenceAsync(string release, CancellationToken ct) => [.. (await db.ReadAsync(session => session.QueryAsync<EvidenceRow>($"""
        SELECT {EvidenceColumns} FROM pkg_evidence WHERE release_digest = @release ORDER BY time_ms, digest LIMIT {MaxEvidence}
        """, new { release }), ct)).Select(row => row.ToEvidence())];

    /// <summary>True for the manifest of a release of the project, or of evidence about one.</summary>
    public async Task<bool> IsManifestAsync(string project, string digest, CancellationToken ct) => await db.ReadAsync(session => session.ScalarAsync<long>("""
        SELECT COUNT(*) FROM pkg_release r WHERE r.project = @project
        AND (r.digest = @digest OR EXISTS (SELECT 1 FROM pkg_evidence e WHERE e.release_digest = r.digest AND e.digest = @digest))
        """, new { project, digest }), ct) > 0;

    private static string Subject(StoredRelease release) => $"releases/{release.Project}/{release.Digest}";

    private sealed class Row
    {
        public string Digest { get; init; } = "";
        public string Project { get; init; } = "";
        public string CommitId { get; init; } = "";
        public string CommitSubject { get; init; } = "";
        public long Size { get; init; }
        public string Components { get; init; } = "";
        public string CreatedBy { get; init; } = "";
        public long CreatedMs { get; init; }

        public StoredRelease ToRelease() => new(Digest, Project, CommitId, CommitSubject, Size, WireJson.Read<List<ReleaseComponent>>(Components), CreatedBy, CreatedMs);
    }

    private sealed class EvidenceRow
    {
        public string Digest { get; init; } = "";
        public long Size { get; init; }
        public string ArtifactType { get; init; } = "";
        public string Type { get; init; } = "";
        public string Name { get; init; } = "";
        public string Verdict { get; init; } = "";
        public string Summary { get; init; } = "";
        public string SourceId { get; init; } = "";
        public string RecordedBy { get; init; } = "";
        public long TimeMs { get; init; }

        public StoredEvidence ToEvidence() => new(Digest, Size, ArtifactType, Type, Name, Verdict, Summary, SourceId, RecordedBy, TimeMs);
    }
}
