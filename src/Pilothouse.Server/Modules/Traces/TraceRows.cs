using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>Writes a trace's row from its spans. What a client said finally (see <c>info</c>) is kept.</summary>
internal static class TraceRows
{
    private const string Final = "trc_trace.info > 0 AND trc_trace.state <> 'IN_PROGRESS'";

    private static readonly string[] Columns =
    [
        "trace_id", "name", "service", "model", "release_digest", "environment", "start_ms", "duration_ms", "spans", "errors", "input_tokens", "output_tokens", "input_text", "output_text",
        "experiment_id", "request_ms", "execution_ms", "state", "request_preview", "response_preview", "session_id", "user_id",
        "usage_input", "usage_output", "usage_total", "usage_cache_read", "usage_cache_write", "input_cost", "output_cost",
    ];

    private const string OnConflict = $"""
        ON CONFLICT (trace_id) DO UPDATE SET name = excluded.name, service = excluded.service, model = excluded.model, release_digest = excluded.release_digest, environment = excluded.environment,
            start_ms = excluded.start_ms, duration_ms = excluded.duration_ms, spans = excluded.spans, errors = excluded.errors, input_tokens = excluded.input_tokens,
            output_tokens = excluded.output_tokens, input_text = excluded.input_text, output_text = excluded.output_text,
            experiment_id = CASE WHEN trc_trace.info = 0 AND trc_trace.experiment_id = '0' THEN excluded.experiment_id ELSE trc_trace.experiment_id END,
            request_ms = CASE WHEN {Final} THEN trc_trace.request_ms ELSE excluded.request_ms END,
            execution_ms = CASE WHEN {Final} THEN trc_trace.execution_ms ELSE excluded.execution_ms END,
            state = CASE WHEN {Final} THEN trc_trace.state ELSE excluded.state END,
            request_preview = COALESCE(trc_trace.request_preview, excluded.request_preview), response_preview = COALESCE(trc_trace.response_preview, excluded.response_preview),
            session_id = COALESCE(trc_trace.session_id, excluded.session_id), user_id = COALESCE(trc_trace.user_id, excluded.user_id),
            usage_input = CASE WHEN {Final} AND trc_trace.usage_total IS NOT NULL THEN trc_trace.usage_input ELSE excluded.usage_input END, usage_output = CASE WHEN {Final} AND trc_trace.usage_total IS NOT NULL THEN trc_trace.usage_output ELSE excluded.usage_output END, usage_total = CASE WHEN {Final} AND trc_trace.usage_total IS NOT NULL THEN trc_trace.usage_total ELSE excluded.usage_total END,
            usage_cache_read = CASE WHEN {Final} AND trc_trace.usage_total IS NOT NULL THEN trc_trace.usage_cache_read ELSE excluded.usage_cache_read END, usage_cache_write = CASE WHEN {Final} AND trc_trace.usage_total IS NOT NULL THEN trc_trace.usage_cache_write ELSE excluded.usage_cache_write END, input_cost = excluded.input_cost, output_cost = excluded.output_cost
        """;

    /// <param name="traces">No two of the same trace.</param>
    public static Task UpsertAsync(DbSession session, IReadOnlyCollection<TraceRollup> traces, string experimentId) => session.BulkUpsertAsync("trc_trace", Columns, traces, (row, trace) =>
    {
        var s = trace.Summary;
        row.Text(s.TraceId);
        row.Text(s.Name);
        row.Text(s.Service);
        row.Text(s.Model);
        row.Text(s.Release);
        row.Text(s.Environment);
        row.Integer(s.StartMs);
        row.Real(s.DurationMs);
        row.Integer(s.Spans);
        row.Integer(s.Errors);
        row.Integer(s.InputTokens);
        row.Integer(s.OutputTokens);
        row.Text(s.Input);
        row.Text(s.Output);
        row.Text(experimentId);
        row.Integer(s.StartMs);
        row.Integer(trace.ExecutionMs);
        row.Text(trace.State);
        row.Text(trace.RequestPreview);
        row.Text(trace.ResponsePreview);
        row.Text(trace.Session);
        row.Text(trace.User);
        row.Integer(trace.UsageInput);
        row.Integer(trace.UsageOutput);
        row.Integer(trace.UsageInput + trace.UsageOutput);
        row.Integer(trace.UsageCacheRead);
        row.Integer(trace.UsageCacheWrite);
        row.Real(trace.InputCost);
        row.Real(trace.OutputCost);
    }, OnConflict);
}
