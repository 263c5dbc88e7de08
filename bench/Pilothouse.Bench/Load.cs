using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace Pilothouse.Bench;

/// <summary>Latencies in milliseconds and the wall time of a load.</summary>
internal sealed record LoadResult(double Seconds, double[] Latencies)
{
    public double Percentile(double p) => Latencies[Math.Min(Latencies.Length - 1, (int)(Latencies.Length * p))];
}

/// <summary>Drives a closed loop: each client sends its next request when the answer to the last one is there.</summary>
internal static class Load
{
    /// <param name="send">Gets the client's number and the request's number.</param>
    public static async Task<LoadResult> RunAsync(int clients, int requests, Func<int, int, Task> send)
    {
        var latencies = new double[clients * requests];
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, clients).Select(client => Task.Run(async () =>
        {
            for (var i = 0; i < requests; i++)
            {
                var started = Stopwatch.GetTimestamp();
                await send(client, i);
                latencies[client * requests + i] = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
            }
        })));
        watch.Stop();
        Array.Sort(latencies);
        return new LoadResult(watch.Elapsed.TotalSeconds, latencies);
    }

    public static async Task PostAsync(this HttpClient http, string path, byte[] body)
    {
        using var content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
        using var response = await http.PostAsync(path, content);
        if (!response.IsSuccessStatusCode) throw new InvalidOperationException($"{path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
        await response.Content.CopyToAsync(Stream.Null);
    }

    public static async Task<JsonElement> PostJsonAsync(this HttpClient http, string path, object body)
    {
        using var response = await http.PostAsJsonAsync(path, body);
        return response.IsSuccessStatusCode ? await response.Content.ReadFromJsonAsync<JsonElement>()
            : throw new InvalidOperationException($"{path}: {(int)response.StatusCode} {await response.Content.ReadAsStringAsync()}");
    }

    public static async Task<string> CreateRunAsync(this HttpClient http) =>
        (await http.PostJsonAsync("api/2.0/mlflow/runs/create", new { experiment_id = "0", start_time = 1_700_000_000_000 })).GetProperty("run").GetProperty("info").GetProperty("run_id").GetString()!;

    public static void Row(string what, string value) => Console.WriteLine($"| {what,-58} | {value,24} |");
}
