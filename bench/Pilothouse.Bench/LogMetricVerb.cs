using System.Diagnostics;
using System.Text;

namespace Pilothouse.Bench;

/// <summary>Single metrics; the limits are an empty request to the same server and the disk's own fsync.</summary>
internal static class LogMetricVerb
{
    private const int Single = 2000;

    public static async Task RunAsync(BenchOptions options)
    {
        await using var server = await BenchServer.StartAsync(options);
        var runs = new List<string>();
        for (var i = 0; i < Math.Max(64, options.Clients); i++) runs.Add(await server.Http.CreateRunAsync());
        await Load.RunAsync(1, 1000, (client, i) => LogAsync(server, runs[client], i));

        var one = await Load.RunAsync(1, Single, (client, i) => LogAsync(server, runs[client], 1000 + i));
        var health = await Load.RunAsync(1, Single, async (_, _) => (await server.Http.GetAsync("health")).Dispose());
        var many = await Load.RunAsync(64, options.Requests, (client, i) => LogAsync(server, runs[client], 10_000 + i));
        var sync = Fsync(options.Data);
        Load.Row("one client, latency p50 / p99, ms", $"{one.Percentile(0.5):0.00} / {one.Percentile(0.99):0.00}");
        Load.Row("64 clients, requests/s", $"{64 * options.Requests / many.Seconds:N0}");
        Load.Row("64 clients, latency p50 / p99, ms", $"{many.Percentile(0.5):0.0} / {many.Percentile(0.99):0.0}");
        Load.Row("limit: GET /health p50, ms", $"{health.Percentile(0.5):0.00}");
        Load.Row("limit: write 4 KiB + fsync p50, ms", $"{sync:0.00}");
        Load.Row("one client over the sum of the limits", $"{one.Percentile(0.5) / (health.Percentile(0.5) + sync):0.0}x");
    }

    private static Task LogAsync(BenchServer server, string run, int step) => server.Http.PostAsync("api/2.0/mlflow/runs/log-metric",
        Encoding.UTF8.GetBytes($$"""{"run_id": "{{run}}", "key": "loss", "value": 0.{{step}}1, "timestamp": {{1_700_000_000_000 + step}}, "step": {{step}}}"""));

    private static double Fsync(string directory)
    {
        var path = Path.Combine(directory, $"pilothouse-fsync-{Environment.ProcessId}");
        try
        {
            using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
            // Written once beforehand, as SQLite's log is: an fsync that also makes the file longer costs more.
            RandomAccess.Write(file, new byte[300 * 4096], 0);
            RandomAccess.FlushToDisk(file);
            var times = new List<double>();
            for (var i = 0; i < 300; i++)
            {
                var started = Stopwatch.GetTimestamp();
                RandomAccess.Write(file, new byte[4096], i * 4096L);
                RandomAccess.FlushToDisk(file);
                times.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }
            return times.Order().ElementAt(times.Count / 2);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
