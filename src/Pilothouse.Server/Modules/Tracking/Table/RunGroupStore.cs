using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Table;

/// <summary>Groups of runs with the spread of their metrics, made by the database.</summary>
internal sealed class RunGroupStore(Db db)
{
    public const int MaxGroups = 500;

    /// <summary>Values beyond are left out of means: MLflow's clients write infinities as the largest double.</summary>
    private const string Finite = "l.is_nan = 0 AND l.value BETWEEN -1e150 AND 1e150";

    /// <summary>Stands for "has no value"; no param can be this, since it is compared only inside the query.</summary>
    private const string None = "\u0001none";

    /// <param name="search">The runs: conditions on <c>trk_run r</c>.</param>
    public Task<RunGroups> ReadAsync(SortedSearch search, MlflowOrder by, IReadOnlyList<string> metrics, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var groups = $"""
            WITH base AS (SELECT r.num AS num, {Value(search, by)} AS grp FROM trk_run r {Join(search, by)} WHERE {search.Where}),
            top AS (SELECT grp, COUNT(*) AS runs FROM base GROUP BY grp ORDER BY runs DESC, grp LIMIT {MaxGroups + 1})
            """;
        var rows = await session.QueryAsync<GroupRow>($"{groups} SELECT grp AS Value, runs AS Runs FROM top ORDER BY runs DESC, grp", search.Args);
        var spreads = rows.ToDictionary(r => r.Value, _ => new Dictionary<string, MetricSpread>(StringComparer.Ordinal), StringComparer.Ordinal);
        foreach (var metric in metrics)
        {
            // Deviations are summed about each group's own mean: squares of large, nearly equal values would cancel out.
            var sql = $"""
                {groups},
                vals AS MATERIALIZED (
                    SELECT b.grp AS grp, l.value AS v FROM base b JOIN top t ON t.grp = b.grp
                    JOIN trk_latest l ON l.run = b.num AND l.key = (SELECT id FROM trk_metric_key WHERE name = {search.Bind(metric)}) AND {Finite}),
                means AS MATERIALIZED (SELECT grp, COUNT(*) AS n, AVG(v) AS mean, MIN(v) AS low, MAX(v) AS high FROM vals GROUP BY grp)
                SELECT m.grp AS Value, m.n AS Runs, m.mean AS Mean, m.low AS Minimum, m.high AS Maximum, SUM((v.v - m.mean) * (v.v - m.mean)) AS Squares
                FROM means m JOIN vals v ON v.grp = m.grp GROUP BY m.grp, m.n, m.mean, m.low, m.high
                """;
            foreach (var row in await session.QueryAsync<GroupRow>(sql, search.Args)) spreads[row.Value][metric] = row.Spread();
        }
        return new RunGroups([.. rows.Take(MaxGroups).Select(r => new RunGroup(r.Value == None ? null : r.Value, (int)r.Runs, spreads[r.Value]))], rows.Count > MaxGroups);
    }, ct);

    private static string Value(SortedSearch search, MlflowOrder by) => by.Entity == MlflowEntity.Attribute ? RunSearch.Attribute(by.Key).Column : $"COALESCE(g.value, {search.Bind(None)})";

    private static string Join(SortedSearch search, MlflowOrder by) => by.Entity == MlflowEntity.Attribute ? ""
        : $"LEFT JOIN {(by.Entity == MlflowEntity.Param ? "trk_param" : "trk_tag")} g ON g.run = r.num AND g.key = {search.Bind(by.Key)}";

    private sealed class GroupRow
    {
        public string Value { get; set; } = "";
        public long Runs { get; set; }
        public double Mean { get; set; }
        public double Squares { get; set; }
        public double Minimum { get; set; }
        public double Maximum { get; set; }

        public MetricSpread Spread() => new((int)Runs, Mean, Minimum, Maximum, Runs < 2 ? 0 : Math.Sqrt(Squares / (Runs - 1)));
    }
}
