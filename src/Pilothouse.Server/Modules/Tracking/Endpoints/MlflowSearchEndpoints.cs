using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;
using Pilothouse.Server.Platform.Mlflow;
using static Pilothouse.Protocols.Mlflow.MlflowField;

namespace Pilothouse.Server.Modules.Tracking.Endpoints;

/// <summary>MLflow's searches and metric histories.</summary>
internal static class MlflowSearchEndpoints
{
    private const int MaxRunsPerCall = 100;
    private const int MaxBulkPoints = 25_000;
    private const int MaxIntervalPoints = 2500;
    private const int DefaultIntervalPoints = 320;

    private static readonly MlflowSchema Experiments = new(Integer("max_results").May, Text("page_token").May, Text("filter").May, TextList("order_by").May,
        Enumeration("view_type", MlflowNames.ViewType).May);

    private static readonly MlflowSchema Runs = new(TextList("experiment_ids") with { Checked = true, AnyItems = true }, Text("filter").May, Enumeration("run_view_type", MlflowNames.ViewType), Integer("max_results").May,
        TextList("order_by").May, Text("page_token"));

    private static readonly MlflowSchema History = new(Text("run_id").Must, Text("metric_key").Must, Integer("max_results"), Text("page_token").May);
    private static readonly MlflowSchema Bulk = new(TextList("run_id"), Text("metric_key"), Integer("max_results"));
    private static readonly MlflowSchema Interval = new(TextList("run_ids").Must, Text("metric_key").Must, Integer("start_step").May, Integer("end_step").May, Integer("max_results").May);

    public static void MapMlflowSearch(this IEndpointRouteBuilder endpoints, RunSearch runs, ExperimentSearch experiments, MetricHistory history)
    {
        foreach (var method in (string[])["GET", "POST"])
            endpoints.MapMlflow(method, "/mlflow/experiments/search", Experiments, (m, http) => SearchExperimentsAsync(m, experiments, http.RequestAborted), Role.Reader);
        endpoints.MapMlflowStream("POST", "/mlflow/runs/search", Runs, (m, http) => SearchRunsAsync(m, runs, http), Role.Reader);
        endpoints.MapMlflow("GET", "/mlflow/metrics/get-history", History, (m, http) => HistoryAsync(m, history, http.RequestAborted));
        endpoints.MapMlflow("GET", "/mlflow/metrics/get-history-bulk", Bulk, (m, http) => BulkAsync(m, history, http.RequestAborted));
        endpoints.MapMlflow("GET", "/mlflow/metrics/get-history-bulk-interval", Interval, (m, http) => IntervalAsync(m, history, http.RequestAborted));
    }

    private static async Task<MlflowSearchExperimentsResponse> SearchExperimentsAsync(MlflowMessage m, ExperimentSearch search, CancellationToken ct)
    {
        var limit = Limit(m.Integer("max_results") ?? 0, ExperimentSearch.MaxLimit);
        var (rows, token) = await search.SearchAsync(m.TextOrNull("filter"), m.TextList("order_by"), m.TextOrNull("view_type") ?? "ACTIVE_ONLY", limit, m.TextOrNull("page_token"), ct);
        return new MlflowSearchExperimentsResponse(rows.ConvertAll(r => r.ToMlflow()), token);
    }

    private static Task SearchRunsAsync(MlflowMessage m, RunSearch search, HttpContext http)
    {
        var ids = m.TextList("experiment_ids").Select(ExperimentService.ParseId).Distinct().ToList();
        var limit = Limit(m.Integer("max_results") ?? RunSearch.DefaultLimit, RunSearch.MaxLimit);
        return search.WriteAsync(ids, m.TextOrNull("filter"), m.TextList("order_by"), m.TextOrNull("run_view_type") ?? "ACTIVE_ONLY", limit, m.TextOrNull("page_token"), http.Response.BodyWriter, http.RequestAborted);
    }

