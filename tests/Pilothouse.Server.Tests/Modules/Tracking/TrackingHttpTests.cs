using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Pilothouse.Client;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Testing;

namespace Pilothouse.Server.Tests.Modules.Tracking;

public class TrackingHttpTests
{
    private const string LogBatch = "api/2.0/mlflow/runs/log-batch";

    [Theory]
    [InlineData("{\"run_id\": ")]
    [InlineData("[1, 2]")]
    [InlineData("\"text\"")]
    [InlineData("5")]
    [InlineData("{\"run_id\": 7}")]
    [InlineData("{\"run_id\": \"x\", \"metrics\": [1]}")]
    [InlineData("{\"run_id\": \"x\", \"metrics\": {\"key\": \"a\"}}")]
    [InlineData("{\"metrics\": []}")]
    [InlineData("{}")]
    [InlineData("")]
    public async Task A_malformed_batch_gets_MLflows_error_and_the_server_lives(string body)
    {
        await using var server = await TestServer.StartAsync();

        using var response = await server.Http.PostAsync(LogBatch, new StringContent(body, Encoding.UTF8, "application/json"));

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        var error = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
        Assert.Equal("INVALID_PARAMETER_VALUE", error.GetProperty("error_code").GetString());
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
        Assert.Equal("OK", await server.Http.GetStringAsync("health"));
    }

    [Fact]
    public async Task An_oversized_body_gets_MLflows_error_and_the_server_lives()
    {
        await using var server = await TestServer.StartAsync();

        var answer = await RawHttp.AnnounceBodyAsync(server.Url, "/" + LogBatch, "application/json", 65 * 1024 * 1024);

        Assert.StartsWith("HTTP/1.1 413 ", answer, StringComparison.Ordinal);
        Assert.Contains("error_code", answer, StringComparison.Ordinal);
        Assert.Equal("OK", await server.Http.GetStringAsync("health"));
    }

    [Theory]
    [InlineData("api/2.0/mlflow/runs/nope")]
    [InlineData("api/2.0/mlflow/runs/get/extra")]
    [InlineData("api/9.0/mlflow/runs/get")]
    public async Task An_unknown_route_is_404_without_JSON_so_that_clients_fall_back(string path)
    {
        await using var server = await TestServer.StartAsync();

        using var response = await server.Http.GetAsync(path);

        Assert.Equal(HttpStatusCode.NotFound, response.StatusCode);
        Assert.NotEqual("application/json", response.Content.Headers.ContentType?.MediaType);
    }

    [Fact]
    public async Task A_series_is_the_same_in_JSON_and_binary_also_for_a_key_with_slashes()
    {
        await using var server = await TestServer.StartAsync();
        var run = await CreateRunAsync(server.Client, [.. Enumerable.Range(0, 50).Select(i => Metric("system/cpu a", i * 0.5, i))]);

        var series = await server.Client.MetricSeriesAsync(run.RunId!, "system/cpu a", 1000, default);
        var bytes = await server.Http.GetByteArrayAsync($"api/v1/runs/{run.RunId}/metrics/system/cpu%20a/series?format=binary");

        Assert.Equal(50, series.TotalPoints);
        Assert.Equal(50 * 16, bytes.Length);
        for (var i = 0; i < 50; i++)
        {
            Assert.Equal(series.Steps[i], BitConverter.ToDouble(bytes, i * 8));
            Assert.Equal(series.Values[i], BitConverter.ToDouble(bytes, (50 + i) * 8));
        }
    }

    [Fact]
    public async Task A_live_stream_tells_of_new_points_and_of_the_end()
    {
        await using var server = await TestServer.StartAsync();
        var run = await CreateRunAsync(server.Client, [Metric("loss", 1, 0)]);
        using var response = await server.Http.GetAsync($"api/v1/runs/{run.RunId}/live", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        await reader.ReadLineAsync(); // ": connected"

        // The stream listens from some moment after its headers: points are logged until the first one is heard.
        using var heard = new CancellationTokenSource();
        var logging = LogUntilAsync(server.Client, run.RunId!, heard.Token);
        var first = await NextAsync(reader);
        await heard.CancelAsync();
        await logging;
        await server.Client.UpdateRunAsync(run.RunId!, "FINISHED", 5, default);
        var last = await NextAsync(reader);
        while (last.Event != "run") last = await NextAsync(reader);

        Assert.Equal("metrics", first.Event);
        Assert.Contains("loss", first.Data, StringComparison.Ordinal);
        Assert.Contains("FINISHED", last.Data, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_of_nobody_is_not_found_in_either_API()
    {
        await using var server = await TestServer.StartAsync();

        Assert.Equal(404, (await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.GetRunAsync("nope", default))).Status);
        Assert.Equal("RESOURCE_DOES_NOT_EXIST", (await Assert.ThrowsAsync<PilothouseApiException>(() => server.Client.LogBatchAsync("nope", [Metric("a", 1, 1)], [], [], default))).Code);
    }

    private static async Task<MlflowRunInfo> CreateRunAsync(PilothouseClient client, IReadOnlyList<MlflowMetric> metrics)
    {
        var run = await client.CreateRunAsync(await client.EnsureExperimentAsync("http tests", default), "run", "ann", 1, [], default);
        await client.LogBatchAsync(run.RunId!, metrics, [], [], default);
        return run;
    }

    private static async Task LogUntilAsync(PilothouseClient client, string run, CancellationToken heard)
    {
        for (var step = 1; !heard.IsCancellationRequested; step++) await client.LogBatchAsync(run, [Metric("loss", 1.0 / step, step)], [], [], default);
    }

    private static async Task<(string Event, string Data)> NextAsync(StreamReader reader)
    {
        string? line;
        do line = await reader.ReadLineAsync();
        while (line is not null && !line.StartsWith("event: ", StringComparison.Ordinal));
        return (line![7..], (await reader.ReadLineAsync())!);
    }

    private static MlflowMetric Metric(string key, double value, long step) => new() { Key = key, Value = value, Timestamp = 1000 + step, Step = step };
}
