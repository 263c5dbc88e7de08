using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary><c>runs/search</c> as SQL. Metrics are compared by their latest value, from a table of its own; no history is read.</summary>
internal sealed class RunSearch(Db db)
{
    public const int DefaultLimit = 1000;
    public const int MaxLimit = 50_000;

    /// <param name="viewType">ACTIVE_ONLY, DELETED_ONLY or ALL.</param>
    /// <returns>Runs with their data, and the token of the next page when there is one.</returns>
    public Task<(List<RunStore.RunRow> Runs, string? NextToken)> SearchAsync(IReadOnlyList<long> experiments, string? filter, IReadOnlyList<string> orderBy, string viewType,
        int limit, string? token, CancellationToken ct)
    {
        var search = Compose(experiments, filter, orderBy, viewType, token);
        return experiments.Count == 0 ? Task.FromResult<(List<RunStore.RunRow>, string?)>(([], null)) : PageAsync(search, limit, ct);
    }

    /// <summary>The search as SQL over <c>trk_run r</c>, not run yet.</summary>
    /// <param name="token">Of the page before; null = from the first.</param>
    public SortedSearch Compose(IReadOnlyList<long> experiments, string? filter, IReadOnlyList<string> orderBy, string viewType, string? token)
    {
        var comparisons = MlflowFilter.Parse(filter).Comparisons;
        var orders = MlflowOrder.Parse(orderBy);
        var search = new SortedSearch(db.Dialect);
        foreach (var order in orders) Sort(search, order);
        if (!orders.Any(o => o.Entity == MlflowEntity.Attribute && o.Key == "start_time")) search.Sort(new SortKey("r.start_ms", null, IsText: false, Descending: true));
        if (!orders.Any(o => o.Entity == MlflowEntity.Attribute && o.Key == "run_id")) search.Sort(new SortKey("r.id", null, IsText: true, Descending: false));
        search.StartAfter(token);
        search.And(experiments.Count == 1 ? $"r.experiment = {search.Bind(experiments[0])}" : db.Dialect.In("r.experiment", search.Bind(experiments.ToArray())));
        search.And(viewType == "ALL" ? $"r.lifecycle <> '{Lifecycle.Purged}'" : $"r.lifecycle = {search.Bind(viewType == "DELETED_ONLY" ? Lifecycle.Deleted : Lifecycle.Active)}");
        foreach (var comparison in comparisons) search.And(Condition(search, comparison));
        return search;
    }

    public Task<(List<RunStore.RunRow> Runs, string? NextToken)> PageAsync(SortedSearch search, int limit, CancellationToken ct) => db.ReadAsync(session => ReadAsync(session, search, limit), ct);

    private static async Task<(List<RunStore.RunRow>, string?)> ReadAsync(DbSession session, SortedSearch search, int limit)
    {
        var runs = await session.QueryAsync<RunStore.RunRow>($"""
            SELECT {RunStore.Columns} FROM trk_run r {search.Joins}
            WHERE {search.Where}
            ORDER BY {search.OrderBy} LIMIT {search.Bind(limit + 1)}
            """, search.Args);
        var more = runs.Count > limit;
        if (more) runs.RemoveAt(limit);
        await RunStore.AddDataAsync(session, runs, modelInputs: false);
        if (!more) return (runs, null);
        var last = await session.FirstOrDefaultAsync<dynamic>($"SELECT {search.CursorColumns} FROM trk_run r {search.Joins} WHERE r.num = {search.Bind(runs[^1].Num)}", search.Args);
        return (runs, search.TokenOf((IDictionary<string, object?>)last!));
    }

    private static string Condition(SortedSearch search, MlflowComparison c) => c.Entity switch
    {
        MlflowEntity.Metric => $"EXISTS (SELECT 1 FROM trk_latest f WHERE f.run = r.num AND f.key = {MetricKey(search, c.Key)} AND {MetricValue(search, c)})",
        MlflowEntity.Param => Pair(search, "trk_param", c),
        MlflowEntity.Tag => Pair(search, "trk_tag", c),
        MlflowEntity.Attribute => search.Compare(Attribute(c.Key).Column, c),
        _ when c.Key == "context" => $"EXISTS (SELECT 1 FROM trk_input_tag f WHERE f.run = r.num AND f.key = '{RunInputStore.ContextTag}' AND {search.Compare("f.value", c)})",
        _ => $"EXISTS (SELECT 1 FROM trk_input i JOIN trk_dataset f ON f.num = i.dataset WHERE i.run = r.num AND {search.Compare($"f.{c.Key}", c)})", // name or digest: the grammar has no other
    };

    /// <summary>NaN differs from every number, and is neither above nor below any.</summary>
    private static string MetricValue(SortedSearch search, MlflowComparison c) =>
        c.Operator == MlflowOperator.NotEqual ? $"(f.is_nan = 1 OR {search.Compare("f.value", c)})" : $"f.is_nan = 0 AND {search.Compare("f.value", c)}";

    private static string Pair(SortedSearch search, string table, MlflowComparison c)
    {
        var pair = $"SELECT 1 FROM {table} f WHERE f.run = r.num AND f.key = {search.Bind(c.Key)}";
        return c.Operator switch
        {
            MlflowOperator.IsNull => $"NOT EXISTS ({pair})",
            MlflowOperator.IsNotNull => $"EXISTS ({pair})",
            _ => $"EXISTS ({pair} AND {search.Compare("f.value", c)})",
        };
    }

    private static void Sort(SortedSearch search, MlflowOrder order)
    {
        if (order.Entity == MlflowEntity.Attribute)
        {
            var (column, isText) = Attribute(order.Key);
            search.Sort(new SortKey(column, order.Key == "end_time" ? "CASE WHEN r.end_ms IS NULL THEN 2 ELSE 0 END" : null, isText, order.Descending));
            return;
        }
        var alias = search.NextAlias;
        var metric = order.Entity == MlflowEntity.Metric;
        var (table, key) = metric ? ("trk_latest", MetricKey(search, order.Key)) : (order.Entity == MlflowEntity.Param ? "trk_param" : "trk_tag", search.Bind(order.Key));
        search.Join($"LEFT JOIN {table} {alias} ON {alias}.run = r.num AND {alias}.key = {key}");
        var nan = metric ? $" WHEN {alias}.is_nan = 1 THEN 1" : "";
        search.Sort(new SortKey($"{alias}.value", $"CASE WHEN {alias}.run IS NULL THEN 2{nan} ELSE 0 END", IsText: !metric, order.Descending));
    }

    private static string MetricKey(SortedSearch search, string name) => $"(SELECT id FROM trk_metric_key WHERE name = {search.Bind(name)})";

    /// <summary>Column of an attribute of the grammar.</summary>
    internal static (string Column, bool IsText) Attribute(string key) => key switch
    {
        "run_id" => ("r.id", true),
        "run_name" => ("r.name", true),
        "user_id" => ("r.user_id", true),
        "status" => ("r.status", true),
        "artifact_uri" => ("r.artifact_uri", true),
        "start_time" => ("r.start_ms", false),
        "end_time" => ("r.end_ms", false),
        _ => throw new PilothouseException(ErrorCode.InvalidArgument, $"Invalid attribute key '{key}'."),
    };
}
