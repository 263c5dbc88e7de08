using System.Text.Json;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>SQL of <c>trc_issue</c>.</summary>
internal sealed class IssueStore(Db db)
{
    private const string Columns = """
        i.issue_id AS IssueId, i.experiment_id AS ExperimentId, i.name, i.description, i.status, i.severity, i.root_causes AS RootCauses, i.source_run_id AS SourceRunId, i.categories,
        i.created_by AS CreatedBy, i.created_ms AS CreatedMs, i.updated_ms AS UpdatedMs
        """;

    public Task InsertAsync(IssueRow row, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("""
        INSERT INTO trc_issue (issue_id, experiment_id, name, description, status, severity, root_causes, source_run_id, categories, created_by, created_ms, updated_ms)
        VALUES (@IssueId, @ExperimentId, @Name, @Description, @Status, @Severity, @RootCauses, @SourceRunId, @Categories, @CreatedBy, @CreatedMs, @UpdatedMs)
        """, row), ct);

    public Task<IssueRow?> FindAsync(string issueId, CancellationToken ct) =>
        db.ReadAsync(session => session.FirstOrDefaultAsync<IssueRow>($"SELECT {Columns} FROM trc_issue i WHERE i.issue_id = @issueId", new { issueId }), ct);

    /// <summary>Sets what is not null.</summary>
    public Task<IssueRow?> UpdateAsync(string issueId, string? name, string? description, string? status, string? severity, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        const string sql = """
            UPDATE trc_issue SET name = COALESCE(@name, name), description = COALESCE(@description, description), status = COALESCE(@status, status), severity = COALESCE(@severity, severity), updated_ms = @now
            WHERE issue_id = @issueId
            """;
        await session.ExecuteAsync(sql, new { issueId, name, description, status, severity, now });
        return await session.FirstOrDefaultAsync<IssueRow>($"SELECT {Columns} FROM trc_issue i WHERE i.issue_id = @issueId", new { issueId });
    }, ct);

    /// <summary>In the order in which they were found.</summary>
    public async Task<(List<IssueRow> Issues, string NextToken)> SearchAsync(string? experimentId, MlflowFilter filter, int limit, string? token, bool withTraces, CancellationToken ct)
    {
        var search = new SortedSearch(db.Dialect);
        search.Sort(new SortKey("i.created_ms", null, IsText: false, Descending: false));
        search.Sort(new SortKey("i.issue_id", null, IsText: true, Descending: false));
        search.StartAfter(token);
        if (experimentId is not null) search.And($"i.experiment_id = {search.Bind(experimentId)}");
        foreach (var c in filter.Comparisons) search.And(search.Compare(c.Key == "status" ? "i.status" : "i.source_run_id", c));
        // The value of an assessment that links a trace is the issue's id as JSON.
        var traces = withTraces ? ", (SELECT COUNT(DISTINCT a.trace_id) FROM trc_assessment a WHERE a.kind = 'issue' AND a.value = '\"' || i.issue_id || '\"') AS TraceCount" : "";
        var rows = await db.ReadAsync(session => session.QueryAsync<IssueRow>($"SELECT {Columns}{traces} FROM trc_issue i WHERE {search.Where} ORDER BY {search.OrderBy} LIMIT {search.Bind(limit + 1)}", search.Args), ct);
        if (rows.Count <= limit) return (rows, "");
        rows.RemoveAt(limit);
        return (rows, PageToken.Encode(new CursorValue[] { new(0, null, rows[^1].CreatedMs), new(0, rows[^1].IssueId, 0) }));
    }
}

/// <summary>One issue; lists as JSON.</summary>
internal sealed record IssueRow
{
    public string IssueId { get; init; } = "";
    public string ExperimentId { get; init; } = "";
    public string Name { get; init; } = "";
    public string Description { get; init; } = "";
    public string Status { get; init; } = "";
    public string? Severity { get; init; }
    public string RootCauses { get; init; } = "[]";
    public string? SourceRunId { get; init; }
    public string Categories { get; init; } = "[]";
    public string? CreatedBy { get; init; }
    public long CreatedMs { get; init; }
    public long UpdatedMs { get; init; }
    public long? TraceCount { get; init; }

    public MlflowIssue ToMlflow() => new()
    {
        IssueId = IssueId,
        ExperimentId = ExperimentId,
        Name = Name,
        Description = Description,
        Status = Status,
        Severity = Severity,
        RootCauses = JsonSerializer.Deserialize<List<string>>(RootCauses),
        SourceRunId = SourceRunId,
        CreatedTimestamp = CreatedMs,
        LastUpdatedTimestamp = UpdatedMs,
        CreatedBy = CreatedBy,
        Categories = JsonSerializer.Deserialize<List<string>>(Categories),
        TraceCount = (int?)TraceCount,
    };
}
