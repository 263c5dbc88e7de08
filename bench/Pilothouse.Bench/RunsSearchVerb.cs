namespace Pilothouse.Bench;

/// <summary>Searches over many runs, each with 10 metrics, 10 params and 3 tags.</summary>
internal static class RunsSearchVerb
{
    public static async Task RunAsync(BenchOptions options)
    {
        await using var server = await BenchServer.StartAsync(options);
        var perClient = options.Runs / options.Clients;
        var fill = await Load.RunAsync(options.Clients, perClient, async (client, i) =>
        {
            var number = client * perClient + i;
            var run = await server.Http.CreateRunAsync();
            await server.Http.PostJsonAsync("api/2.0/mlflow/runs/log-batch", new
            {
                run_id = run,
                metrics = Enumerable.Range(0, 10).Select(k => new { key = $"metric_{k}", value = (number * 7919 + k * 104_729) % 10_007 / 10_007.0, timestamp = 1_700_000_000_000 + number, step = 0 }),
                @params = Enumerable.Range(0, 10).Select(k => new { key = $"param_{k}", value = $"{number % (k + 2)}" }),
                tags = Enumerable.Range(0, 3).Select(k => new { key = $"tag_{k}", value = $"{number % (k + 3)}" }),
            });
        });
        Load.Row("runs created with data, runs/s", $"{perClient * options.Clients / fill.Seconds:N0}");
        await MeasureAsync(server, "1,000 runs returned whole, p50 / p99 ms", """{"experiment_ids": ["0"], "max_results": 1000}""");
        await MeasureAsync(server, "metric filter + metric order, page of 100, p50 / p99 ms", """{"experiment_ids": ["0"], "max_results": 100, "filter": "metrics.metric_0 > 0.9 AND params.param_3 = '2'", "order_by": ["metrics.metric_1 DESC"]}""");
        await MeasureAsync(server, "newest 100, p50 / p99 ms", """{"experiment_ids": ["0"], "max_results": 100}""");
    }

    private static async Task MeasureAsync(BenchServer server, string what, string body)
    {
        var bytes = System.Text.Encoding.UTF8.GetBytes(body);
        await Load.RunAsync(1, 5, (_, _) => server.Http.PostAsync("api/2.0/mlflow/runs/search", bytes));
        var load = await Load.RunAsync(1, 50, (_, _) => server.Http.PostAsync("api/2.0/mlflow/runs/search", bytes));
        Load.Row(what, $"{load.Percentile(0.5):0.0} / {load.Percentile(0.99):0.0}");
    }
}
