using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Server.Modules.Traces;

/// <summary>SQL of what MLflow's clients keep with a trace: its info, tags, metadata and links.</summary>
internal sealed class MlflowTraceStore(Db db)
{
    /// <summary>Traces that one delete removes in one transaction.</summary>
    private const int DeleteBatch = 500;

    private const string InfoColumns = """
        trace_id AS TraceId, experiment_id AS ExperimentId, request_ms AS RequestMs, execution_ms AS ExecutionMs, state, info, spans, name, client_request_id AS ClientRequestId,
        request_preview AS RequestPreview, response_preview AS ResponsePreview, session_id AS Session, user_id AS UserId, usage_input AS UsageInput, usage_output AS UsageOutput,
        usage_total AS UsageTotal, usage_cache_read AS UsageCacheRead, usage_cache_write AS UsageCacheWrite, input_cost AS InputCost, output_cost AS OutputCost
        """;

    /// <summary>Creates the trace or completes what its spans have made of it; tags and metadata are added to those that are there.</summary>
    /// <returns>Whether the trace was there before.</returns>
    public Task<bool> StartAsync(TraceStart start, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var existed = await session.ScalarAsync<string>("SELECT trace_id FROM trc_trace WHERE trace_id = @TraceId", start) is not null;
        const string upsert = """
            INSERT INTO trc_trace (trace_id, name, start_ms, duration_ms, spans, errors, input_tokens, output_tokens, input_text, output_text, experiment_id, request_ms, execution_ms, state, info,
                client_request_id, request_preview, response_preview, session_id, user_id, usage_input, usage_output, usage_total, usage_cache_read, usage_cache_write)
            VALUES (@TraceId, @Name, @RequestMs, COALESCE(@ExecutionMs, 0), 0, @Errors, COALESCE(@UsageInput, 0), COALESCE(@UsageOutput, 0), @InputText, @OutputText, @ExperimentId, @RequestMs, @ExecutionMs, @State, @Info,
                @ClientRequestId, @RequestPreview, @ResponsePreview, @Session, @UserId, @UsageInput, @UsageOutput, @UsageTotal, @UsageCacheRead, @UsageCacheWrite)
            ON CONFLICT (trace_id) DO UPDATE SET experiment_id = excluded.experiment_id, request_ms = excluded.request_ms, execution_ms = COALESCE(excluded.execution_ms, trc_trace.execution_ms),
                state = excluded.state, info = excluded.info, client_request_id = COALESCE(excluded.client_request_id, trc_trace.client_request_id),
                request_preview = COALESCE(excluded.request_preview, trc_trace.request_preview), response_preview = COALESCE(excluded.response_preview, trc_trace.response_preview),
                session_id = COALESCE(excluded.session_id, trc_trace.session_id), user_id = COALESCE(excluded.user_id, trc_trace.user_id),
                name = CASE WHEN trc_trace.spans = 0 THEN excluded.name ELSE trc_trace.name END,
                duration_ms = CASE WHEN trc_trace.spans = 0 THEN excluded.duration_ms ELSE trc_trace.duration_ms END,
                input_text = COALESCE(trc_trace.input_text, excluded.input_text), output_text = COALESCE(trc_trace.output_text, excluded.output_text),
                usage_input = COALESCE(excluded.usage_input, trc_trace.usage_input), usage_output = COALESCE(excluded.usage_output, trc_trace.usage_output),
                usage_total = COALESCE(excluded.usage_total, trc_trace.usage_total), usage_cache_read = COALESCE(excluded.usage_cache_read, trc_trace.usage_cache_read),
                usage_cache_write = COALESCE(excluded.usage_cache_write, trc_trace.usage_cache_write)
            """;
        await session.ExecuteAsync(upsert, start);
        await SetPairsAsync(session, "trc_tag", start.TraceId, start.Tags);
        await SetPairsAsync(session, "trc_metadata", start.TraceId, start.Metadata);
        return existed;
    }, ct);

    /// <summary>Ends a trace of version 2.</summary>
    /// <returns>False when there is no such trace.</returns>
    public Task<bool> EndAsync(string traceId, long endMs, string state, Dictionary<string, string> metadata, Dictionary<string, string> tags, CancellationToken ct) => db.WriteAsync(async session =>
    {
        const string update = """
            UPDATE trc_trace SET state = @state, execution_ms = @endMs - request_ms, duration_ms = CASE WHEN spans = 0 THEN @endMs - request_ms ELSE duration_ms END, info = 2 WHERE trace_id = @traceId
            """;
        if (await session.ExecuteAsync(update, new { traceId, endMs, state }) == 0) return false;
        await SetPairsAsync(session, "trc_tag", traceId, tags);
        await SetPairsAsync(session, "trc_metadata", traceId, metadata);
        return true;
    }, ct);

    public Task<bool> ExistsAsync(string traceId, CancellationToken ct) =>
        db.ReadAsync(async session => await session.ScalarAsync<string>("SELECT trace_id FROM trc_trace WHERE trace_id = @traceId", new { traceId }) is not null, ct);

    /// <summary>The traces among these ids that exist, with all that belongs to their info.</summary>
    public Task<Dictionary<string, TraceInfo>> LoadAsync(IReadOnlyCollection<string> traceIds, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var found = new Dictionary<string, TraceInfo>();
        foreach (var ids in traceIds.Chunk(500))
        {
            foreach (var row in await session.QueryAsync<TraceInfo>($"SELECT {InfoColumns} FROM trc_trace WHERE {session.Dialect.In("trace_id", "@ids")} LIMIT 500", new { ids })) found[row.TraceId] = row;
            foreach (var pair in await PairsAsync(session, "trc_tag", ids)) if (found.TryGetValue(pair.TraceId, out var trace)) trace.Tags[pair.Key] = pair.Value;
            foreach (var pair in await PairsAsync(session, "trc_metadata", ids)) if (found.TryGetValue(pair.TraceId, out var trace)) trace.Metadata[pair.Key] = pair.Value;
            foreach (var row in await AssessmentStore.OfTracesAsync(session, ids)) if (found.TryGetValue(row.TraceId, out var trace)) trace.Assessments.Add(row);
        }
        return found;
    }, ct);

    /// <summary>Stored spans of these traces, in order of start.</summary>
    public Task<Dictionary<string, List<byte[]>>> SpansAsync(IReadOnlyCollection<string> traceIds, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var spans = new Dictionary<string, List<byte[]>>();
        foreach (var traceId in traceIds)
        {
            // A root that starts in the same nanosecond as its child comes first.
            const string sql = "SELECT payload FROM trc_span WHERE trace_id = @traceId ORDER BY start_ns, CASE WHEN parent_id IS NULL THEN 0 ELSE 1 END, span_id LIMIT @limit";
            spans[traceId] = await session.QueryAsync<byte[]>(sql, new { traceId, limit = TraceStore.MaxSpansPerTrace });
        }
        return spans;
    }, ct);

    /// <returns>False when there is no such trace.</returns>
    public Task<bool> SetTagAsync(string traceId, string key, string value, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ScalarAsync<string>("SELECT trace_id FROM trc_trace WHERE trace_id = @traceId", new { traceId }) is null) return false;
        await SetPairsAsync(session, "trc_tag", traceId, new Dictionary<string, string> { [key] = value });
        return true;
    }, ct);

    /// <returns>False when there is no such tag.</returns>
    public Task<bool> DeleteTagAsync(string traceId, string key, CancellationToken ct) =>
        db.WriteAsync(async session => await session.ExecuteAsync("DELETE FROM trc_tag WHERE trace_id = @traceId AND key = @key", new { traceId, key }) > 0, ct);

    public Task LinkRunAsync(string runId, IReadOnlyCollection<string> traceIds, CancellationToken ct) => db.WriteAsync(session =>
        session.BulkInsertAsync("trc_run", ["run_id", "trace_id"], [.. traceIds.Distinct()], (row, traceId) =>
        {
            row.Text(runId);
            row.Text(traceId);
        }, ignoreDuplicates: true), ct);

    public Task LinkPromptsAsync(string traceId, IReadOnlyCollection<(string Name, string Version)> prompts, CancellationToken ct) => db.WriteAsync(session =>
        session.BulkInsertAsync("trc_prompt", ["name", "version", "trace_id"], [.. prompts.Distinct()], (row, prompt) =>
        {
            row.Text(prompt.Name);
            row.Text(prompt.Version);
            row.Text(traceId);
        }, ignoreDuplicates: true), ct);

    public Task<(List<string> Runs, List<(string Name, string Version)> Prompts)> LinksAsync(string traceId, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var runs = await session.QueryAsync<string>("SELECT run_id FROM trc_run WHERE trace_id = @traceId ORDER BY run_id LIMIT 100", new { traceId });
        var prompts = await session.QueryAsync<PromptRow>("SELECT name, version FROM trc_prompt WHERE trace_id = @traceId ORDER BY name, version LIMIT 100", new { traceId });
        return (runs, prompts.ConvertAll(p => (p.Name, p.Version)));
    }, ct);

    /// <returns>How many traces of the experiment were deleted, with all that belongs to them.</returns>
    public Task<int> DeleteAsync(string experimentId, IReadOnlyCollection<string> traceIds, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var ids = (await session.QueryAsync<string>($"SELECT trace_id FROM trc_trace WHERE {session.Dialect.In("trace_id", "@all")} AND experiment_id = @experimentId ORDER BY trace_id LIMIT {DeleteBatch}{session.Dialect.ForUpdate}",
            new { experimentId, all = traceIds.Take(DeleteBatch).ToArray() })).ToArray();
        foreach (var table in (string[])["trc_span", "trc_tag", "trc_metadata", "trc_run", "trc_prompt", "trc_assessment", "trc_trace"])
            await session.ExecuteAsync($"DELETE FROM {table} WHERE {session.Dialect.In("trace_id", "@ids")}", new { ids });
        return ids.Length;
    }, ct);

    /// <summary>The oldest traces of an experiment that began no later than the time.</summary>
    public Task<List<string>> OldestAsync(string experimentId, long maxMs, int limit, CancellationToken ct) => db.ReadAsync(session =>
        session.QueryAsync<string>("SELECT trace_id FROM trc_trace WHERE experiment_id = @experimentId AND request_ms <= @maxMs ORDER BY request_ms, trace_id LIMIT @limit",
            new { experimentId, maxMs, limit = Math.Min(limit, DeleteBatch) }), ct);

    private static Task SetPairsAsync(DbSession session, string table, string traceId, Dictionary<string, string> pairs) =>
        session.BulkUpsertAsync(table, ["trace_id", "key", "value"], pairs, (row, pair) =>
        {
            row.Text(traceId);
            row.Text(pair.Key);
            row.Text(pair.Value);
        }, "ON CONFLICT (trace_id, key) DO UPDATE SET value = excluded.value");

    private static Task<List<PairRow>> PairsAsync(DbSession session, string table, string[] ids) =>
        session.QueryAsync<PairRow>($"SELECT trace_id AS TraceId, key, value FROM {table} WHERE {session.Dialect.In("trace_id", "@ids")} ORDER BY trace_id, key LIMIT {500 * MlflowTraceInput.MaxPairs}", new { ids });

    private sealed class PairRow
    {
        public string TraceId { get; init; } = "";
        public string Key { get; init; } = "";
        public string Value { get; init; } = "";
    }

    private sealed class PromptRow
    {
        public string Name { get; init; } = "";
        public string Version { get; init; } = "";
    }
}
