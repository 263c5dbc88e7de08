using System.Data.Common;
using System.Globalization;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Pilothouse.Bench;

/// <summary>
/// Searches among many runs, each with 50 params, 10 metrics and 3 tags, over HTTP; beside each what the database itself needs for the same rows by plain SQL in this
/// process. The runs are written into the server's database by SQL, since making them one by one is not what is measured.
/// </summary>
internal static class RunsSearchVerb
{
    private const int Params = 50;
    private const int Metrics = 10;
    private const string Path = "api/2.0/mlflow/runs/search";

    public static async Task RunAsync(BenchOptions options)
    {
        await using var server = await BenchServer.StartAsync(options);
        await using DbConnection database = server.PostgresDatabase is { } postgres ? new NpgsqlConnection(postgres) : new SqliteConnection($"Data Source={server.SqliteFile};Default Timeout=60");
        await database.OpenAsync();
        var started = System.Diagnostics.Stopwatch.StartNew();
        await SeedAsync(database, options.Runs);
        Load.Row($"{options.Runs:N0} runs written by SQL, s", $"{started.Elapsed.TotalSeconds:0.0}");

        await MeasureAsync(server, database, "1,000 runs whole", new { experiment_ids = Ids("small"), max_results = 1000 }, Newest("2", 1000), 1000);
        await MeasureAsync(server, database, "newest 100", new { experiment_ids = Ids("large"), max_results = 100 }, Newest("1", 100), 100);
        await MeasureAsync(server, database, "metric and param filter, metric order", new { experiment_ids = Ids("large"), max_results = 100, filter = "metrics.metric_0 > 0.9 AND params.param_3 = '2'", order_by = (string[])["metrics.metric_1 DESC"] },
            Filtered("f.value > 0.9", "AND EXISTS (SELECT 1 FROM trk_param p WHERE p.run = r.num AND p.key = 'param_3' AND p.value = '2')"), 100);
        await MeasureAsync(server, database, "selective param filter", new { experiment_ids = Ids("large"), max_results = 100, filter = "params.param_49 = '7' AND params.param_48 = '7'" },
            "SELECT r.num FROM trk_run r JOIN trk_param f ON f.run = r.num AND f.key = 'param_49' AND f.value = '7' JOIN trk_param g ON g.run = r.num AND g.key = 'param_48' AND g.value = '7' WHERE r.experiment = 1 AND r.lifecycle = 'active' ORDER BY r.start_ms DESC, r.id LIMIT 100", null);
        await MeasureAsync(server, database, "metric order, no filter", new { experiment_ids = Ids("large"), max_results = 100, order_by = (string[])["metrics.metric_2 DESC"] }, Filtered("f.value > 0.99", ""), 100);
        await MeasureAsync(server, database, "filter that nothing meets", new { experiment_ids = Ids("large"), max_results = 100, filter = "tags.tag_0 = 'none'" }, "SELECT run FROM trk_tag WHERE key = 'tag_0' AND value = 'none'", 0);
        await PagesAsync(server);
    }

    /// <summary>1,000 runs with 10 params for the first measurement, the others for the rest.</summary>
    private static string[] Ids(string kind) => [kind == "small" ? "2" : "1"];

    private static async Task SeedAsync(DbConnection database, int runs)
    {
        var i = "(r.num * 7919 + k.i * 104729)";
        foreach (var sql in (string[])
        [
            "INSERT INTO trk_experiment (id, name, artifact_location, lifecycle, created_ms, updated_ms) VALUES (1, 'large', 'mlflow-artifacts:/1', 'active', 1, 1), (2, 'small', 'mlflow-artifacts:/2', 'active', 1, 1)",
            $"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {Metrics}) INSERT INTO trk_metric_key (id, name) SELECT i, 'metric_' || (i - 1) FROM n",
            $"""
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {runs + 1000})
            INSERT INTO trk_run (num, id, experiment, name, user_id, status, start_ms, end_ms, artifact_uri, lifecycle)
            SELECT i, 'bench' || (100000000 + i), CASE WHEN i > {runs} THEN 2 ELSE 1 END, 'run-' || i, 'ann', 'FINISHED', 1700000000000 + i, 1700000100000 + i, 'mlflow-artifacts:/1/bench' || (100000000 + i) || '/artifacts', 'active' FROM n
            """,
            $"WITH RECURSIVE k(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM k WHERE i < {Params - 1}) INSERT INTO trk_param (run, key, value) SELECT r.num, 'param_' || k.i, CAST({i} % (k.i + 2) AS TEXT) FROM trk_run r CROSS JOIN k WHERE r.experiment = 1 OR k.i < 10",
            $"WITH RECURSIVE k(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM k WHERE i < 2) INSERT INTO trk_tag (run, key, value) SELECT r.num, 'tag_' || k.i, CAST({i} % (k.i + 3) AS TEXT) FROM trk_run r CROSS JOIN k",
            $"WITH RECURSIVE k(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < {Metrics}) INSERT INTO trk_latest (run, key, time_ms, step, value, is_nan) SELECT r.num, k.i, r.start_ms, 0, ({i} % 10007) / 10007.0, 0 FROM trk_run r CROSS JOIN k",
            "ANALYZE",
        ])
        {
            if (sql == "ANALYZE" && database is SqliteConnection) continue; // a server in use never runs it
            await using var command = database.CreateCommand();
            command.CommandText = sql;
            command.CommandTimeout = 3600;
            await command.ExecuteNonQueryAsync();
        }
    }

