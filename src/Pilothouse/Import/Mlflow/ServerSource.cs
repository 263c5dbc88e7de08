using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Text;
using Pilothouse.Client;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Import.Mlflow;

/// <summary>A live MLflow server (or another Pilothouse), by MLflow's protocol.</summary>
internal sealed class ServerSource : IMlflowSource
{
    private const int RunsPerPage = 500;
    private const int PointsPerPage = 25_000;
    private const string Api = "api/2.0/mlflow/";
    private static readonly string[] Oldest = ["creation_time ASC"];
    private readonly HttpClient _http;

    /// <param name="address">User and password in it are sent as MLflow's clients send them; else MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD.</param>
    public ServerSource(Uri address)
    {
        _http = new HttpClient { BaseAddress = new UriBuilder(address) { UserName = "", Password = "", Path = address.AbsolutePath.TrimEnd('/') + "/" }.Uri, Timeout = TimeSpan.FromMinutes(10) };
        var user = address.UserInfo.Length > 0 ? Uri.UnescapeDataString(address.UserInfo) : $"{Environment.GetEnvironmentVariable("MLFLOW_TRACKING_USERNAME")}:{Environment.GetEnvironmentVariable("MLFLOW_TRACKING_PASSWORD")}";
        if (Environment.GetEnvironmentVariable("MLFLOW_TRACKING_TOKEN") is { Length: > 0 } token && address.UserInfo.Length == 0) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        else if (user.Length > 1) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(user)));
    }

    public string Description => _http.BaseAddress!.ToString();

    public async IAsyncEnumerable<MlflowExperiment> ExperimentsAsync([EnumeratorCancellation] CancellationToken ct)
    {
        string? token = null;
        do
        {
            var page = await PostAsync<ExperimentPage>("experiments/search", new { max_results = 1000, view_type = "ALL", order_by = Oldest, page_token = token }, ct);
            foreach (var experiment in page.Experiments ?? []) yield return experiment;
            token = page.NextPageToken;
        }
        while (!string.IsNullOrEmpty(token));
    }

    public async IAsyncEnumerable<MlflowRun> RunsAsync(string experimentId, [EnumeratorCancellation] CancellationToken ct)
    {
        string? token = null;
        do
        {
            var page = await PostAsync<MlflowSearchRunsResponse>("runs/search", new { experiment_ids = new[] { experimentId }, run_view_type = "ALL", max_results = RunsPerPage, page_token = token }, ct);
            // A search leaves the models out that a run read.
            foreach (var run in page.Runs ?? []) yield return (await GetAsync<MlflowRunResponse>($"runs/get?run_id={run.Info.RunId}", ct)).Run;
            token = page.NextPageToken;
        }
        while (!string.IsNullOrEmpty(token));
    }

    public async IAsyncEnumerable<MlflowMetric> MetricsAsync(MlflowRun run, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var key in (run.Data.Metrics ?? []).Select(m => m.Key!).Distinct())
        {
            string? token = null;
            do
            {
                var query = $"metrics/get-history?run_id={run.Info.RunId}&metric_key={Uri.EscapeDataString(key)}&max_results={PointsPerPage}" + (token is null ? "" : $"&page_token={Uri.EscapeDataString(token)}");
                var page = await GetAsync<MlflowMetricHistory>(query, ct);
                foreach (var metric in page.Metrics ?? []) yield return metric;
                token = page.NextPageToken;
            }
            while (!string.IsNullOrEmpty(token));
        }
    }

    public async IAsyncEnumerable<ForeignModel> ModelsAsync(string experimentId, [EnumeratorCancellation] CancellationToken ct)
    {
        string? token = null;
        do
        {
            MlflowLoggedModels page;
            try
            {
                page = await PostAsync<MlflowLoggedModels>("logged-models/search", new { experiment_ids = new[] { experimentId }, max_results = 100, page_token = token }, ct);
            }
            catch (PilothouseApiException e) when (e.Status is 404 or 501)
            {
                yield break; // MLflow 2 has none
            }
            foreach (var model in page.Models ?? []) yield return new ForeignModel(model, "active");
            token = page.NextPageToken;
        }
        while (!string.IsNullOrEmpty(token));
    }

    public async IAsyncEnumerable<ForeignRegistered> RegisteredAsync([EnumeratorCancellation] CancellationToken ct)
    {
        // A search hides prompts unless it asks for them.
        foreach (var filter in new[] { "", "tags.`mlflow.prompt.is_prompt` = 'true'" })
        {
            string? token = null;
            do
            {
                var page = await GetAsync<MlflowRegisteredModels>($"registered-models/search?max_results=100&filter={Uri.EscapeDataString(filter)}" + (token is null ? "" : $"&page_token={Uri.EscapeDataString(token)}"), ct);
                foreach (var model in page.RegisteredModels ?? []) yield return new ForeignRegistered(model, await VersionsAsync(model.Name!, filter, ct));
                token = page.NextPageToken;
            }
            while (!string.IsNullOrEmpty(token));
        }
    }

    public async IAsyncEnumerable<ForeignFile> FilesAsync(string artifactUri, string? runId, string? modelId, [EnumeratorCancellation] CancellationToken ct)
    {
        var open = new Stack<string>([""]);
        while (open.TryPop(out var folder))
        {
            string? token = null;
            do
            {
                var escaped = Uri.EscapeDataString(folder);
                var page = await ArtifactsAsync(artifactUri, (modelId is null ? $"artifacts/list?run_id={runId}&path={escaped}" : $"logged-models/{modelId}/artifacts/directories?artifact_directory_path={escaped}")
                    + (token is null ? "" : $"&page_token={Uri.EscapeDataString(token)}"), ct);
                foreach (var file in page.Files ?? [])
                {
                    if (file.IsDir) open.Push(file.Path);
                    else yield return new ForeignFile(file.Path, c => OpenAsync(runId, modelId, file.Path, c));
                }
                token = page.NextPageToken;
            }
            while (!string.IsNullOrEmpty(token));
        }
    }

    /// <summary>Only what the protocol can tell.</summary>
    public Task<IReadOnlyList<LeftBehind>> OthersAsync(CancellationToken ct) => Task.FromResult<IReadOnlyList<LeftBehind>>(
        [new("traces, evaluation data sets, scorers, webhooks", 0, "not asked for: a live server's are not imported yet"), new("deleted logged models, deleted model versions", 0, "a live server does not show them")]);

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return ValueTask.CompletedTask;
    }

    private async Task<IReadOnlyList<MlflowModelVersion>> VersionsAsync(string name, string filter, CancellationToken ct)
    {
        var found = new List<MlflowModelVersion>();
        var asked = $"name = '{name.Replace("'", "''", StringComparison.Ordinal)}'" + (filter.Length > 0 ? " and " + filter : "");
        string? token = null;
        do
        {
            var page = await GetAsync<MlflowModelVersions>($"model-versions/search?max_results=1000&filter={Uri.EscapeDataString(asked)}" + (token is null ? "" : $"&page_token={Uri.EscapeDataString(token)}"), ct);
            found.AddRange(page.ModelVersions ?? []);
            token = page.NextPageToken;
        }
        while (!string.IsNullOrEmpty(token));
        return [.. found.OrderBy(v => int.Parse(v.Version!, System.Globalization.CultureInfo.InvariantCulture))];
    }

    /// <summary>Runs whose artifacts the server cannot read itself are named with their place.</summary>
    private async Task<MlflowArtifacts> ArtifactsAsync(string uri, string path, CancellationToken ct)
    {
        try
        {
            return await GetAsync<MlflowArtifacts>(path, ct);
        }
        catch (PilothouseApiException e) when (e.Status is 400 or 404 or 500 or 501)
        {
            throw new UnreachableArtifactsException($"{uri} cannot be read through {Description}; it stays there, and the run here points to it.");
        }
    }

    private async Task<Stream> OpenAsync(string? runId, string? modelId, string path, CancellationToken ct)
    {
        var response = await _http.GetAsync(modelId is null ? $"get-artifact?run_id={runId}&path={Uri.EscapeDataString(path)}" : $"ajax-api/2.0/mlflow/logged-models/{modelId}/artifacts/files?artifact_file_path={Uri.EscapeDataString(path)}",
            HttpCompletionOption.ResponseHeadersRead, ct);
        response.EnsureSuccessStatusCode();
        return await response.Content.ReadAsStreamAsync(ct);
    }

    private Task<T> GetAsync<T>(string path, CancellationToken ct) => ReadAsync<T>(() => _http.GetAsync(Api + path, ct), ct);

    private Task<T> PostAsync<T>(string path, object body, CancellationToken ct) => ReadAsync<T>(() => _http.PostAsync(Api + path, JsonContent.Create(body, options: MlflowJson.Options), ct), ct);

    private async Task<T> ReadAsync<T>(Func<Task<HttpResponseMessage>> send, CancellationToken ct)
    {
        using var response = await send();
        if (response.IsSuccessStatusCode) return (await response.Content.ReadFromJsonAsync<T>(MlflowJson.Options, ct))!;
        var text = await response.Content.ReadAsStringAsync(ct);
        throw new PilothouseApiException("UPSTREAM", $"{Description} answered {(int)response.StatusCode}: {(text.Length > 300 ? text[..300] : text)}", (int)response.StatusCode);
    }

    private sealed record ExperimentPage(IReadOnlyList<MlflowExperiment>? Experiments, string? NextPageToken);
}
