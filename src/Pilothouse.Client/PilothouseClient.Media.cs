using System.Globalization;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Client;

/// <summary>Histograms, texts, images, audio, PR curves and other tensors of runs.</summary>
public sealed partial class PilothouseClient
{
    public Task<List<MediaSeries>> MediaAsync(string runId, CancellationToken ct) => GetAsync<List<MediaSeries>>($"api/v1/runs/{Uri.EscapeDataString(runId)}/media", ct);

    /// <param name="kind"><c>histogram</c>, <c>text</c>, <c>image</c>, <c>pr_curve</c>, <c>audio</c> or <c>tensor</c>.</param>
    /// <param name="limit">Points of a page, 1..200.</param>
    public Task<Page<MediaPoint>> MediaPointsAsync(string runId, string kind, string key, int limit, string? pageToken, CancellationToken ct) =>
        GetAsync<Page<MediaPoint>>($"api/v1/runs/{Uri.EscapeDataString(runId)}/media/points?kind={Uri.EscapeDataString(kind)}&key={Uri.EscapeDataString(key)}&limit={limit.ToString(CultureInfo.InvariantCulture)}"
            + (pageToken is null ? "" : $"&page_token={Uri.EscapeDataString(pageToken)}"), ct);
}
