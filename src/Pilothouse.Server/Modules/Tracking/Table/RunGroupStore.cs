using System.Data.Common;
using Dapper;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking.Table;

/// <summary>Groups of runs with the spread of their metrics.</summary>
internal sealed class RunGroupStore(Db db)
{
    public const int MaxGroups = 500;

    /// <summary>Different values that are kept while the runs are read; a key with more is no key to group by.</summary>
    private const int MaxValues = 20_000;

    /// <summary>MLflow's clients write infinities as the largest double: no mean has them in it.</summary>
    private const double Finite = 1e150;

    /// <summary>
    /// Reads the runs once, a row each, and keeps a running mean and variance of each group: on 100,000 runs several times faster than GROUP BY in the database, which sorts all
    /// values, and exact also for large values that are nearly equal.
    /// </summary>
    /// <param name="search">The runs: conditions on <c>trk_run r</c>.</param>
    /// <exception cref="PilothouseException">InvalidArgument: too many different values.</exception>
    public Task<RunGroups> ReadAsync(SortedSearch search, MlflowOrder by, IReadOnlyList<string> metrics, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var group = by.Entity == MlflowEntity.Attribute ? RunSearch.Attribute(by.Key).Column : "g.value";
        var join = by.Entity == MlflowEntity.Attribute ? "" : $"LEFT JOIN {(by.Entity == MlflowEntity.Param ? "trk_param" : "trk_tag")} g ON g.run = r.num AND g.key = {search.Bind(by.Key)}";
        var keys = await KeysAsync(session, metrics);
        var values = string.Concat(metrics.Select((_, i) => $", l{i}.value, l{i}.is_nan"));
        var joins = string.Join('\n', metrics.Select((m, i) => $"LEFT JOIN trk_latest l{i} ON l{i}.run = r.num AND l{i}.key = {search.Bind(keys.GetValueOrDefault(m, -1))}"));
        var command = new CommandDefinition($"SELECT {group}{values} FROM trk_run r {join}\n{joins}\nWHERE {search.Where}", search.Args, session.Transaction, cancellationToken: ct);

        var groups = new Dictionary<string, Sums>(StringComparer.Ordinal);
        var none = new Sums(null, metrics.Count);
        await using var reader = (DbDataReader)await session.Connection.ExecuteReaderAsync(command);
        while (await reader.ReadAsync(ct))
        {
            var sums = reader.IsDBNull(0) ? none : Of(groups, reader.GetString(0), metrics.Count, by.Key);
            sums.Runs++;
            for (var i = 0; i < metrics.Count; i++)
                if (!reader.IsDBNull(1 + (2 * i)) && reader.GetInt64(2 + (2 * i)) == 0) sums.Values[i].Add(reader.GetDouble(1 + (2 * i)));
        }
        var all = groups.Values.Concat(none.Runs > 0 ? [none] : []).OrderByDescending(g => g.Runs).ThenBy(g => g.Value is null).ThenBy(g => g.Value, StringComparer.Ordinal).ToList();
        return new RunGroups([.. all.Take(MaxGroups).Select(g => g.ToGroup(metrics))], all.Count > MaxGroups);
    }, ct);

    private static async Task<Dictionary<string, long>> KeysAsync(DbSession session, IReadOnlyList<string> metrics) => metrics.Count == 0 ? []
        : (await session.QueryAsync<KeyRow>($"SELECT id AS Id, name AS Name FROM trk_metric_key WHERE {session.Dialect.In("name", "@names")}", new { names = metrics.ToArray() })).ToDictionary(k => k.Name, k => k.Id, StringComparer.Ordinal);

    private static Sums Of(Dictionary<string, Sums> groups, string value, int metrics, string key)
    {
        if (groups.TryGetValue(value, out var sums)) return sums;
        if (groups.Count >= MaxValues) throw new PilothouseException(ErrorCode.InvalidArgument, $"'{key}' has more than {MaxValues} different values: group by another key, or filter first.");
        return groups[value] = new Sums(value, metrics);
    }

    private sealed class KeyRow
    {
        public long Id { get; set; }
        public string Name { get; set; } = "";
    }

    private sealed class Sums(string? value, int metrics)
    {
        public string? Value { get; } = value;

        public int Runs { get; set; }

        public Running[] Values { get; } = new Running[metrics];

        public RunGroup ToGroup(IReadOnlyList<string> names) => new(Value, Runs,
            names.Select((name, i) => (name, Values[i])).Where(v => v.Item2.Count > 0).ToDictionary(v => v.name, v => v.Item2.ToSpread(), StringComparer.Ordinal));
    }

    /// <summary>Welford's running mean and variance.</summary>
    private struct Running
    {
        private double _mean;
        private double _squares;
        private double _low;
        private double _high;

        public int Count { get; private set; }

        public void Add(double value)
        {
            if (Math.Abs(value) > Finite) return;
            (_low, _high) = Count == 0 ? (value, value) : (Math.Min(_low, value), Math.Max(_high, value));
            Count++;
            var delta = value - _mean;
            _mean += delta / Count;
            _squares += delta * (value - _mean);
        }

        public readonly MetricSpread ToSpread() => new(Count, _mean, _low, _high, Count < 2 ? 0 : Math.Sqrt(_squares / (Count - 1)));
    }
}
