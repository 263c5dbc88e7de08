using System.Globalization;
using Pilothouse.Client;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Import.Mlflow;

/// <summary>
/// Brings a store over. Every step may be repeated: a run that came whole and has not changed is passed over, all else is sent again and found to be there. So an import that was cut short
/// is taken up by starting it again.
/// </summary>
internal sealed class MlflowImporter(IMlflowSource source, PilothouseClient target, Action<string> progress)
{
    private const int MaxMetrics = 1000;

    /// <summary>Values of a call of log-inputs.</summary>
    private const int MaxInputs = 1000;

    private readonly ImportReport _report = new();
    private readonly Dictionary<string, List<MlflowMetric>> _modelMetrics = [];
    private readonly Dictionary<string, (string Old, string New)> _places = [];

    /// <exception cref="PilothouseApiException">The server is away, or the caller is not an administrator.</exception>
    public async Task<ImportReport> RunAsync(CancellationToken ct)
    {
        await foreach (var experiment in source.ExperimentsAsync(ct))
        {
            var put = await target.ImportExperimentAsync(new ImportExperiment(experiment.Name!, Stage(experiment.LifecycleStage), experiment.CreationTime ?? 0, experiment.LastUpdateTime ?? experiment.CreationTime ?? 0, Map(experiment.Tags)), ct);
            Count("experiments", put.Created);
            await ModelsAsync(experiment.ExperimentId!, put.Id, ct);
            var runs = 0;
            await foreach (var run in source.RunsAsync(experiment.ExperimentId!, ct))
            {
                await RunAsync(run, put.Id, ct);
                if (++runs % 100 == 0) progress($"{experiment.Name}: {runs} runs");
            }
            progress($"{experiment.Name}: {runs} runs, experiment {put.Id} here");
        }
        foreach (var (run, metrics) in _modelMetrics) _report.Skipped("metrics of logged models", $"the run {run} that measured them is not in the store", metrics.Count);
        await foreach (var registered in source.RegisteredAsync(ct)) await RegisteredAsync(registered, ct);
        foreach (var left in await source.OthersAsync(ct)) _report.Skipped(left.Kind, left.Reason, left.Count);
        await target.ImportSummaryAsync(new ImportSummary(source.Description, _report.Lines.ToDictionary(l => l.Kind, l => l.Imported), _report.Lines.ToDictionary(l => l.Kind, l => l.Skipped)), ct);
        return _report;
    }

    private async Task RunAsync(MlflowRun run, string experiment, CancellationToken ct)
    {
        var (info, id) = (run.Info, run.Info.RunId!);
        var (tags, parameters) = (Map(run.Data.Tags), Map(run.Data.Params));
        var (files, elsewhere) = await FilesAsync(info.ArtifactUri, id, null, ct);
        ImportedRun put;
        try
        {
            put = await target.ImportRunAsync(id, new ImportRun(experiment, info.RunName ?? "", info.UserId ?? "", info.Status ?? "FINISHED", info.StartTime ?? 0, info.EndTime, elsewhere, tags, parameters), ct);
        }
        catch (PilothouseApiException e) when (e.Status == 400)
        {
            _report.Skipped("runs", $"{id}: {e.Message}");
            return;
        }
        _places[id] = (Plain(info.ArtifactUri ?? ""), put.ArtifactUri);
        Count("runs", put.Created);
        _modelMetrics.Remove(id, out var measured);
        if (put.Complete)
        {
            _report.Already("artifacts", files.Count);
            _report.Already("metrics of logged models", measured?.Count ?? 0);
            return;
        }
        _report.Imported("tags", put.TagsAdded);
        _report.Already("tags", Math.Max(0, tags.Count - put.TagsAdded));
        _report.Imported("params", put.ParamsAdded);
        _report.Already("params", parameters.Count - put.ParamsAdded - put.Conflicts.Count);
        foreach (var key in put.Conflicts) _report.Skipped("params", $"{id}: '{key}' has another value here, which stays");

        await MetricsAsync(id, "metrics", source.MetricsAsync(run, ct), ct);
        if (measured is not null) await MetricsAsync(id, "metrics of logged models", measured.ToAsyncEnumerable(), ct);
        await LinksAsync(run, ct);
        await UploadAsync(files, put.ArtifactUri, ct);
        await target.ImportEndAsync(id, new ImportEnd(info.Status ?? "FINISHED", info.EndTime, Stage(info.LifecycleStage)), ct);
    }

