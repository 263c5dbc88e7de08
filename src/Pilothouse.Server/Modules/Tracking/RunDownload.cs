using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Everything of a run, or every point of one metric, written to a stream in pages: memory stays flat however long the history is.</summary>
internal sealed class RunDownload(IRuns runs, MetricHistory history, ArtifactService artifacts)
{
    private const int Page = 10_000;
    private const int FlushAt = 64 * 1024;

    /// <summary>Files listed; a run with more names the rest by its directories.</summary>
    private const int MaxFiles = 10_000;

    /// <summary><c>step,time_ms,value</c>, in the order of time.</summary>
    public async Task CsvAsync(string runId, string key, Stream output, CancellationToken ct)
    {
        await runs.GetAsync(runId, ct);
        await using var writer = new StreamWriter(output, new UTF8Encoding(false), FlushAt, leaveOpen: true);
        await writer.WriteAsync("step,time_ms,value\r\n");
        await foreach (var page in PagesAsync(runId, key, ct))
        {
            foreach (var point in page)
                writer.Write(string.Create(CultureInfo.InvariantCulture, $"{point.Step},{point.Timestamp},{point.Value:R}\r\n"));
            await writer.FlushAsync(ct);
        }
    }

    /// <summary><c>{"run_id","key","points":[[step,time_ms,value],...]}</c>; values that JSON has no number for are the texts NaN, Infinity, -Infinity.</summary>
    public async Task MetricAsync(string runId, string key, PipeWriter output, CancellationToken ct)
    {
        await runs.GetAsync(runId, ct);
        await using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        json.WriteString("run_id", runId);
        await WriteMetricAsync(json, output, runId, key, ct);
        json.WriteEndObject();
    }

    /// <summary>The run, its parameters, tags, metrics with every point, and the list of its files.</summary>
    public async Task RunAsync(string runId, PipeWriter output, CancellationToken ct)
    {
        var run = await runs.GetAsync(runId, ct);
        await using var json = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true });
        json.WriteStartObject();
        json.WritePropertyName("run");
        JsonSerializer.Serialize(json, run.Run, WireJson.Options);
        json.WriteString("experiment_name", run.ExperimentName);
        json.WriteString("artifact_uri", run.ArtifactUri);
        json.WriteStartArray("metrics");
        foreach (var metric in run.LatestMetrics)
        {
            json.WriteStartObject();
            await WriteMetricAsync(json, output, runId, metric.Key, ct);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartArray("artifacts");
        foreach (var file in await FilesAsync(runId, ct))
        {
            json.WriteStartObject();
            json.WriteString("path", file.Path);
            if (file.FileSize is { } size) json.WriteNumber("size", size);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private async Task WriteMetricAsync(Utf8JsonWriter json, PipeWriter output, string runId, string key, CancellationToken ct)
    {
        json.WriteString("key", key);
        json.WriteStartArray("points");
        await foreach (var page in PagesAsync(runId, key, ct))
        {
            foreach (var point in page)
            {
                json.WriteRawValue(string.Create(CultureInfo.InvariantCulture, $"[{point.Step},{point.Timestamp},{Number(point.Value ?? double.NaN)}]"));
                if (json.BytesPending < FlushAt) continue;
                json.Flush();
                await output.FlushAsync(ct);
            }
        }
        json.WriteEndArray();
    }

    private async IAsyncEnumerable<List<MlflowMetric>> PagesAsync(string runId, string key, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken ct)
    {
        for (MetricRow? after = null; ;)
        {
            var page = await history.PageAsync(runId, key, after, Page, ct);
            if (page.Count > 0) yield return page;
            if (page.Count < Page) yield break;
            after = MetricRow.Of(page[^1]);
        }
    }

    private async Task<List<MlflowFileInfo>> FilesAsync(string runId, CancellationToken ct)
    {
        var (files, directories) = (new List<MlflowFileInfo>(), new Queue<string>([""]));
        try
        {
            while (directories.TryDequeue(out var directory) && files.Count < MaxFiles)
            {
                foreach (var entry in (await artifacts.ListRunAsync(runId, directory, null, ct)).Files ?? [])
                {
                    if (entry.IsDir) directories.Enqueue(entry.Path);
                    else files.Add(entry);
                }
            }
        }
        catch (PilothouseException e) when (e.Code == ErrorCode.Unsupported)
        {
            // The artifacts are elsewhere: artifact_uri says where.
        }
        return files;
    }

    private static string Number(double value) => double.IsFinite(value) ? value.ToString("R", CultureInfo.InvariantCulture) : double.IsNaN(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
}
