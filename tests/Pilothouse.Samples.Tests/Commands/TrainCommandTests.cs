using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Pilothouse.Samples.TinyModels.Commands;

namespace Pilothouse.Samples.Tests.Commands;

public sealed class TrainCommandTests
{
    [Fact]
    public async Task Metrics_and_params_are_sent_as_mlflow_s_log_batch()
    {
        using var handler = new Recorder(HttpStatusCode.OK);
        using var log = Log(handler, new StringWriter());
        await log.ParamsAsync([("recipe", "assistant-v2")], CancellationToken.None);
        await log.MetricsAsync([("loss", 0.5), ("val_loss", 0.6)], 10, CancellationToken.None);
        Assert.All(handler.Requests, request => Assert.Equal("http://127.0.0.1:7700/api/2.0/mlflow/runs/log-batch", request.Uri));
        var first = JsonDocument.Parse(handler.Requests[0].Body).RootElement;
        Assert.Equal("run-1", first.GetProperty("run_id").GetString());
        Assert.Equal("recipe", first.GetProperty("params")[0].GetProperty("key").GetString());
        var metric = JsonDocument.Parse(handler.Requests[1].Body).RootElement.GetProperty("metrics")[1];
        Assert.Equal(("val_loss", 0.6, 10L, 1_700_000_000_000L),
            (metric.GetProperty("key").GetString(), metric.GetProperty("value").GetDouble(), metric.GetProperty("step").GetInt64(), metric.GetProperty("timestamp").GetInt64()));
    }

    [Fact]
    public async Task Refusing_server_costs_one_warning()
    {
        using var handler = new Recorder(HttpStatusCode.ServiceUnavailable);
        await using var warnings = new StringWriter();
        using var log = Log(handler, warnings);
        await log.MetricsAsync([("loss", 1)], 1, CancellationToken.None);
        await log.MetricsAsync([("loss", 1)], 2, CancellationToken.None);
        Assert.Equal(2, handler.Requests.Count);
        Assert.Equal(1, warnings.ToString().Split("warning:").Length - 1);
    }

    [Theory]
    [InlineData("train")]
    [InlineData("train", "--recipe", "nonsense", "--out", "x")]
    [InlineData("train", "--recipe", "assistant-v1", "--out", "x", "--steps", "many")]
    [InlineData("walk")]
    public async Task Wrong_arguments_end_with_code_2(params string[] args) =>
        Assert.Equal(2, await CommandLine.RunAsync(args, TextWriter.Null, TextWriter.Null, TimeProvider.System, CancellationToken.None));

    [Fact]
    public async Task Missing_directory_ends_with_code_1_and_a_reason()
    {
        await using var error = new StringWriter();
        Assert.Equal(1, await CommandLine.RunAsync(["export", "no-such-directory"], TextWriter.Null, error, TimeProvider.System, CancellationToken.None));
        Assert.Contains("no-such-directory", error.ToString(), StringComparison.Ordinal);
    }

    private static RunLog Log(Recorder handler, TextWriter warnings) =>
        new(new HttpClient(handler) { BaseAddress = new Uri("http://127.0.0.1:7700/") }, "run-1", new FakeTimeProvider(DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_000)), warnings);

    private sealed class Recorder(HttpStatusCode status) : HttpMessageHandler
    {
        public List<(string Uri, string Body)> Requests { get; } = [];

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            Assert.NotNull(request.Content!.Headers.ContentLength);
            Requests.Add((request.RequestUri!.ToString(), await request.Content.ReadAsStringAsync(cancellationToken)));
            return new HttpResponseMessage(status) { Content = new StringContent("{}") };
        }
    }
}