    private async Task ModelsAsync(string foreign, string experiment, CancellationToken ct)
    {
        await foreach (var (model, lifecycle) in source.ModelsAsync(foreign, ct))
        {
            var info = model.Info;
            var (files, elsewhere) = await FilesAsync(info.ArtifactUri, null, info.ModelId, ct);
            var given = new ImportModel(experiment, info.Name ?? info.ModelId!, info.ModelType ?? "", info.SourceRunId ?? "", info.Status ?? "LOGGED_MODEL_READY", Stage(lifecycle),
                info.CreationTimestampMs ?? 0, info.LastUpdatedTimestampMs ?? info.CreationTimestampMs ?? 0, elsewhere, Map(info.Tags), Map(model.Data.Params));
            var put = await target.ImportModelAsync(info.ModelId!, given with { Status = "LOGGED_MODEL_PENDING" }, ct);
            Count("logged models", put.Created);
            if (put.Complete) _report.Already("artifacts", files.Count);
            else
            {
                await UploadAsync(files, put.ArtifactUri, ct);
                await target.ImportModelAsync(info.ModelId!, given, ct);
            }
            foreach (var metric in model.Data.Metrics ?? [])
            {
                if (!_modelMetrics.TryGetValue(metric.RunId ?? "", out var list)) _modelMetrics[metric.RunId ?? ""] = list = [];
                list.Add(metric with { ModelId = info.ModelId });
            }
        }
    }

    private async Task MetricsAsync(string run, string kind, IAsyncEnumerable<MlflowMetric> metrics, CancellationToken ct)
    {
        var batch = new List<MlflowMetric>(MaxMetrics);
        await foreach (var metric in metrics)
        {
            batch.Add(metric with { RunId = null });
            if (batch.Count < MaxMetrics) continue;
            await SendAsync(run, kind, batch, ct);
            batch.Clear();
        }
        if (batch.Count > 0) await SendAsync(run, kind, batch, ct);
    }

    /// <summary>A batch is all or nothing: halved until the point at fault stands alone.</summary>
    private async Task SendAsync(string run, string kind, List<MlflowMetric> metrics, CancellationToken ct)
    {
        try
        {
            await target.LogBatchAsync(run, metrics, [], [], ct);
            _report.Imported(kind, metrics.Count);
        }
        catch (PilothouseApiException e) when (e.Status == 400)
        {
            if (metrics.Count == 1)
            {
                _report.Skipped(kind, $"{run}: {e.Message}");
                return;
            }
            await SendAsync(run, kind, [.. metrics.Take(metrics.Count / 2)], ct);
            await SendAsync(run, kind, [.. metrics.Skip(metrics.Count / 2)], ct);
        }
    }

    private async Task LinksAsync(MlflowRun run, CancellationToken ct)
    {
        var (datasets, inputs) = (run.Inputs?.DatasetInputs ?? [], run.Inputs?.ModelInputs ?? []);
        foreach (var chunk in datasets.Chunk(MaxInputs)) await TryAsync("dataset inputs", chunk.Length, run, () => target.LogInputsAsync(run.Info.RunId!, chunk, [], ct));
        foreach (var chunk in inputs.Chunk(MaxInputs)) await TryAsync("model inputs", chunk.Length, run, () => target.LogInputsAsync(run.Info.RunId!, [], chunk, ct));
        foreach (var chunk in (run.Outputs?.ModelOutputs ?? []).Chunk(MaxInputs)) await TryAsync("model outputs", chunk.Length, run, () => target.LogOutputsAsync(run.Info.RunId!, chunk, ct));
    }