    /// <summary>Without max_results everything is returned (MLflow 3.11 answers nothing there: a bug that is not copied).</summary>
    private static async Task<MlflowMetricHistory> HistoryAsync(MlflowMessage m, MetricHistory history, CancellationToken ct)
    {
        var limit = (int)Math.Clamp(m.Integer("max_results") ?? MetricHistory.MaxPage, 0, MetricHistory.MaxPage);
        MetricRow? after = null;
        if (m.Text("page_token") is { Length: > 0 } token && (!PageToken.TryDecode<HistoryCursor>(token, out var cursor) || (after = cursor!.After) is null && !cursor.Start))
            throw new PilothouseException(ErrorCode.InvalidArgument, "Invalid page token: send the next_page_token of the same history unchanged.");
        var points = await history.PageAsync(m.RunId, m.Text("metric_key"), after, limit + 1, ct);
        var more = points.Count > limit;
        if (more) points.RemoveAt(limit);
        var last = points.Count == 0 ? after : MetricRow.Of(points[^1]);
        return new MlflowMetricHistory(points, more ? PageToken.Encode(new HistoryCursor(last, last is null)) : null);
    }

    /// <summary>Here the list is written even when it is empty: a dictionary, since empty list properties are left out.</summary>
    private static async Task<Dictionary<string, List<MlflowMetric>>> BulkAsync(MlflowMessage m, MetricHistory history, CancellationToken ct)
    {
        var runIds = m.TextList("run_id");
        if (runIds.Count == 0) throw new PilothouseException(ErrorCode.InvalidArgument, "GetMetricHistoryBulk request must specify at least one run_id.");
        if (runIds.Count > MaxRunsPerCall) throw TooManyRuns(runIds.Count);
        if (m.Text("metric_key").Length == 0) throw new PilothouseException(ErrorCode.InvalidArgument, "GetMetricHistoryBulk request must specify a metric_key.");
        var limit = (int)Math.Clamp(m.Integer("max_results") ?? MaxBulkPoints, 0, MaxBulkPoints);
        var points = new List<MlflowMetric>();
        foreach (var id in runIds.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
        {
            if (points.Count >= limit) break;
            points.AddRange((await history.PageAsync(id, m.Text("metric_key"), null, limit - points.Count, ct)).Select(p => p with { RunId = id }));
        }
        return new() { ["metrics"] = points };
    }

    private static async Task<MlflowMetricHistory> IntervalAsync(MlflowMessage m, MetricHistory history, CancellationToken ct)
    {
        var runIds = m.TextList("run_ids");
        if (runIds.Count > MaxRunsPerCall) throw TooManyRuns(runIds.Count);
        var (start, end) = (m.Integer("start_step"), m.Integer("end_step"));
        if (start is null != end is null) throw new PilothouseException(ErrorCode.InvalidArgument, "If either start step or end step are specified, both must be specified.");
        if (start > end) throw new PilothouseException(ErrorCode.InvalidArgument, $"end_step must be greater than start_step. Found start_step={start} and end_step={end}.");
        var max = m.Integer("max_results") ?? DefaultIntervalPoints;
        if (max is < 1 or > MaxIntervalPoints) throw new PilothouseException(ErrorCode.InvalidArgument, $"max_results must be between 1 and {MaxIntervalPoints}.");
        return new MlflowMetricHistory(await history.SampleAsync(runIds, m.Text("metric_key"), start is { } first ? (first, end!.Value) : null, (int)max, ct), null);
    }

    private static int Limit(long asked, int max) =>
        asked < 1 ? throw new PilothouseException(ErrorCode.InvalidArgument, $"Invalid value {asked} for parameter 'max_results' supplied. It must be a positive integer")
        : asked > max ? throw new PilothouseException(ErrorCode.InvalidArgument, $"Invalid value {asked} for parameter 'max_results' supplied. It must be at most {max}")
        : (int)asked;

    private static PilothouseException TooManyRuns(int count) => new(ErrorCode.InvalidArgument, $"The request cannot specify more than {MaxRunsPerCall} run ids. Received {count}.");

    /// <param name="Start">The page before was empty by request (max_results 0): the next one begins at the first point.</param>
    private sealed record HistoryCursor(MetricRow? After, bool Start);
}
