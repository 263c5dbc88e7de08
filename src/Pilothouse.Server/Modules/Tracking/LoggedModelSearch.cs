using System.Security.Cryptography;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>A data set that metrics are tied to. The digest is compared as it is, empty or not.</summary>
internal sealed record ModelDataset(string Name, string Digest);

/// <summary>One key of <c>order_by</c>: an attribute or <c>metrics.k</c>, which a data set may narrow.</summary>
internal sealed record ModelOrder(string Field, bool Ascending, string DatasetName, string DatasetDigest);

/// <summary><c>logged-models/search</c> as SQL.</summary>
internal sealed class LoggedModelSearch(Db db)
{
    public const int DefaultLimit = 50;

    /// <summary>More models come with the page token.</summary>
    public const int MaxLimit = 1000;
    public const int MaxOrders = 20;
    public const int MaxDatasets = 100;

    /// <param name="limit">0 = the default; below 0 an empty page with a token for the first one, as in MLflow.</param>
    public async Task<(List<LoggedModelStore.ModelRow> Models, string? NextToken)> SearchAsync(IReadOnlyList<long> experiments, string? filter, IReadOnlyList<ModelDataset> datasets,
        IReadOnlyList<ModelOrder> orders, long limit, string? token, CancellationToken ct)
    {
        if (orders.Count > MaxOrders) throw Invalid($"A search can be ordered by at most {MaxOrders} fields; {orders.Count} were sent.");
        if (datasets.Count > MaxDatasets) throw Invalid($"A search can name at most {MaxDatasets} data sets; {datasets.Count} were sent.");
        var identity = Identity(experiments, filter, datasets, orders);
        var comparisons = MlflowFilter.Parse(filter, MlflowGrammar.LoggedModels).Comparisons;
        var search = new SortedSearch(db.Dialect);
        foreach (var order in orders) Sort(search, order);
        if (!orders.Any(o => Canonical(o.Field) == "creation_timestamp_ms")) search.Sort(new SortKey("m.created_ms", null, IsText: false, Descending: true));
        search.Sort(new SortKey("m.num", null, IsText: false, Descending: true));
        search.StartAfter(Open(token, identity));
        if (limit < 0) return ([], PageToken.Encode(new ModelCursor(identity, null)));
        if (experiments.Count == 0) return ([], null);

        search.And(db.Dialect.In("m.experiment", search.Bind(experiments.ToArray())));
        search.And("m.lifecycle = 'active'");
        var set = DatasetCondition(search, datasets);
        foreach (var comparison in comparisons) search.And(Condition(search, comparison, set));
        if (set.Length > 0 && !comparisons.Any(c => c.Entity == MlflowEntity.Metric)) search.And($"EXISTS (SELECT 1 FROM trk_model_metric f WHERE f.model = m.num{set})");
        var page = (int)Math.Min(limit == 0 ? DefaultLimit : limit, MaxLimit);
        return await db.ReadAsync(session => ReadAsync(session, search, page, identity), ct);
    }

    private static async Task<(List<LoggedModelStore.ModelRow>, string?)> ReadAsync(DbSession session, SortedSearch search, int limit, string identity)
    {
        var models = await session.QueryAsync<LoggedModelStore.ModelRow>(
            $"SELECT {LoggedModelStore.Columns} FROM trk_model m {search.Joins} WHERE {search.Where} ORDER BY {search.OrderBy} LIMIT {search.Bind(limit + 1)}", search.Args);
        var more = models.Count > limit;
        if (more) models.RemoveAt(limit);
        await LoggedModelStore.AddDataAsync(session, models);
        if (!more) return (models, null);
        var last = await session.FirstOrDefaultAsync<dynamic>($"SELECT {search.CursorColumns} FROM trk_model m {search.Joins} WHERE m.num = {search.Bind(models[^1].Num)}", search.Args);
        return (models, PageToken.Encode(new ModelCursor(identity, search.TokenOf((IDictionary<string, object?>)last!))));
    }

    private static string Condition(SortedSearch search, MlflowComparison c, string set) => c.Entity switch
    {
        // Any point of the metric counts, not only the latest: that is how MLflow compares.
        MlflowEntity.Metric => $"EXISTS (SELECT 1 FROM trk_model_metric f WHERE f.model = m.num AND f.name = {search.Bind(c.Key)} AND f.is_nan = 0 AND {search.Compare("f.value", c)}{set})",
        MlflowEntity.Param => $"EXISTS (SELECT 1 FROM trk_model_param f WHERE f.model = m.num AND f.key = {search.Bind(c.Key)} AND {search.Compare("f.value", c)})",
        MlflowEntity.Tag => $"EXISTS (SELECT 1 FROM trk_model_tag f WHERE f.model = m.num AND f.key = {search.Bind(c.Key)} AND {search.Compare("f.value", c)})",
        _ => search.Compare(Attribute(c.Key).Compared, c),
    };

