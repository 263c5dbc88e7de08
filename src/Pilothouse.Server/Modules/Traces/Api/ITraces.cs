using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Traces.Api;

/// <summary>Where spans go in: from OTLP clients and from our own gateway.</summary>
public interface ISpanSink
{
    /// <summary>Stores spans; durable when the task completes. A span that is there already (same trace and span id) is replaced.</summary>
    Task WriteAsync(IReadOnlyList<SpanRecord> spans, CancellationToken ct);
}

public interface ITraces
{
    /// <summary>Newest first.</summary>
    Task<Page<TraceSummary>> ListAsync(TraceQuery query, CancellationToken ct);

    /// <exception cref="Platform.PilothouseException">NotFound.</exception>
    Task<TraceDetail> GetAsync(string traceId, CancellationToken ct);
}
