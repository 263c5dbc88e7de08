using Pilothouse.Data;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Traces;

internal sealed class TraceStore(Db db)
{
    /// <summary>Spans of one trace that its summary looks at, and that a detail view shows.</summary>
    public const int MaxSpansPerTrace = 20_000;

    private const string SpanColumns = """
        trace_id AS TraceId, span_id AS SpanId, parent_id AS ParentId, name, service, environment, release_digest AS Release, start_ns AS StartNs, end_ns AS EndNs, is_error AS IsError,
        operation, model, response_id AS ResponseId, input_tokens AS InputTokens, output_tokens AS OutputTokens, richness, input_text AS InputText, output_text AS OutputText,
        span_type AS SpanType, status, provider, input_cost AS InputCost, output_cost AS OutputCost, cache_read AS CacheReadTokens, cache_write AS CacheWriteTokens
        """;

    private const string TraceColumns = """
        trace_id AS TraceId, name, service, model, release_digest AS Release, environment, start_ms AS StartMs, duration_ms AS DurationMs, spans, errors,
        input_tokens AS InputTokens, output_tokens AS OutputTokens, input_text AS InputText, output_text AS OutputText
        """;

    private static readonly string[] SpanInsert =
    [
        "trace_id", "span_id", "parent_id", "name", "service", "environment", "release_digest", "start_ns", "end_ns", "is_error",
        "operation", "model", "response_id", "input_tokens", "output_tokens", "richness", "input_text", "output_text", "payload",
        "span_type", "status", "provider", "input_cost", "output_cost", "cache_read", "cache_write",
    ];

    /// <summary>A span that is sent again (an exporter that tries again, a client that sends it first when it starts) replaces what was there.</summary>
    private static readonly string SpanConflict = $"ON CONFLICT (trace_id, span_id) DO UPDATE SET {string.Join(", ", SpanInsert.Skip(2).Select(c => $"{c} = excluded.{c}"))}";

    /// <summary>Adds or replaces spans and brings their traces up to date, in one transaction.</summary>
    /// <param name="rows">No two with the same trace and span id.</param>
    /// <param name="experimentId">Of traces that have none yet.</param>
    /// <param name="runId">Run to link the traces to, or null.</param>
    public Task WriteAsync(IReadOnlyList<SpanRow> rows, string experimentId, string? runId, CancellationToken ct)
    {
        // In order of id: two writers of the same traces must meet in the same order, or PostgreSQL calls a deadlock.
        var added = rows.GroupBy(r => r.TraceId).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => g.OrderBy(r => r.SpanId, StringComparer.Ordinal).ToList()).ToList();
        // Most traces come whole. They are summed up here, since on SQLite one thread writes for everyone.
        var whole = added.ConvertAll(trace => TraceSummaries.Of(trace, trace));
        var ordered = added.SelectMany(trace => trace).ToList();
        return db.WriteAsync(async session =>
        {
            var known = new HashSet<string>();
            foreach (var chunk in added.Select(trace => trace[0].TraceId).Chunk(500))
                known.UnionWith(await session.QueryAsync<string>($"SELECT trace_id FROM trc_trace WHERE {session.Dialect.In("trace_id", "@chunk")} ORDER BY trace_id LIMIT 500{session.Dialect.ForUpdate}", new { chunk }));
            await InsertAsync(session, ordered);
            var traces = new List<TraceRollup>(whole);
            for (var i = 0; i < added.Count; i++)
                if (known.Contains(added[i][0].TraceId)) traces[i] = TraceSummaries.Of(await SpansAsync(session, added[i][0].TraceId), added[i]);
            await TraceRows.UpsertAsync(session, traces, experimentId);
            if (runId is null) return;
            await session.BulkInsertAsync("trc_run", ["run_id", "trace_id"], added, (row, trace) =>
            {
                row.Text(runId);
                row.Text(trace[0].TraceId);
            }, ignoreDuplicates: true);
        }, ct);
    }

    /// <param name="before">Start and id of the last row of the page before, or null.</param>
    public async Task<IReadOnlyList<TraceSummary>> ListAsync(TraceQuery query, (long StartMs, string TraceId)? before, CancellationToken ct)
    {
        var where = new List<string>();
        if (query.Service is not null) where.Add("service = @Service");
        if (query.Model is not null) where.Add("model = @Model");
        if (query.Release is not null) where.Add("release_digest = @Release");
        if (query.Environment is not null) where.Add("environment = @Environment");
        if (query.Experiment is not null) where.Add("experiment_id = @Experiment");
        if (query.Session is not null) where.Add("session_id = @Session");
        if (query.Errors is { } errors) where.Add(errors ? "errors > 0" : "errors = 0");
        if (query.Text is not null) where.Add($"({Contains("input_text")} OR {Contains("output_text")} OR {Contains("name")})");
        if (before is not null) where.Add("(start_ms, trace_id) < (@startMs, @traceId)");
        var sql = $"SELECT {TraceColumns} FROM trc_trace {(where.Count > 0 ? "WHERE " + string.Join(" AND ", where) : "")} ORDER BY start_ms DESC, trace_id DESC LIMIT @Limit";
        var args = new { query.Service, query.Model, query.Release, query.Environment, query.Experiment, query.Session, text = "%" + Escape(query.Text ?? "") + "%", query.Limit, startMs = before?.StartMs ?? 0, traceId = before?.TraceId ?? "" };
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

    private static Task InsertAsync(DbSession session, IReadOnlyList<SpanRow> rows) => session.BulkUpsertAsync("trc_span", SpanInsert, rows, static (row, span) =>
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
        row.Integer(span.InputTokens);
        row.Integer(span.OutputTokens);
        row.Integer(span.Richness);
        row.Text(span.InputText);
        row.Text(span.OutputText);
        row.Bytes(span.Payload);
        row.Text(span.SpanType);
        row.Integer(span.Status);
        row.Text(span.Provider);
        row.Real(span.InputCost);
        row.Real(span.OutputCost);
        row.Integer(span.CacheReadTokens);
        row.Integer(span.CacheWriteTokens);
    }, SpanConflict);

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
