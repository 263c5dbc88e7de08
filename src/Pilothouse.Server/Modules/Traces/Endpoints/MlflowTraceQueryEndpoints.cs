using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;

namespace Pilothouse.Server.Modules.Traces.Endpoints;

/// <summary>Search, metrics and correlation of traces.</summary>
internal static class MlflowTraceQueryEndpoints
{
    private const string V3 = "3.0";
    private const int MaxDataPoints = 1000;
    private static readonly string[] Views = ["TRACES", "SPANS", "ASSESSMENTS"];
    private static readonly string[] AggregationTypes = ["COUNT", "SUM", "AVG", "PERCENTILE", "MIN", "MAX"];

    private static readonly MlflowSchema Search = new(Json("locations").Must with { AnyItems = true }, Text("filter").May, Integer("max_results").May, TextList("order_by").May, Text("page_token").May);

    private static readonly MlflowSchema Correlation = new(TextList("experiment_ids").Must, Text("filter_string1").Must, Text("filter_string2").Must, Text("base_filter").May);

    private static readonly MlflowSchema Metrics = new(TextList("experiment_ids").Must, Enumeration("view_type", Views).Must, Text("metric_name").Must,
        MlflowField.List("aggregations", Enumeration("aggregation_type", AggregationTypes), Real("percentile_value")).Must, TextList("dimensions").May, TextList("filters").May,
        Integer("time_interval_seconds").May, Integer("start_time_ms").May, Integer("end_time_ms").May, Integer("max_results").May, Text("page_token").May);

    public static void MapMlflowTraceQueries(this IEndpointRouteBuilder endpoints, MlflowTraceService service, TraceSearch search, TraceMetrics metrics)
    {
        endpoints.MapMlflow("POST", "/mlflow/traces/search", Search, (m, http) => SearchAsync(m, service, search, http.RequestAborted), Role.Reader, V3);
        endpoints.MapMlflow("POST", "/mlflow/traces/calculate-filter-correlation", Correlation, (m, http) => CorrelateAsync(m, search, http.RequestAborted), Role.Reader, V3);
        endpoints.MapMlflow("POST", "/mlflow/traces/metrics", Metrics, (m, http) => metrics.QueryAsync(MetricQuery(m), http.RequestAborted), Role.Reader, V3);
    }

    internal static int Limit(long? asked) => asked is null ? TraceSearch.DefaultLimit
        : asked < 1 ? throw Invalid($"Invalid value {asked} for parameter 'max_results' supplied. It must be a positive integer")
        : asked > TraceSearch.MaxLimit ? throw Invalid($"Invalid value {asked} for parameter 'max_results' supplied. It must be at most {TraceSearch.MaxLimit}")
        : (int)asked;

    internal static List<string> Experiments(IReadOnlyCollection<string> ids)
    {
        if (ids.Count > TraceSearch.MaxExperiments) throw Invalid($"At most {TraceSearch.MaxExperiments} experiments can be searched in one call.");
        foreach (var id in ids)
            if (!long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out _)) throw Invalid($"Invalid experiment ID '{(id.Length <= 100 ? id : id[..100])}'. Experiment ID must be a valid integer.");
        return [.. ids.Distinct()];
    }

    private static async Task<MlflowSearchTracesAnswer> SearchAsync(MlflowMessage m, MlflowTraceService service, TraceSearch search, CancellationToken ct)
    {
        var limit = Limit(m.Integer("max_results"));
        var locations = m.Json("locations") is { ValueKind: JsonValueKind.Array } array ? array.EnumerateArray().Select(MlflowTraceInput.ExperimentOf).OfType<string>().ToList() : [];
        var (traces, token) = await search.SearchAsync(Experiments(locations), m.TextOrNull("filter"), m.TextList("order_by"), limit, m.TextOrNull("page_token"), ct);
        return new MlflowSearchTracesAnswer(await service.DescribeAsync(traces, ct), token);
    }

    private static async Task<MlflowCorrelation> CorrelateAsync(MlflowMessage m, TraceSearch search, CancellationToken ct)
    {
        var experiments = Experiments(m.TextList("experiment_ids"));
        var all = await search.IdsAsync(experiments, m.TextOrNull("base_filter"), ct);
        var first = await search.IdsAsync(experiments, m.Text("filter_string1"), ct);
        var second = await search.IdsAsync(experiments, m.Text("filter_string2"), ct);
        first.IntersectWith(all);
        second.IntersectWith(all);
        return TraceCorrelation.Of(first.Count, second.Count, first.Count(second.Contains), all.Count);
    }

    private static MetricQuery MetricQuery(MlflowMessage m) => new(Experiments(m.TextList("experiment_ids")), m.Text("view_type"), m.Text("metric_name"),
        [.. m.List("aggregations").Select(a => new MetricAggregation(a.Text("aggregation_type"), a.Real("percentile_value")))], m.TextList("dimensions"), m.TextList("filters"),
        m.Integer("time_interval_seconds"), m.Integer("start_time_ms"), m.Integer("end_time_ms"), (int)Math.Clamp(m.Integer("max_results") ?? MaxDataPoints, 0, MaxDataPoints), m.TextOrNull("page_token"));

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
