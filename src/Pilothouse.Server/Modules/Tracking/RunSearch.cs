using System.Data.Common;
using System.IO.Pipelines;
using Dapper;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary><c>runs/search</c> as SQL. Metrics are compared by their latest value, from a table of its own; no history is read.</summary>
/// <remarks>
/// Three ways lead to a page. Along a condition that few runs meet; along the index of the metric that it is ordered by, when the filter lets many through; or over all
/// runs of the experiments, newest first, which is right for everything else. Which one is decided by counting, up to a bound: it is the same result each time.
/// </remarks>
internal sealed class RunSearch(Db db, RunJson json)
{
    public const int DefaultLimit = 1000;
    public const int MaxLimit = 50_000;

    /// <summary>A condition that at most so many runs meet is followed instead of walking the runs.</summary>
    private const int MaxDriven = 20_000;

    /// <summary>A further condition narrows what is followed when at most so many runs meet it, and at most <see cref="MaxRatio"/> times as many: reading its index is cheaper than looking at runs that fail it.</summary>
    private const int MaxNarrowing = 50_000;
    private const int MaxRatio = 10;

    /// <param name="viewType">ACTIVE_ONLY, DELETED_ONLY or ALL.</param>
    /// <returns>Runs with their data, and the token of the next page when there is one.</returns>
    public Task<(List<RunStore.RunRow> Runs, string? NextToken)> SearchAsync(IReadOnlyList<long> experiments, string? filter, IReadOnlyList<string> orderBy, string viewType,
        int limit, string? token, CancellationToken ct)
    {
        var search = Compose(experiments, filter, orderBy, viewType, token);
        return experiments.Count == 0 ? Task.FromResult<(List<RunStore.RunRow>, string?)>(([], null)) : PageAsync(search, limit, ct);
    }

    /// <summary>The same as MLflow's JSON.</summary>
    public async Task WriteAsync(IReadOnlyList<long> experiments, string? filter, IReadOnlyList<string> orderBy, string viewType, int limit, string? token, PipeWriter output, CancellationToken ct)
    {
        var search = Compose(experiments, filter, orderBy, viewType, token);
        await db.ReadAsync(async session =>
        {
            var (runs, next) = experiments.Count == 0 ? ([], null) : await FindAsync(session, search, limit, ct);
            await json.WriteAsync(session, runs, next, output, ct);
            return true;
        }, ct);
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
        foreach (var comparison in comparisons)
        {
            if (Driver(search, comparison) is { } driver) search.Drivers.Add(driver);
            search.And(Condition(search, comparison));
        }
        return search;
    }

