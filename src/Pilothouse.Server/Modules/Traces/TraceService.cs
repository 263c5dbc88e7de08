using Pilothouse.Data;
using Pilothouse.Protocols.Otlp;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Traces.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Traces;

internal sealed class TraceService(TraceStore store) : ISpanSink
{
    private const int MaxPage = 1000;
    private const int MaxText = 200;

    /// <summary>The experiment of traces whose sender names none.</summary>
    public const string DefaultExperiment = "0";

    public Task WriteAsync(IReadOnlyList<SpanRecord> spans, CancellationToken ct) => WriteAsync(spans, DefaultExperiment, null, ct);

    /// <summary>Stores what an OTLP client sent; durable when it returns.</summary>
    /// <param name="runId">Run to link the traces to, or null.</param>
    public Task WriteAsync(OtlpTraceBatch batch, string experimentId, string? runId, CancellationToken ct) => WriteAsync(batch.Spans.Select(SpanMapping.ToRow), experimentId, runId, ct);

    public Task WriteAsync(IReadOnlyList<SpanRecord> spans, string experimentId, string? runId, CancellationToken ct) => WriteAsync(spans.Select(SpanMapping.ToRow), experimentId, runId, ct);

    private async Task WriteAsync(IEnumerable<SpanRow> spans, string experimentId, string? runId, CancellationToken ct)
    {
        // The last of two spans with the same ids stays, as it would if they came one after the other.
        var last = new Dictionary<(string, string), SpanRow>();
        foreach (var span in spans) last[(span.TraceId, span.SpanId)] = span;
        if (last.Count > 0) await store.WriteAsync([.. last.Values], experimentId, runId, ct);
    }

    public async Task<Page<TraceSummary>> ListAsync(TraceQuery query, CancellationToken ct)
    {
        if (query.Limit is < 1 or > MaxPage) throw new PilothouseException(ErrorCode.InvalidArgument, $"The limit is {query.Limit}; 1 to {MaxPage} is possible.");
        if (query.Text?.Length > MaxText) throw new PilothouseException(ErrorCode.InvalidArgument, $"The text to search for is longer than {MaxText} characters.");
        Position? before = null;
        if (query.PageToken is { Length: > 0 } token && !PageToken.TryDecode(token, out before))
            throw new PilothouseException(ErrorCode.InvalidArgument, "The page token is not one of this server's. Start again without it.");
        var rows = await store.ListAsync(query with { Limit = query.Limit + 1 }, before is null ? null : (before.StartMs, before.TraceId), ct);
        if (rows.Count <= query.Limit) return new Page<TraceSummary>(rows, null);
        var page = rows.Take(query.Limit).ToList();
        return new Page<TraceSummary>(page, PageToken.Encode(new Position(page[^1].StartMs, page[^1].TraceId)));
    }

    public async Task<TraceDetail> GetAsync(string traceId, CancellationToken ct)
    {
        var found = await store.FindAsync(TraceIds.FromUser(traceId), ct);
        return found is { } trace ? new TraceDetail(trace.Summary, [.. trace.Payloads.Select(SpanPayload.Read)])
            : throw new PilothouseException(ErrorCode.NotFound, $"There is no trace '{(traceId.Length <= 64 ? traceId : traceId[..64])}'.");
    }

    private sealed record Position(long StartMs, string TraceId);
}
