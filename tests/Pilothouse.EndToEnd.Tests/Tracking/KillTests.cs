using System.Collections.Concurrent;
using Pilothouse.Client;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Tracking;

/// <summary>An acknowledged metric is durable: the server is killed while four clients log, and every acknowledged point must be there afterwards.</summary>
public class KillTests(ITestOutputHelper output)
{
    private const int Clients = 4;
    private const int PointsPerBatch = 50;

    [Theory, DatabaseData]
    public async Task Every_acknowledged_metric_survives_kill_9(string kind)
    {
        var data = Directory.CreateTempSubdirectory("pilothouse-kill-");
        var (postgres, drop) = kind == "postgres" ? await TestDatabase.CreatePostgresDatabaseAsync() : (null, () => ValueTask.CompletedTask);
        try
        {
            var acknowledged = new ConcurrentDictionary<string, long>();
            // Another number of batches each round: the kill hits another moment of the write path.
            foreach (var batches in (int[])[3, 40, 150]) await KillAfterAsync(data.FullName, postgres, batches, acknowledged);

            await using var server = await StartAsync(data.FullName, postgres);
            foreach (var (run, last) in acknowledged) await CheckAsync(server.Client, run, last);
            output.WriteLine($"{kind}: {acknowledged.Count} runs, {acknowledged.Values.Sum(last => last + 1)} acknowledged points, all there");
        }
        finally
        {
            data.Delete(recursive: true);
            await drop();
        }
    }

    private static async Task KillAfterAsync(string data, string? postgres, int batches, ConcurrentDictionary<string, long> acknowledged)
    {
        await using var server = await StartAsync(data, postgres);
        var experiment = await server.Client.EnsureExperimentAsync("kill", default);
        using var done = new SemaphoreSlim(0);
        var clients = Enumerable.Range(0, Clients).Select(async _ =>
        {
            var run = (await server.Client.CreateRunAsync(experiment, null, "ann", 1, [], default)).RunId!;
            for (long step = 0; ; step += PointsPerBatch)
            {
                try
                {
                    await server.Client.LogBatchAsync(run, Points(step), [], [], default);
                }
                catch (Exception e) when (e is PilothouseApiException or HttpRequestException or IOException)
                {
                    return; // the server is dead: this batch was not acknowledged
                }
                acknowledged[run] = step + PointsPerBatch - 1;
                done.Release();
            }
        }).ToList();
        for (var i = 0; i < batches; i++) await done.WaitAsync();
        await server.KillAsync();
        await Task.WhenAll(clients);
    }

    private static async Task CheckAsync(PilothouseClient client, string run, long last)
    {
        var series = await client.MetricSeriesAsync(run, "loss", 20_000, default);
        // A batch that was under way may be there too, but then whole.
        Assert.True(series.TotalPoints >= last + 1, $"run {run}: {last + 1} points were acknowledged, {series.TotalPoints} are there");
        Assert.Equal(0, series.TotalPoints % PointsPerBatch);
        if (series.Steps.Count != series.TotalPoints) return;
        for (var i = 0; i < series.Steps.Count; i++) Assert.Equal((i, Value(i)), (series.Steps[i], series.Values[i]));
    }

    private static List<MlflowMetric> Points(long first) =>
        [.. Enumerable.Range(0, PointsPerBatch).Select(i => new MlflowMetric { Key = "loss", Value = Value(first + i), Timestamp = 1000 + first + i, Step = first + i })];

    private static double Value(long step) => 1.0 / (1 + step);

    private static Task<ServerProcess> StartAsync(string data, string? postgres) =>
        postgres is null ? ServerProcess.StartAsync(data) : ServerProcess.StartAsync(data, environment: null, "--postgres", postgres);
}