    private static string Newest(string experiment, int limit) => $"SELECT num FROM trk_run WHERE experiment = {experiment} AND lifecycle = 'active' ORDER BY start_ms DESC, id LIMIT {limit}";

    private static string Filtered(string metric, string more) => $"""
        SELECT r.num FROM trk_latest f JOIN trk_run r ON r.num = f.run LEFT JOIN trk_latest o ON o.run = r.num AND o.key = 2
        WHERE f.key = 1 AND {metric} AND r.experiment = 1 AND r.lifecycle = 'active' {more} ORDER BY o.value DESC LIMIT 100
        """;

    private static async Task MeasureAsync(BenchServer server, DbConnection database, string what, object search, string plain, int? expected)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(search);
        var found = await server.Http.PostJsonAsync(Path, search);
        var count = found.TryGetProperty("runs", out var runs) ? runs.GetArrayLength() : 0;
        if (expected is not null && count != expected) throw new InvalidOperationException($"{what}: {count} runs instead of {expected}");
        await Load.RunAsync(1, 5, (_, _) => server.Http.PostAsync(Path, body));
        var load = await Load.RunAsync(1, 60, (_, _) => server.Http.PostAsync(Path, body));
        await Load.RunAsync(1, 3, (_, _) => PlainAsync(database, plain));
        var limit = await Load.RunAsync(1, 60, (_, _) => PlainAsync(database, plain));
        Load.Row($"{what}, p50 / p95 ms", $"{load.Percentile(0.5):0.0} / {load.Percentile(0.95):0.0}");
        Load.Row("  plain SQL of the same rows, p50 / p95; ratio of p50", string.Create(CultureInfo.InvariantCulture, $"{limit.Percentile(0.5):0.0} / {limit.Percentile(0.95):0.0}; {load.Percentile(0.5) / limit.Percentile(0.5):0.0}"));
    }

    /// <summary>The keys of the page, then all rows of its runs.</summary>
    private static async Task PlainAsync(DbConnection database, string keys)
    {
        var nums = new List<long>();
        await ReadAsync(database, keys, row => nums.Add(row.GetInt64(0)));
        if (nums.Count == 0) return;
        var list = string.Join(',', nums);
        var chars = 0;
        await ReadAsync(database, $"SELECT run, key, value FROM trk_tag WHERE run IN ({list})", row => chars += row.GetString(1).Length + row.GetString(2).Length);
        await ReadAsync(database, $"SELECT run, key, value FROM trk_param WHERE run IN ({list})", row => chars += row.GetString(1).Length + row.GetString(2).Length);
        await ReadAsync(database, $"SELECT run, key, time_ms, step, value, is_nan FROM trk_latest WHERE run IN ({list})", row => chars += (int)row.GetInt64(2) + (int)row.GetDouble(4));
    }

    private static async Task ReadAsync(DbConnection database, string sql, Action<DbDataReader> read)
    {
        await using var command = database.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync()) read(reader);
    }

    /// <summary>Ten pages of 100 by metric, each by the token of the one before.</summary>
    private static async Task PagesAsync(BenchServer server)
    {
        string? token = null;
        var pages = await Load.RunAsync(1, 10, async (_, _) =>
        {
            var page = await server.Http.PostJsonAsync(Path, new { experiment_ids = Ids("large"), max_results = 100, order_by = (string[])["metrics.metric_2 DESC"], page_token = token ?? "" });
            token = page.GetProperty("next_page_token").GetString();
        });
        Load.Row("pages 1 to 10 by metric, p50 / slowest ms", $"{pages.Percentile(0.5):0.0} / {pages.Percentile(1):0.0}");
    }
}