    private static string DatasetCondition(SortedSearch search, IReadOnlyList<ModelDataset> datasets) => datasets.Count == 0 ? ""
        : $" AND ({string.Join(" OR ", datasets.Select(d => $"f.dataset_name = {search.Bind(d.Name)} AND f.dataset_digest = {search.Bind(d.Digest)}"))})";

    private static void Sort(SortedSearch search, ModelOrder order)
    {
        if (!order.Field.Contains('.', StringComparison.Ordinal))
        {
            var (column, isText, _) = Attribute(Canonical(order.Field));
            search.Sort(new SortKey(column, null, isText, !order.Ascending));
            return;
        }
        if (!order.Field.StartsWith("metrics.", StringComparison.Ordinal)) throw Invalid($"Invalid order by field name: {order.Field}. Only metrics are supported.");
        var alias = search.NextAlias;
        var set = (order.DatasetName.Length > 0 ? $" AND dataset_name = {search.Bind(order.DatasetName)}" : "") + (order.DatasetDigest.Length > 0 ? $" AND dataset_digest = {search.Bind(order.DatasetDigest)}" : "");
        search.Join($"""
            LEFT JOIN (SELECT model, value, is_nan, ROW_NUMBER() OVER (PARTITION BY model ORDER BY time_ms DESC, step DESC, value DESC) AS place
                FROM trk_model_metric WHERE name = {search.Bind(order.Field["metrics.".Length..])}{set}) {alias} ON {alias}.model = m.num AND {alias}.place = 1
            """);
        search.Sort(new SortKey($"{alias}.value", $"CASE WHEN {alias}.model IS NULL THEN 2 WHEN {alias}.is_nan = 1 THEN 1 ELSE 0 END", IsText: false, !order.Ascending));
    }

    private static string Canonical(string field) => MlflowGrammar.LoggedModels.Canonical(field);

    /// <summary>The column, whether it is a text, and what a filter compares: of a status MLflow compares the number and not its name, which is kept.</summary>
    private static (string Column, bool IsText, string Compared) Attribute(string key) => key switch
    {
        "model_id" => ("m.id", true, "m.id"),
        "experiment_id" => ("m.experiment", false, "CAST(m.experiment AS TEXT)"),
        "name" => ("m.name", true, "m.name"),
        "model_type" => ("m.model_type", true, "m.model_type"),
        "source_run_id" => ("m.source_run", true, "m.source_run"),
        "status" => ("m.status", false, "CAST(m.status AS TEXT)"),
        "artifact_location" => ("m.artifact_uri", true, "m.artifact_uri"),
        "lifecycle_stage" => ("m.lifecycle", true, "m.lifecycle"),
        "creation_timestamp_ms" => ("m.created_ms", false, "m.created_ms"),
        "last_updated_timestamp_ms" => ("m.updated_ms", false, "m.updated_ms"),
        _ => throw Invalid($"Invalid order by field name: {key}. Use an attribute such as name or creation_timestamp, or metrics.NAME."),
    };

    /// <summary>The token goes on with the search it came from and no other.</summary>
    private static string? Open(string? token, string identity)
    {
        if (string.IsNullOrEmpty(token)) return null;
        if (!PageToken.TryDecode<ModelCursor>(token, out var cursor) || cursor!.Search is null)
            throw Invalid("Invalid page token: send the next_page_token of the same search unchanged, or none for the first page.");
        if (cursor.Search != identity)
            throw Invalid("The page token does not match this search: its experiments, filter, data sets or order by differ from those of the first page. Send them unchanged, or start again without a token.");
        return cursor.After;
    }

    private static string Identity(IReadOnlyList<long> experiments, string? filter, IReadOnlyList<ModelDataset> datasets, IReadOnlyList<ModelOrder> orders) =>
        Convert.ToHexStringLower(SHA256.HashData(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(new { experiments = experiments.Order(), filter = filter ?? "", datasets, orders })).AsSpan(0, 12));

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);

    /// <param name="After">Token of <see cref="SortedSearch"/>; null = from the start.</param>
    private sealed record ModelCursor(string Search, string? After);
}
