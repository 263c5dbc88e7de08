using System.Net.Http.Headers;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Pilothouse.Samples.TinyModels.Commands;

/// <summary>
/// Sends parameters and metrics to a run by MLflow's REST protocol (<c>POST /api/2.0/mlflow/runs/log-batch</c>), or does nothing when the environment names no run.
/// A server that does not answer costs a warning, never the training.
/// </summary>
internal sealed class RunLog : IDisposable
{
    private const string LogBatch = "api/2.0/mlflow/runs/log-batch";
    private static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(5);

    private readonly HttpClient? _http;
    private readonly string _runId;
    private readonly TimeProvider _time;
    private readonly TextWriter _warnings;
    private bool _warned;

    internal RunLog(HttpClient? http, string runId, TimeProvider time, TextWriter warnings) => (_http, _runId, _time, _warnings) = (http, runId, time, warnings);

    public static RunLog FromEnvironment(TimeProvider time, TextWriter warnings)
    {
        var server = Variable("PILOTHOUSE_URL") ?? Variable("MLFLOW_TRACKING_URI");
        var run = Variable("MLFLOW_RUN_ID") ?? Variable("PILOTHOUSE_RUN_ID");
        if (run is null || !Uri.TryCreate(server?.TrimEnd('/') + "/", UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            return new RunLog(null, "", time, warnings);
        var http = new HttpClient { BaseAddress = address, Timeout = RequestTimeout };
        if (Variable("PILOTHOUSE_TOKEN") is { } token) http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return new RunLog(http, run, time, warnings);
    }

    public Task ParamsAsync(IReadOnlyCollection<(string Key, string Value)> parameters, CancellationToken ct) =>
        SendAsync(new Batch(_runId, [], [.. parameters.Select(p => new Param(p.Key, p.Value))]), ct);

    public Task MetricsAsync(IReadOnlyCollection<(string Key, double Value)> metrics, long step, CancellationToken ct)
    {
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        return SendAsync(new Batch(_runId, [.. metrics.Select(m => new Metric(m.Key, m.Value, now, step))], []), ct);
    }

    public void Dispose() => _http?.Dispose();

    private async Task SendAsync(Batch batch, CancellationToken ct)
    {
        if (_http is null) return;
        try
        {
            // With a length: PostAsJsonAsync would send chunks, which simple WSGI servers cannot read.
            using var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(batch));
            content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            using var answer = await _http.PostAsync(LogBatch, content, ct);
            if (!answer.IsSuccessStatusCode) await WarnAsync($"HTTP {answer.StatusCode}: {await answer.Content.ReadAsStringAsync(ct)}");
        }
        catch (Exception fault) when (fault is HttpRequestException || (fault is TaskCanceledException && !ct.IsCancellationRequested))
        {
            await WarnAsync(fault.Message);
        }
    }

    /// <summary>Once: a server that is away would otherwise fill the log of the run it cannot record.</summary>
    private async Task WarnAsync(string reason)
    {
        if (_warned) return;
        _warned = true;
        await _warnings.WriteLineAsync($"warning: metrics were not accepted by {_http!.BaseAddress}: {reason}");
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    private sealed record Batch([property: JsonPropertyName("run_id")] string RunId, [property: JsonPropertyName("metrics")] Metric[] Metrics, [property: JsonPropertyName("params")] Param[] Params);

    private sealed record Metric([property: JsonPropertyName("key")] string Key, [property: JsonPropertyName("value")] double Value, [property: JsonPropertyName("timestamp")] long Timestamp, [property: JsonPropertyName("step")] long Step);

    private sealed record Param([property: JsonPropertyName("key")] string Key, [property: JsonPropertyName("value")] string Value);
}
