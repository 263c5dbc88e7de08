using System.Diagnostics;
using System.Text;
using Pilothouse.Data;

namespace Pilothouse.Bench;

/// <summary>Metric rows a second, acknowledged = durable; the limit is SQLite's own bulk insert of the same rows in one process.</summary>
internal static class LogBatchVerb
{
    private const int Keys = 20;

    public static async Task RunAsync(BenchOptions options)
    {
        await using var server = await BenchServer.StartAsync(options);
        var runs = new List<string>();
        for (var i = 0; i < options.Clients; i++) runs.Add(await server.Http.CreateRunAsync());
        // Bodies are made beforehand: the clients share the processors with the server.
        var bodies = runs.Select(run => Enumerable.Range(0, options.Requests).Select(i => Body(run, i, options.Batch)).ToArray()).ToArray();
        var warm = await server.Http.CreateRunAsync();
        for (var i = 0; i < 50; i++) await server.Http.PostAsync("api/2.0/mlflow/runs/log-batch", Body(warm, i, options.Batch));

        var cpu = server.Cpu;
        var load = await Load.RunAsync(options.Clients, options.Requests, (client, i) => server.Http.PostAsync("api/2.0/mlflow/runs/log-batch", bodies[client][i]));
        var rows = (double)options.Clients * options.Requests * options.Batch;
        var limit = await LimitAsync(options);
        Load.Row("clients x requests x metrics", $"{options.Clients} x {options.Requests} x {options.Batch}");
        Load.Row("rows/s, acknowledged = durable", $"{rows / load.Seconds:N0}");
        Load.Row("latency of a request p50 / p99, ms", $"{load.Percentile(0.5):0.0} / {load.Percentile(0.99):0.0}");
        Load.Row("server CPU, microseconds a row", $"{(server.Cpu - cpu).TotalMicroseconds / rows:0.00}");
        Load.Row("limit: SQLite bulk insert of the same rows, rows/s", $"{limit:N0}");
        Load.Row("share of the limit", $"{rows / load.Seconds / limit:P0}");
    }

    private static byte[] Body(string run, int request, int batch)
    {
        var text = new StringBuilder($$"""{"run_id": "{{run}}", "metrics": [""");
        for (var i = 0; i < batch; i++)
        {
            var step = (long)request * (batch / Keys) + i / Keys;
            text.Append(i == 0 ? "" : ", ").Append(System.Globalization.CultureInfo.InvariantCulture,
                $$"""{"key": "train/metric_{{i % Keys}}", "value": {{Value(step, i % Keys):R}}, "timestamp": {{1_700_000_000_000 + step * 10}}, "step": {{step}}, "run_id": "{{run}}"}""");
        }
        return Encoding.UTF8.GetBytes(text.Append("]}").ToString());
    }

    private static double Value(long step, int key) => 1.0 / (1 + step + key * 0.37);

    private static async Task<double> LimitAsync(BenchOptions options)
    {
        var path = Path.Combine(options.Data, $"pilothouse-limit-{Environment.ProcessId}.db");
        try
        {
            await using var db = Db.OpenSqlite(path);
            await db.WriteAsync(s => s.ExecuteAsync("""
                CREATE TABLE m (run BIGINT NOT NULL, key BIGINT NOT NULL, time_ms BIGINT NOT NULL, step BIGINT NOT NULL, value DOUBLE PRECISION NOT NULL, is_nan BIGINT NOT NULL,
                    PRIMARY KEY (run, key, time_ms, step, value, is_nan)) WITHOUT ROWID
                """), default);
            var stepsPerRequest = options.Batch / Keys;
            var watch = Stopwatch.StartNew();
            var total = 0L;
            for (var request = 0; request < options.Requests; request++)
            {
                var rows = new List<(long Run, long Key, long Step)>(options.Clients * options.Batch);
                for (var run = 0; run < options.Clients; run++)
                    for (var key = 0; key < Keys; key++)
                        for (var step = 0; step < stepsPerRequest; step++) rows.Add((run, key, (long)request * stepsPerRequest + step));
                total += rows.Count;
                await db.WriteAsync(s => s.BulkInsertAsync("m", ["run", "key", "time_ms", "step", "value", "is_nan"], rows, (row, r) =>
                {
                    row.Integer(r.Run);
                    row.Integer(r.Key);
                    row.Integer(1_700_000_000_000 + r.Step * 10);
                    row.Integer(r.Step);
                    row.Real(Value(r.Step, (int)r.Key));
                    row.Integer(0);
                }, ignoreDuplicates: false), default);
            }
            return total / watch.Elapsed.TotalSeconds;
        }
        finally
        {
            foreach (var file in Directory.GetFiles(options.Data, Path.GetFileName(path) + "*")) File.Delete(file);
        }
    }
}
