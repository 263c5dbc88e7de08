namespace Pilothouse.Server.Modules.Traces;

/// <summary>What can be measured of traces, of spans, or of assessments.</summary>
/// <param name="From">Tables; <c>t</c> is the trace.</param>
/// <param name="Time">Epoch milliseconds of one row.</param>
/// <param name="Dimensions">SQL of each dimension.</param>
internal sealed record MetricView(string From, string Time, IReadOnlyDictionary<string, string> Dimensions, IReadOnlyDictionary<string, MetricColumn> Metrics)
{
    private static readonly string[] Count = ["COUNT"];
    private static readonly string[] Distribution = ["AVG", "PERCENTILE"];
    private static readonly string[] Amount = ["AVG", "PERCENTILE", "SUM"];
    private static readonly string[] TraceName = ["trace_name"];
    private static readonly string[] Model = ["span_model_name", "span_model_provider"];

    private static readonly MetricView Traces = new("trc_trace t", "t.request_ms",
        new Dictionary<string, string> { ["trace_name"] = TraceFilter.Name, ["trace_status"] = "t.state" },
        new Dictionary<string, MetricColumn>
        {
            ["trace_count"] = new("1", Count, ["trace_name", "trace_status"]),
            ["latency"] = new("t.execution_ms", Distribution, TraceName),
            ["input_tokens"] = new("t.usage_input", Amount, TraceName),
            ["output_tokens"] = new("t.usage_output", Amount, TraceName),
            ["total_tokens"] = new("t.usage_total", Amount, TraceName),
            ["cache_read_input_tokens"] = new("t.usage_cache_read", Amount, TraceName),
            ["cache_creation_input_tokens"] = new("t.usage_cache_write", Amount, TraceName),
        });

    private static readonly MetricView Spans = new("trc_span s JOIN trc_trace t ON t.trace_id = s.trace_id", "(s.start_ns / 1000000)",
        new Dictionary<string, string>
        {
            ["span_name"] = "s.name",
            ["span_type"] = "s.span_type",
            ["span_status"] = "CASE s.status WHEN 1 THEN 'OK' WHEN 2 THEN 'ERROR' ELSE 'UNSET' END",
            ["span_model_name"] = "s.model",
            ["span_model_provider"] = "s.provider",
        },
        new Dictionary<string, MetricColumn>
        {
            ["span_count"] = new("1", Count, ["span_name", "span_type", "span_status", .. Model]),
            ["latency"] = new("((s.end_ns - s.start_ns) / 1000000.0)", Distribution, ["span_name", "span_status"]),
            ["input_cost"] = new("s.input_cost", Amount, Model),
            ["output_cost"] = new("s.output_cost", Amount, Model),
            ["total_cost"] = new("(COALESCE(s.input_cost, 0) + s.output_cost)", Amount, Model),
        });

    private static readonly MetricView Assessments = new("trc_assessment a JOIN trc_trace t ON t.trace_id = a.trace_id", "a.created_ms",
        new Dictionary<string, string> { ["assessment_name"] = "a.name", ["assessment_value"] = "a.value" },
        new Dictionary<string, MetricColumn>
        {
            ["assessment_count"] = new("1", Count, ["assessment_name", "assessment_value"]),
            ["assessment_value"] = new("a.value", Distribution, ["assessment_name"]) { InMemory = true },
        });

    /// <param name="view">TRACES, SPANS or ASSESSMENTS.</param>
    public static MetricView Of(string view) => view switch { "SPANS" => Spans, "ASSESSMENTS" => Assessments, _ => Traces };
}

/// <param name="Sql">The value of one row.</param>
internal sealed record MetricColumn(string Sql, IReadOnlyList<string> Aggregations, IReadOnlyList<string> Dimensions)
{
    /// <summary>The values are JSON and are read here, not in SQL.</summary>
    public bool InMemory { get; init; }
}
