using System.Text.Json;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>SQL of <c>trc_assessment</c>.</summary>
internal sealed class AssessmentStore(Db db)
{
    /// <summary>Assessments of one trace.</summary>
    public const int MaxPerTrace = 1000;

    private const string Columns = """
        assessment_id AS AssessmentId, trace_id AS TraceId, span_id AS SpanId, name, kind, value, error, source_type AS SourceType, source_id AS SourceId, rationale, metadata,
        created_ms AS CreatedMs, updated_ms AS UpdatedMs, overrides, valid
        """;

    /// <exception cref="PilothouseException">NotFound (the trace, or what it overrides); FailedPrecondition at the bound.</exception>
    public Task AddAsync(AssessmentRow row, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ScalarAsync<string>("SELECT trace_id FROM trc_trace WHERE trace_id = @TraceId", row) is null) throw MissingTrace(row.TraceId);
        if (await session.ScalarAsync<long>("SELECT COUNT(*) FROM trc_assessment WHERE trace_id = @TraceId", row) >= MaxPerTrace)
            throw new PilothouseException(ErrorCode.InvalidArgument, $"The trace has {MaxPerTrace} assessments already. Delete some first.");
        if (row.Overrides is not null && await session.ExecuteAsync("UPDATE trc_assessment SET valid = 0 WHERE assessment_id = @Overrides AND trace_id = @TraceId", row) == 0) throw Missing(row.Overrides, row.TraceId);
        await InsertAsync(session, row);
    }, ct);

    public static Task<int> InsertAsync(DbSession session, AssessmentRow row) => session.ExecuteAsync("""
        INSERT INTO trc_assessment (assessment_id, trace_id, span_id, name, kind, value, error, source_type, source_id, rationale, metadata, created_ms, updated_ms, overrides, valid)
        VALUES (@AssessmentId, @TraceId, @SpanId, @Name, @Kind, @Value, @Error, @SourceType, @SourceId, @Rationale, @Metadata, @CreatedMs, @UpdatedMs, @Overrides, @Valid)
        """, row);

    /// <exception cref="PilothouseException">NotFound.</exception>
    public Task<AssessmentRow> GetAsync(string traceId, string assessmentId, CancellationToken ct) => db.ReadAsync(session => GetAsync(session, traceId, assessmentId), ct);

    /// <summary>Changes an assessment by what <paramref name="change"/> makes of it.</summary>
    public Task<AssessmentRow> UpdateAsync(string traceId, string assessmentId, Func<AssessmentRow, AssessmentRow> change, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var row = change(await GetAsync(session, traceId, assessmentId));
        const string sql = "UPDATE trc_assessment SET name = @Name, value = @Value, error = @Error, rationale = @Rationale, metadata = @Metadata, updated_ms = @UpdatedMs WHERE assessment_id = @AssessmentId";
        await session.ExecuteAsync(sql, row);
        return row;
    }, ct);

    /// <summary>Deletes it if it is there; what it overrode is valid again.</summary>
    public Task DeleteAsync(string traceId, string assessmentId, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var overridden = await session.ScalarAsync<string>("SELECT overrides FROM trc_assessment WHERE assessment_id = @assessmentId AND trace_id = @traceId", new { assessmentId, traceId });
        await session.ExecuteAsync("DELETE FROM trc_assessment WHERE assessment_id = @assessmentId AND trace_id = @traceId", new { assessmentId, traceId });
        if (overridden is not null) await session.ExecuteAsync("UPDATE trc_assessment SET valid = 1 WHERE assessment_id = @overridden AND trace_id = @traceId", new { overridden, traceId });
    }, ct);

    public static Task<List<AssessmentRow>> OfTracesAsync(DbSession session, string[] ids) =>
        session.QueryAsync<AssessmentRow>($"SELECT {Columns} FROM trc_assessment WHERE {session.Dialect.In("trace_id", "@ids")} ORDER BY created_ms, assessment_id LIMIT {500 * MaxPerTrace}", new { ids });

    private static async Task<AssessmentRow> GetAsync(DbSession session, string traceId, string assessmentId)
    {
        var row = await session.FirstOrDefaultAsync<AssessmentRow>($"SELECT {Columns} FROM trc_assessment WHERE assessment_id = @assessmentId AND trace_id = @traceId{(session.Transaction is null ? "" : session.Dialect.ForUpdate)}", new { assessmentId, traceId });
        if (row is not null) return row;
        if (await session.ScalarAsync<string>("SELECT trace_id FROM trc_trace WHERE trace_id = @traceId", new { traceId }) is null) throw MissingTrace(traceId);
        throw Missing(assessmentId, traceId);
    }

    private static PilothouseException MissingTrace(string traceId) => new(ErrorCode.NotFound, $"Trace with request_id '{TraceIds.ToMlflow(traceId)}' not found");

    private static PilothouseException Missing(string assessmentId, string traceId) => new(ErrorCode.NotFound, $"Assessment with ID '{assessmentId}' not found for trace '{TraceIds.ToMlflow(traceId)}'");
}

/// <summary>One assessment.</summary>
internal sealed record AssessmentRow
{
    public string AssessmentId { get; init; } = "";
    public string TraceId { get; init; } = "";
    public string? SpanId { get; init; }
    public string Name { get; init; } = "";

    /// <summary><c>feedback</c>, <c>expectation</c> or <c>issue</c>.</summary>
    public string Kind { get; init; } = "";

    /// <summary>JSON; of an issue its id as a JSON text.</summary>
    public string Value { get; init; } = "null";

    /// <summary>JSON of the error, or null.</summary>
    public string? Error { get; init; }
    public string SourceType { get; init; } = "";
    public string? SourceId { get; init; }
    public string? Rationale { get; init; }
    public string? Metadata { get; init; }
    public long CreatedMs { get; init; }
    public long UpdatedMs { get; init; }
    public string? Overrides { get; init; }
    public long Valid { get; init; }

    public MlflowAssessment ToMlflow()
    {
        using var document = JsonDocument.Parse(Value);
        var value = document.RootElement.Clone();
        return new MlflowAssessment
        {
            AssessmentId = AssessmentId,
            AssessmentName = Name,
            TraceId = TraceIds.ToMlflow(TraceId),
            SpanId = SpanId,
            Source = new MlflowAssessmentSource(SourceType, SourceId),
            CreateTime = MlflowTime.Timestamp(CreatedMs),
            LastUpdateTime = MlflowTime.Timestamp(UpdatedMs),
            Feedback = Kind == "feedback" ? new MlflowFeedback(value, Error is null ? null : JsonSerializer.Deserialize<MlflowAssessmentError>(Error, MlflowJson.Options)) : null,
            Expectation = Kind != "expectation" ? null
                : value.ValueKind is JsonValueKind.Object or JsonValueKind.Array ? new MlflowExpectation(null, new MlflowSerializedValue("JSON_FORMAT", Value)) : new MlflowExpectation(value, null),
            Issue = Kind == "issue" ? new MlflowIssueReference(value.GetString() ?? "") : null,
            Rationale = Rationale,
            Metadata = Metadata is null ? null : JsonSerializer.Deserialize<Dictionary<string, string>>(Metadata),
            Overrides = Overrides,
            Valid = Valid != 0,
        };
    }
}
