using Pilothouse.Data;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Traces;

internal sealed class TraceStore(Db db)
{
    /// <summary>Spans of one trace that its summary looks at, and that a detail view shows.</summary>
    public const int MaxSpansPerTrace = 20_000;

    private const string SpanColumns = """
        trace_id AS TraceId, span_id AS SpanId, parent_id AS ParentId, name, service, environment, release_digest AS Release, start_ns AS StartNs, end_ns AS EndNs, is_error AS IsError,
        operation, model, response_id AS ResponseId, input_tokens AS InputTokens, output_tokens AS OutputTokens, richness, input_text AS InputText, output_text AS OutputText
        """;

    private const string TraceColumns = """
        trace_id AS TraceId, name, service, model, release_digest AS Release, environment, start_ms AS StartMs, duration_ms AS DurationMs, spans, errors,
        input_tokens AS InputTokens, output_tokens AS OutputTokens, input_text AS InputText, output_text AS OutputText
        """;

    private static readonly string[] SpanInsert =
    [
        "trace_id", "span_id", "parent_id", "name", "service", "environment", "release_digest", "start_ns", "end_ns", "is_error",
        "operation", "model", "response_id", "input_tokens", "output_tokens", "richness", "input_text", "output_text", "payload",
    ];

    /// <summary>Adds spans (those that are there stay as they are) and brings the summaries of their traces up to date, in one transaction.</summary>
    /// <param name="rows">No two with the same trace and span id.</param>
    public Task WriteAsync(IReadOnlyList<SpanRow> rows, CancellationToken ct) => db.WriteAsync(async session =>
    {
        // In order of id: two writers of the same traces must meet in the same order, or PostgreSQL calls a deadlock.
        var groups = rows.GroupBy(r => r.TraceId).OrderBy(g => g.Key, StringComparer.Ordinal).ToList();
        var known = new HashSet<string>();
        foreach (var chunk in groups.Select(g => g.Key).Chunk(500))
            known.UnionWith(await session.QueryAsync<string>($"SELECT trace_id FROM trc_trace WHERE {session.Dialect.In("trace_id", "@chunk")} ORDER BY trace_id LIMIT 500{session.Dialect.ForUpdate}", new { chunk }));
        await InsertAsync(session, rows);
        foreach (var group in groups)
            await UpsertAsync(session, known.Contains(group.Key) ? TraceSummaries.Of(await SpansAsync(session, group.Key)) : TraceSummaries.Of([.. group]));
    }, ct);

    /// <param name="before">Start and id of the last row of the page before, or null.</param>
    public async Task<IReadOnlyList<TraceSummary>> ListAsync(TraceQuery query, (long StartMs, string TraceId)? before, CancellationToken ct)
    {
        var where = new List<string>();
        if (query.Service is not null) where.Add("service = @Service");
        if (query.Model is not null) where.Add("model = @Model");
        if (query.Release is not null) where.Add("release_digest = @Release");
        if (query.Environment is not null) where.Add("environment = @Environment");
        if (query.Errors is { } errors) where.Add(errors ? "errors > 0" : "errors = 0");
        if (query.Text is not null) where.Add($"({Contains("input_text")} OR {Contains("output_text")} OR {Contains("name")})");
        if (before is not null) where.Add("(start_ms, trace_id) < (@startMs, @traceId)");
        var sql = $"SELECT {TraceColumns} FROM trc_trace {(where.Count > 0 ? "WHERE " + string.Join(" AND ", where) : "")} ORDER BY start_ms DESC, trace_id DESC LIMIT @Limit";
        var args = new { query.Service, query.Model, query.Release, query.Environment, text = "%" + Escape(query.Text ?? "") + "%", query.Limit, startMs = before?.StartMs ?? 0, traceId = before?.TraceId ?? "" };
        return [.. (await db.ReadAsync(session => session.QueryAsync<TraceRow>(sql, args), ct)).Select(row => row.ToSummary())];

        static string Contains(string column) => $@"lower({column}) LIKE lower(@text) ESCAPE '\'";
    }

