using System.Net.Http.Json;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

/// <summary>Experiments and runs: writes go by MLflow's protocol, as from any other client; reads by the native API.</summary>
public sealed partial class PilothouseClient
{
    private const string Mlflow = "api/2.0/mlflow/";
    private const string ProxiedArtifacts = "mlflow-artifacts:/";

    /// <summary>Id of the experiment with this name, which is created when there is none.</summary>
    public async Task<string> EnsureExperimentAsync(string name, CancellationToken ct)
    {
        try
        {
            return (await SendMlflowAsync<MlflowExperimentResponse>(HttpMethod.Get, $"experiments/get-by-name?experiment_name={Uri.EscapeDataString(name)}", null, ct)).Experiment.ExperimentId!;
        }
        catch (PilothouseApiException e) when (e.Status == 404)
        {
            return (await SendMlflowAsync<MlflowExperimentId>(HttpMethod.Post, "experiments/create", new MlflowCreateExperiment(name, null, null), ct)).ExperimentId;
        }
    }

    /// <param name="name">Null = the server makes one up.</param>
    /// <param name="startMs">Epoch milliseconds.</param>
    public async Task<MlflowRunInfo> CreateRunAsync(string experimentId, string? name, string user, long startMs, IReadOnlyList<MlflowTag> tags, CancellationToken ct) =>
        (await SendMlflowAsync<MlflowRunResponse>(HttpMethod.Post, "runs/create",
            new MlflowCreateRun { ExperimentId = experimentId, RunName = name, UserId = user, StartTime = startMs, Tags = tags }, ct)).Run.Info;

    /// <summary>At most 1,000 metrics, 100 params and 100 tags; all or nothing, durable when the task completes.</summary>
    public Task LogBatchAsync(string runId, IReadOnlyList<MlflowMetric> metrics, IReadOnlyList<MlflowTag> parameters, IReadOnlyList<MlflowTag> tags, CancellationToken ct) =>
        SendMlflowAsync<MlflowEmpty>(HttpMethod.Post, "runs/log-batch", new MlflowLogBatch(runId, metrics, parameters, tags), ct);

    /// <param name="status">RUNNING, SCHEDULED, FINISHED, FAILED or KILLED; null = as it is.</param>
    public async Task<MlflowRunInfo> UpdateRunAsync(string runId, string? status, long? endMs, CancellationToken ct) =>
        (await SendMlflowAsync<MlflowRunInfoResponse>(HttpMethod.Post, "runs/update", new MlflowUpdateRun { RunId = runId, Status = status, EndTime = endMs }, ct)).RunInfo;

    /// <summary>Streams a file into a run's artifacts.</summary>
    /// <param name="artifactUri">The run's <c>artifact_uri</c>; must be one that the server holds itself.</param>
    /// <param name="path">Relative, with '/' between its parts.</param>
    public async Task UploadArtifactAsync(string artifactUri, string path, Stream content, CancellationToken ct)
    {
        if (!artifactUri.StartsWith(ProxiedArtifacts, StringComparison.Ordinal))
            throw new PilothouseApiException("UNSUPPORTED", $"The run keeps its artifacts at {artifactUri}, not on the server. Use that store's own client.", 0);
        var escaped = string.Join('/', $"{artifactUri[ProxiedArtifacts.Length..]}/{path}".Split('/', StringSplitOptions.RemoveEmptyEntries).Select(Uri.EscapeDataString));
        using var response = await SendAsync(HttpMethod.Put, $"api/2.0/mlflow-artifacts/artifacts/{escaped}", new StreamContent(content, 1024 * 1024), ct);
    }

    public Task<RunDetail> GetRunAsync(string runId, CancellationToken ct) => GetAsync<RunDetail>($"api/v1/runs/{Uri.EscapeDataString(runId)}", ct);

    /// <param name="filter">MLflow's search grammar; null = all.</param>
    public Task<Page<RunSummary>> SearchRunsAsync(IReadOnlyList<string> experimentIds, string? filter, IReadOnlyList<string> orderBy, int limit, string? pageToken, CancellationToken ct)
    {
        var query = experimentIds.Select(id => ("experiment", id)).Concat(orderBy.Select(o => ("order_by", o))).Append(("limit", limit.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        if (filter is not null) query = query.Append(("filter", filter));
        if (pageToken is not null) query = query.Append(("page_token", pageToken));
        return GetAsync<Page<RunSummary>>("api/v1/runs?" + string.Join('&', query.Select(q => $"{q.Item1}={Uri.EscapeDataString(q.Item2)}")), ct);
    }

    public Task<List<ExperimentSummary>> ExperimentsAsync(CancellationToken ct) => GetAsync<List<ExperimentSummary>>("api/v1/experiments", ct);

    /// <summary>Points of one metric, reduced to about <paramref name="points"/> with minima and maxima kept.</summary>
    public Task<MetricSeries> MetricSeriesAsync(string runId, string key, int points, CancellationToken ct) =>
        GetAsync<MetricSeries>($"api/v1/runs/{Uri.EscapeDataString(runId)}/metrics/{Uri.EscapeDataString(key)}/series?points={points}&format=json", ct);

    private async Task<T> SendMlflowAsync<T>(HttpMethod method, string path, object? body, CancellationToken ct)
    {
        using var response = await SendAsync(method, Mlflow + path, body is null ? null : JsonContent.Create(body, body.GetType(), options: MlflowJson.Options), ct);
        return (await response.Content.ReadFromJsonAsync<T>(MlflowJson.Options, ct))!;
    }
}
