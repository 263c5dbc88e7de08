using System.Diagnostics;
using System.Text;

namespace Pilothouse.Bench;

/// <summary>
/// Charts of long series: as many runs as --clients, each with --requests x --batch points of one metric. Ingest, the server's memory while it goes on, and the answers
/// from which a chart is drawn; beside it what it takes to read the same points one by one from the history.
/// </summary>
internal static class SeriesVerb
{
    private const int Repeats = 20;

    public static async Task RunAsync(BenchOptions options)
    {
        await using var server = await BenchServer.StartAsync(options);
        var runs = new List<string>();
        for (var i = 0; i < options.Clients; i++) runs.Add(await server.Http.CreateRunAsync());
        var points = (long)options.Requests * options.Batch;
        var memory = new List<double>();
        var watch = Stopwatch.StartNew();
        const int quarters = 4;
        for (var quarter = 0; quarter < quarters; quarter++)
        {
            var first = quarter * (options.Requests / quarters);
            await Load.RunAsync(options.Clients, options.Requests / quarters, (client, i) => server.Http.PostAsync("api/2.0/mlflow/runs/log-batch", Body(runs[client], first + i, options.Batch)));
            memory.Add(server.ResidentMegabytes);
        }
        var ingest = watch.Elapsed.TotalSeconds;
        var all = string.Concat(runs.Select(run => $"run={run}&"));
        var cold = await TimeAsync(() => server.Http.GetByteArrayAsync($"api/v1/series?{all}key=loss&points=2000"));
        await Task.Delay(TimeSpan.FromSeconds(2));
        var one = await Load.RunAsync(1, Repeats, (_, _) => server.Http.GetByteArrayAsync($"api/v1/series?run={runs[0]}&key=loss&points=2000"));
        var many = await Load.RunAsync(1, Repeats, (_, _) => server.Http.GetByteArrayAsync($"api/v1/series?{all}key=loss&points=2000"));
        var zoom = await Load.RunAsync(1, Repeats, (_, i) => server.Http.GetByteArrayAsync($"api/v1/series?{all}key=loss&points=2000&from={points / 3 + i}&to={points / 3 + 5000 + i}"));
        var plain = await TimeAsync(() => server.Http.GetByteArrayAsync($"api/2.0/mlflow/metrics/get-history?run_id={runs[0]}&metric_key=loss&max_results={Math.Min(points, 1_000_000)}"));
        Load.Row("runs x points", $"{options.Clients} x {points:N0}");
        Load.Row("rows/s, acknowledged = durable", $"{options.Clients * points / ingest:N0}");
        Load.Row("server's memory after each quarter, MB", string.Join(" / ", memory.Select(m => $"{m:0}")));
        Load.Row("all runs at 2,000 points, at once after the last point, ms", $"{cold:0}");
        Load.Row("one run at 2,000 points p50, ms", $"{one.Percentile(0.5):0.0}");
        Load.Row("all runs at 2,000 points p50, ms", $"{many.Percentile(0.5):0.0}");
        Load.Row("all runs, 5,000 steps from the middle p50, ms", $"{zoom.Percentile(0.5):0.0}");
        Load.Row("beside it: one run's history as JSON (up to 1 M points), ms", $"{plain:0}");
    }

    private static async Task<double> TimeAsync(Func<Task> act)
    {
        var started = Stopwatch.GetTimestamp();
        await act();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static byte[] Body(string run, int request, int batch)
    {
        var text = new StringBuilder($$"""{"run_id": "{{run}}", "metrics": [""");
        for (var i = 0; i < batch; i++)
        {
            var step = (long)request * batch + i;
            text.Append(i == 0 ? "" : ", ").Append(System.Globalization.CultureInfo.InvariantCulture,
                $$"""{"key": "loss", "value": {{1.0 / (1 + step * 0.001) + Math.Sin(step) * 0.01:R}}, "timestamp": {{1_700_000_000_000 + step * 10}}, "step": {{step}}}""");
        }
        return Encoding.UTF8.GetBytes(text.Append("]}").ToString());
    }
}