    /// <returns>Summary and spans in order of start; null when there is no such trace.</returns>
    public Task<(TraceSummary Summary, IReadOnlyList<byte[]> Payloads)?> FindAsync(string traceId, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var row = await session.FirstOrDefaultAsync<TraceRow>($"SELECT {TraceColumns} FROM trc_trace WHERE trace_id = @traceId", new { traceId });
        if (row is null) return default((TraceSummary, IReadOnlyList<byte[]>)?);
        var payloads = await session.QueryAsync<byte[]>("SELECT payload FROM trc_span WHERE trace_id = @traceId ORDER BY start_ns, span_id LIMIT @limit", new { traceId, limit = MaxSpansPerTrace });
        return (row.ToSummary(), payloads);
    }, ct);

    private static Task<List<SpanRow>> SpansAsync(DbSession session, string traceId) =>
        session.QueryAsync<SpanRow>($"SELECT {SpanColumns} FROM trc_span WHERE trace_id = @traceId ORDER BY start_ns LIMIT @limit", new { traceId, limit = MaxSpansPerTrace });

    private static Task InsertAsync(DbSession session, IReadOnlyList<SpanRow> rows) => session.BulkInsertAsync("trc_span", SpanInsert, rows, static (row, span) =>
    {
        row.Text(span.TraceId);
        row.Text(span.SpanId);
        row.Text(span.ParentId);
        row.Text(span.Name);
        row.Text(span.Service);
        row.Text(span.Environment);
        row.Text(span.Release);
        row.Integer(span.StartNs);
        row.Integer(span.EndNs);
        row.Integer(span.IsError);
        row.Text(span.Operation);
        row.Text(span.Model);
        row.Text(span.ResponseId);
        Optional(row, span.InputTokens);
        Optional(row, span.OutputTokens);
        row.Integer(span.Richness);
        row.Text(span.InputText);
        row.Text(span.OutputText);
        row.Bytes(span.Payload);
    }, ignoreDuplicates: true);

    private static void Optional(IBulkRow row, long? value)
    {
        if (value is { } number) row.Integer(number);
        else row.Null();
    }

    private static Task<int> UpsertAsync(DbSession session, TraceSummary t) => session.ExecuteAsync("""
        INSERT INTO trc_trace (trace_id, name, service, model, release_digest, environment, start_ms, duration_ms, spans, errors, input_tokens, output_tokens, input_text, output_text)
        VALUES (@TraceId, @Name, @Service, @Model, @Release, @Environment, @StartMs, @DurationMs, @Spans, @Errors, @InputTokens, @OutputTokens, @Input, @Output)
        ON CONFLICT (trace_id) DO UPDATE SET name = excluded.name, service = excluded.service, model = excluded.model, release_digest = excluded.release_digest, environment = excluded.environment,
            start_ms = excluded.start_ms, duration_ms = excluded.duration_ms, spans = excluded.spans, errors = excluded.errors, input_tokens = excluded.input_tokens,
            output_tokens = excluded.output_tokens, input_text = excluded.input_text, output_text = excluded.output_text
        """, t);

    private static string Escape(string text) => text.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("%", @"\%", StringComparison.Ordinal).Replace("_", @"\_", StringComparison.Ordinal);

    private sealed class TraceRow
    {
        public string TraceId { get; init; } = "";
        public string Name { get; init; } = "";
        public string? Service { get; init; }
        public string? Model { get; init; }
        public string? Release { get; init; }
        public string? Environment { get; init; }
        public long StartMs { get; init; }
        public double DurationMs { get; init; }
        public long Spans { get; init; }
        public long Errors { get; init; }
        public long InputTokens { get; init; }
        public long OutputTokens { get; init; }
        public string? InputText { get; init; }
        public string? OutputText { get; init; }

        public TraceSummary ToSummary() => new(TraceId, Name, Service, Model, Release, Environment, StartMs, DurationMs, (int)Spans, (int)Errors, InputTokens, OutputTokens, InputText, OutputText);
    }
}