    private async Task RegisteredAsync(ForeignRegistered registered, CancellationToken ct)
    {
        var (name, prompt) = (registered.Model.Name!, (registered.Model.Tags ?? []).Any(t => t.Key == "mlflow.prompt.is_prompt"));
        try
        {
            Count(prompt ? "prompts" : "registered models", await target.CreateRegisteredModelAsync(name, [.. registered.Model.Tags ?? []], registered.Model.Description, ct));
            foreach (var version in registered.Versions)
                await TryAsync(prompt ? "prompt versions" : "model versions", $"{name}/{version.Version}", async () => await VersionAsync(version, ct));
            foreach (var alias in registered.Model.Aliases ?? [])
                await TryAsync("aliases", $"{name}@{alias.Alias}", async () =>
                {
                    await target.SetRegisteredModelAliasAsync(name, alias.Alias, alias.Version, ct);
                    return true;
                });
        }
        catch (PilothouseApiException e) when (e.Status == 400)
        {
            _report.Skipped(prompt ? "prompts" : "registered models", $"{name}: {e.Message}");
        }
    }

    private async Task<bool> VersionAsync(MlflowModelVersion version, CancellationToken ct)
    {
        var put = await target.ImportVersionAsync(new ImportVersion(version.Name!, int.Parse(version.Version!, CultureInfo.InvariantCulture), Here(version.Source ?? "", version.RunId), version.RunId, version.RunLink, version.Description,
            version.CurrentStage is { Length: > 0 } stage ? stage : "None", version.UserId, version.CreationTimestamp ?? 0, version.LastUpdatedTimestamp ?? version.CreationTimestamp ?? 0, Map(version.Tags)), ct);
        if (!put.HasContent) _report.Skipped("files of model versions", $"{version.Name}/{version.Version}: its source {version.Source} is not among the artifacts brought over; the version is recorded with its source");
        return put.Created;
    }

    /// <summary>Where a version's files were below a run's artifacts, they are below that run's artifacts here.</summary>
    private string Here(string foreign, string? run)
    {
        if (run is null || !_places.TryGetValue(run, out var place) || place.Old.Length == 0) return foreign;
        var plain = Plain(foreign);
        return plain == place.Old || plain.StartsWith(place.Old + "/", StringComparison.Ordinal) ? place.New + plain[place.Old.Length..] : foreign;
    }

    private static string Plain(string uri) => (uri.StartsWith("file://", StringComparison.Ordinal) ? uri["file://".Length..] : uri).TrimEnd('/');

    /// <returns>The files; or where they stay, when they cannot be read from here.</returns>
    private async Task<(List<ForeignFile> Files, string? Elsewhere)> FilesAsync(string? uri, string? run, string? model, CancellationToken ct)
    {
        var files = new List<ForeignFile>();
        if (string.IsNullOrEmpty(uri)) return (files, null);
        try
        {
            await foreach (var file in source.FilesAsync(uri, run, model, ct)) files.Add(file);
            return (files, null);
        }
        catch (UnreachableArtifactsException e)
        {
            _report.Skipped("artifact folders", e.Message);
            return (files, uri);
        }
    }

    private async Task UploadAsync(List<ForeignFile> files, string artifactUri, CancellationToken ct)
    {
        foreach (var file in files)
        {
            await TryAsync("artifacts", file.Path, async () =>
            {
                await using var content = await file.OpenAsync(ct);
                await target.UploadArtifactAsync(artifactUri, file.Path, content, ct);
                return true;
            });
        }
    }

    private Task TryAsync(string kind, int count, MlflowRun run, Func<Task> step) => TryAsync(kind, run.Info.RunId!, async () =>
    {
        await step();
        _report.Imported(kind, count - 1);
        return true;
    });

    /// <param name="step">Says whether it made something new.</param>
    private async Task TryAsync(string kind, string what, Func<Task<bool>> step)
    {
        try
        {
            Count(kind, await step());
        }
        catch (Exception e) when (e is PilothouseApiException { Status: >= 400 and < 500 and not 401 and not 403 and not 408 and not 429 } or PilothouseApiException { Code: "UNSUPPORTED" } or HttpRequestException or IOException or UnauthorizedAccessException)
        {
            _report.Skipped(kind, $"{what}: {e.Message}");
        }
    }

    private void Count(string kind, bool created)
    {
        if (created) _report.Imported(kind);
        else _report.Already(kind);
    }

    private static string Stage(string? stage) => stage == "deleted" ? "deleted" : "active";

    private static Dictionary<string, string> Map(IReadOnlyList<MlflowTag>? tags) => (tags ?? []).GroupBy(t => t.Key!).ToDictionary(g => g.Key, g => g.Last().Value ?? "");
}
