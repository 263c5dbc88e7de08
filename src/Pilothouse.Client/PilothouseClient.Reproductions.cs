using System.Globalization;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

/// <summary>Repeated runs and releases.</summary>
public sealed partial class PilothouseClient
{
    private const int HistoryPage = 25_000;

    public Task<ReproductionDetail> AddReproductionAsync(NewReproduction reproduction, CancellationToken ct) => PostAsync<ReproductionDetail>("api/v1/reproductions", reproduction, ct);

    public Task<ReproductionDetail> GetReproductionAsync(string id, CancellationToken ct) => GetAsync<ReproductionDetail>($"api/v1/reproductions/{Uri.EscapeDataString(id)}", ct);

    /// <summary>Newest first.</summary>
    /// <param name="kind"><c>run</c> or <c>release</c>.</param>
    public Task<IReadOnlyList<Reproduction>> ListReproductionsAsync(string kind, string subject, CancellationToken ct) =>
        GetAsync<IReadOnlyList<Reproduction>>($"api/v1/reproductions?kind={kind}&subject={Uri.EscapeDataString(subject)}", ct);

    /// <summary>Every point of a metric, in order of step; nothing is reduced.</summary>
    public async Task<IReadOnlyList<MlflowMetric>> MetricHistoryAsync(string runId, string key, CancellationToken ct)
    {
        var points = new List<MlflowMetric>();
        string? token = null;
        do
        {
            var page = await SendMlflowAsync<MlflowMetricHistory>(HttpMethod.Get,
                $"metrics/get-history?run_id={Uri.EscapeDataString(runId)}&metric_key={Uri.EscapeDataString(key)}&max_results={HistoryPage.ToString(CultureInfo.InvariantCulture)}{(token is null ? "" : $"&page_token={Uri.EscapeDataString(token)}")}", null, ct);
            points.AddRange(page.Metrics ?? []);
            token = page.NextPageToken;
        }
        while (!string.IsNullOrEmpty(token));
        return [.. points.OrderBy(p => p.Step)];
    }

    public Task<IReadOnlyList<RunArtifact>> ListArtifactsAsync(string runId, string path, CancellationToken ct) =>
        GetAsync<IReadOnlyList<RunArtifact>>($"api/v1/runs/{Uri.EscapeDataString(runId)}/artifacts?path={Uri.EscapeDataString(path)}", ct);

    /// <summary>Content of an artifact; null when the run has none of that path.</summary>
    public async Task<byte[]?> ReadArtifactAsync(string runId, string path, CancellationToken ct)
    {
        try
        {
            using var response = await SendAsync(HttpMethod.Get, ContentOf(runId, path), null, ct);
            return await response.Content.ReadAsByteArrayAsync(ct);
        }
        catch (PilothouseApiException e) when (e.Status == 404)
        {
            return null;
        }
    }

    /// <summary>Digest of an artifact, as the server tells it without sending the content; null when there is none.</summary>
    public async Task<string?> ArtifactDigestAsync(string runId, string path, CancellationToken ct)
    {
        using var response = await SendAsync(HttpMethod.Get, ContentOf(runId, path), null, ct);
        return response.Headers.ETag?.Tag.Trim('"');
    }

    private static string ContentOf(string runId, string path) => $"api/v1/runs/{Uri.EscapeDataString(runId)}/artifacts/content?path={Uri.EscapeDataString(path)}&download=true";
}
