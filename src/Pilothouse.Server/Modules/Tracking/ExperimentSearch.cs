using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary><c>experiments/search</c> as SQL.</summary>
internal sealed class ExperimentSearch(Db db)
{
    public const int MaxLimit = 50_000;

    public async Task<(List<ExperimentStore.ExperimentRow> Experiments, string? NextToken)> SearchAsync(string? filter, IReadOnlyList<string> orderBy, string viewType, int limit, string? token, CancellationToken ct)
    {
        var comparisons = MlflowFilter.Parse(filter, MlflowGrammar.Experiments).Comparisons;
        var orders = MlflowOrder.Parse(orderBy, MlflowGrammar.Experiments);
        var search = new SortedSearch(db.Dialect);
        foreach (var order in orders) search.Sort(new SortKey(Attribute(order.Key), null, order.Key == "name", order.Descending));
        if (orders.Count == 0) search.Sort(new SortKey("e.created_ms", null, IsText: false, Descending: true));
        // MLflow breaks ties by id: downwards with an order of the caller's, upwards without.
        if (!orders.Any(o => o.Key == "experiment_id")) search.Sort(new SortKey("e.id", null, IsText: false, Descending: orders.Count > 0));
        search.StartAfter(token);
        search.And(viewType == "ALL" ? $"e.lifecycle <> '{Lifecycle.Purged}'" : $"e.lifecycle = {search.Bind(viewType == "DELETED_ONLY" ? Lifecycle.Deleted : Lifecycle.Active)}");
        foreach (var comparison in comparisons) search.And(Condition(search, comparison));

        return await db.ReadAsync(async session =>
        {
            var rows = await session.QueryAsync<ExperimentStore.ExperimentRow>(
                $"SELECT {ExperimentStore.Columns} FROM trk_experiment e WHERE {search.Where} ORDER BY {search.OrderBy} LIMIT {search.Bind(limit + 1)}", search.Args);
            var more = rows.Count > limit;
            if (more) rows.RemoveAt(limit);
            await ExperimentStore.AddTagsAsync(session, rows);
            if (!more) return (rows, null);
            var last = await session.FirstOrDefaultAsync<dynamic>($"SELECT {search.CursorColumns} FROM trk_experiment e WHERE e.id = {search.Bind(rows[^1].Id)}", search.Args);
            return (rows, (string?)search.TokenOf((IDictionary<string, object?>)last!));
        }, ct);
    }

    private static string Condition(SortedSearch search, MlflowComparison c)
    {
        if (c.Entity != MlflowEntity.Tag) return search.Compare(Attribute(c.Key), c);
        var tag = $"SELECT 1 FROM trk_experiment_tag t WHERE t.experiment = e.id AND t.key = {search.Bind(c.Key)}";
        return c.Operator switch
        {
            MlflowOperator.IsNull => $"NOT EXISTS ({tag})",
            MlflowOperator.IsNotNull => $"EXISTS ({tag})",
            _ => $"EXISTS ({tag} AND {search.Compare("t.value", c)})",
        };
    }

    private static string Attribute(string key) => key switch
    {
        "name" => "e.name",
        "experiment_id" => "e.id",
        "creation_time" => "e.created_ms",
        "last_update_time" => "e.updated_ms",
        _ => throw new PilothouseException(ErrorCode.InvalidArgument, $"Invalid attribute key '{key}'."),
    };
}
