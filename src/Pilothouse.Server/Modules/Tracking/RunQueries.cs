using System.Globalization;
using Pilothouse.Protocols.V1;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Modules.Tracking.Capture;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Runs as our own API, the web UI and other modules see them.</summary>
internal sealed class RunQueries(RunStore runs, RunSearch search, ExperimentStore experiments, SeriesService series, ArtifactService artifacts, MetricRanges ranges, CaptureStore beats) : IRuns
{
    private const int MaxExperiments = 1000;
    private const int MaxPage = 1000;

    public async Task<RunDetail> GetAsync(string runId, CancellationToken ct)
    {
        var run = await runs.GetAsync(runId, ct);
        var experiment = await experiments.FindAsync(run.Experiment, ct);
        return new RunDetail(Summary(run), experiment?.Name ?? "", run.ArtifactUri,
            [.. run.Metrics.Select(m => new LatestMetric(m.Key!, m.Value ?? 0, m.Step ?? 0, m.Timestamp ?? 0)).OrderBy(m => m.Key, StringComparer.Ordinal)],
            [.. run.DatasetInputs.Select(i => new RunDataset(i.Dataset?.Name ?? "", i.Dataset?.Digest ?? "", i.Dataset?.SourceType ?? "", i.Dataset?.Source ?? "", i.Tags?.FirstOrDefault(t => t.Key == RunInputStore.ContextTag)?.Value ?? ""))],
            [.. run.ModelInputs.Select(m => new RunModel(m.ModelId ?? "", Made: false, 0)), .. run.ModelOutputs.Select(m => new RunModel(m.ModelId ?? "", Made: true, m.Step ?? 0))],
            run.EndMs is null ? await beats.LastAsync(runId, ct) : null);
    }

    public async Task<Page<RunSummary>> SearchAsync(IReadOnlyList<string> experimentIds, string? filter, IReadOnlyList<string> orderBy, int limit, string? pageToken, CancellationToken ct)
    {
        var ids = experimentIds.Count > 0 ? [.. experimentIds.Select(ExperimentService.ParseId)]
            : (await experiments.SummariesAsync(MaxExperiments, ct)).ConvertAll(e => long.Parse(e.Id, CultureInfo.InvariantCulture));
        var (rows, token) = await search.SearchAsync(ids, filter, orderBy, "ACTIVE_ONLY", Math.Clamp(limit, 1, MaxPage), pageToken, ct);
        return new Page<RunSummary>(rows.ConvertAll(Summary), token);
    }

    public async Task<IReadOnlyList<ExperimentSummary>> ExperimentsAsync(CancellationToken ct) => await experiments.SummariesAsync(MaxExperiments, ct);

    public async Task<MetricSeries> HistoryAsync(string runId, string key, int maxPoints, CancellationToken ct) =>
        (await series.ReadAsync([runId], key, maxPoints, null, null, ct))[0];

    public Task<IReadOnlyList<MetricSeries>> SeriesAsync(IReadOnlyList<string> runIds, string key, int maxPoints, long? fromStep, long? toStep, CancellationToken ct) =>
        series.ReadAsync(runIds, key, maxPoints, fromStep, toStep, ct);

    public async Task<IReadOnlyList<RunArtifact>> ArtifactsAsync(string runId, string path, CancellationToken ct) =>
        [.. ((await artifacts.ListRunAsync(runId, path, null, ct)).Files ?? []).Select(f => new RunArtifact(f.Path, f.IsDir, f.FileSize))];

    public Task<IReadOnlyList<MetricRange>?> RangesAsync(string runId, CancellationToken ct) => ranges.ReadAsync(runId, ct);

    internal static RunSummary Summary(RunStore.RunRow run) => new(run.Id, run.Experiment.ToString(CultureInfo.InvariantCulture), run.Name, run.Status, run.UserId, run.StartMs, run.EndMs, run.Lifecycle,
        run.Metrics.ToDictionary(m => m.Key!, m => m.Value ?? 0), run.Params.ToDictionary(p => p.Key!, p => p.Value!), run.Tags.ToDictionary(t => t.Key!, t => t.Value!));
}