    public Task<(List<RunStore.RunRow> Runs, string? NextToken)> PageAsync(SortedSearch search, int limit, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var (runs, token) = await FindAsync(session, search, limit, ct);
        await RunStore.AddDataAsync(session, runs, modelInputs: false);
        return (runs, token);
    }, ct);

    private static async Task<(List<RunStore.RunRow> Runs, string? NextToken)> FindAsync(DbSession session, SortedSearch search, int limit, CancellationToken ct)
    {
        var bound = search.Bind(limit + 1);
        if (await DriverAsync(session, search) is { } driver)
            return await ReadAsync(session, search, $"FROM (SELECT f.run AS run FROM {driver}) d CROSS JOIN trk_run r {search.Joins} WHERE r.num = d.run AND {search.Where} ORDER BY {search.OrderBy} LIMIT {bound}", limit, ct);
        if (search.OrderDriver is { } ordered)
        {
            // Runs without the metric come last: they are not needed when the page is full without them.
            var page = await ReadAsync(session, search, $"FROM {ordered.Table} CROSS JOIN trk_run r {ordered.OtherJoins} WHERE {ordered.Where} AND {search.Where} ORDER BY {ordered.OrderBy} LIMIT {bound}", limit, ct);
            if (page.NextToken is not null) return page;
        }
        return await ReadAsync(session, search, $"FROM trk_run r {search.Joins} WHERE {search.Where} ORDER BY {search.OrderBy} LIMIT {bound}", limit, ct);
    }

    /// <summary>The condition that the fewest runs meet, narrowed by the others; null when all of them let many through. PostgreSQL knows by its statistics, and needs no help.</summary>
    private static async Task<string?> DriverAsync(DbSession session, SortedSearch search)
    {
        if (session.Dialect.Name != "sqlite") return null;
        var counted = new List<(string Driver, long Runs)>();
        foreach (var driver in search.Drivers)
            counted.Add((driver, await session.ScalarAsync<long>($"SELECT COUNT(*) FROM (SELECT 1 FROM {driver} LIMIT {MaxNarrowing + 1}) counted", search.Args)));
        if (counted.Count == 0 || counted.MinBy(c => c.Runs) is not { Runs: <= MaxDriven } fewest) return null;
        var others = counted.Where(c => c != fewest && c.Runs <= Math.Min(MaxNarrowing, MaxRatio * fewest.Runs));
        return string.Concat([fewest.Driver, .. others.Select(c => $" AND f.run IN (SELECT f.run FROM {c.Driver})")]);
    }

    /// <summary>Rows by hand: a mapper that looks for properties costs more than the query.</summary>
    private static async Task<(List<RunStore.RunRow> Runs, string? NextToken)> ReadAsync(DbSession session, SortedSearch search, string from, int limit, CancellationToken ct)
    {
        var runs = new List<RunStore.RunRow>(Math.Min(limit, 1000));
        string? token = null;
        await using var reader = (DbDataReader)await session.Connection.ExecuteReaderAsync(new CommandDefinition($"SELECT {RunStore.Columns}, {search.CursorColumns} {from}", search.Args, cancellationToken: ct));
        while (await reader.ReadAsync(ct))
        {
            // The row beyond the page only says that there is one.
            if (runs.Count == limit) return (runs, token ?? search.TokenOf(reader, RunStore.ColumnCount));
            runs.Add(RunStore.Read(reader));
            if (runs.Count == limit) token = search.TokenOf(reader, RunStore.ColumnCount);
        }
        return (runs, null);
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

    /// <summary>The runs that meet a condition, out of an index: a table <c>f</c> with its WHERE. Null when no index helps.</summary>
    private static string? Driver(SortedSearch search, MlflowComparison c) => c switch
    {
        { Entity: MlflowEntity.Metric, Operator: not MlflowOperator.NotEqual } => $"trk_latest f WHERE f.key = {MetricKey(search, c.Key)} AND {search.Compare("f.value", c)}",
        { Entity: MlflowEntity.Param or MlflowEntity.Tag, Operator: MlflowOperator.Equal, Text: { } text } =>
            $"{(c.Entity == MlflowEntity.Param ? "trk_param" : "trk_tag")} f WHERE f.key = {search.Bind(c.Key)} AND substr(f.value, 1, {IndexedChars}) = {search.Bind(Beginning(text))}",
        _ => null,
    };

    /// <summary>As in the index of params and tags.</summary>
    private const int IndexedChars = 200;

    /// <summary>The first 200 characters as the databases count them: a pair of surrogates is one.</summary>
    private static string Beginning(string text)
    {
        if (text.Length <= IndexedChars) return text;
        var end = 0;
        foreach (var rune in text.EnumerateRunes().Take(IndexedChars)) end += rune.Utf16SequenceLength;
        return text[..Math.Min(end, text.Length)];
    }

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
            // PostgreSQL chooses between the run and the value; SQLite is led to the value by the driver.
            MlflowOperator.Equal when search.Dialect.Name == "postgres" => $"EXISTS ({pair} AND substr(f.value, 1, {IndexedChars}) = {search.Bind(Beginning(c.Text!))} AND {search.Compare("f.value", c)})",
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
        if (metric && alias == "j0") search.LeadBy($"{table} {alias}", $"{alias}.key = {key} AND {alias}.is_nan = 0 AND r.num = {alias}.run");
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
