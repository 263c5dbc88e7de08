using System.Globalization;
using System.Runtime.CompilerServices;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Import.Mlflow;

/// <summary>
/// An <c>mlruns</c> folder: <c>EXPERIMENT/meta.yaml</c>, <c>EXPERIMENT/RUN/{meta.yaml,metrics/KEY,params/KEY,tags/KEY,inputs,outputs}</c>, <c>EXPERIMENT/models/m-...</c>, <c>models/NAME/version-N</c>;
/// deleted experiments in <c>.trash</c>. Keys with slashes are folders.
/// </summary>
internal sealed class FolderSource : IMlflowSource
{
    /// <summary>A file with one value, or one description.</summary>
    private const long MaxSmallFile = 4 * 1024 * 1024;

    private static readonly string[] RunStatus = ["", "RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];
    private static readonly string[] ModelStatus = ["LOGGED_MODEL_PENDING", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"];
    private readonly string _root;
    private readonly LocalArtifacts _artifacts;
    private readonly List<LeftBehind> _damaged = [];

    /// <exception cref="DirectoryNotFoundException">No such folder.</exception>
    public FolderSource(string root, string? proxied)
    {
        _root = Path.GetFullPath(root);
        if (!Directory.Exists(_root)) throw new DirectoryNotFoundException($"There is no folder {_root}.");
        _artifacts = new LocalArtifacts(_root, proxied);
    }

    public string Description => _root;

    public async IAsyncEnumerable<MlflowExperiment> ExperimentsAsync([EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var folder in Folders(_root).Concat(Folders(Path.Combine(_root, ".trash"))).Where(f => Path.GetFileName(f) is not ("models" or ".trash")))
        {
            if (await MetaAsync(folder, ct) is not { } meta || !meta.ContainsKey("experiment_id")) continue;
            yield return new MlflowExperiment
            {
                ExperimentId = meta["experiment_id"],
                Name = meta.GetValueOrDefault("name", Path.GetFileName(folder)),
                ArtifactLocation = meta.GetValueOrDefault("artifact_location"),
                LifecycleStage = Path.GetFileName(Path.GetDirectoryName(folder)) == ".trash" ? "deleted" : meta.GetValueOrDefault("lifecycle_stage", "active"),
                CreationTime = Number(meta, "creation_time"),
                LastUpdateTime = Number(meta, "last_update_time"),
                Tags = await ValuesAsync(Path.Combine(folder, "tags"), ct),
            };
        }
    }

    public async IAsyncEnumerable<MlflowRun> RunsAsync(string experimentId, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var folder in Folders(FolderOf(experimentId)))
        {
            if (await MetaAsync(folder, ct) is not { } meta || (meta.GetValueOrDefault("run_id") ?? meta.GetValueOrDefault("run_uuid")) is not { } id) continue;
            var status = meta.GetValueOrDefault("status", "RUNNING");
            var info = new MlflowRunInfo
            {
                RunId = id,
                ExperimentId = experimentId,
                RunName = meta.GetValueOrDefault("run_name") ?? meta.GetValueOrDefault("name"),
                UserId = meta.GetValueOrDefault("user_id"),
                Status = int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and < 6 ? RunStatus[number] : status,
                StartTime = Number(meta, "start_time"),
                EndTime = Number(meta, "end_time"),
                ArtifactUri = meta.GetValueOrDefault("artifact_uri"),
                LifecycleStage = meta.GetValueOrDefault("lifecycle_stage", "active"),
            };
            yield return new MlflowRun(info, new MlflowRunData(null, await ValuesAsync(Path.Combine(folder, "params"), ct), await ValuesAsync(Path.Combine(folder, "tags"), ct)), await InputsAsync(experimentId, folder, ct), await OutputsAsync(folder, ct));
        }
    }

    /// <summary>Lines <c>1700000000000 0.25 3</c>: time, value, step (which the oldest lack).</summary>
    public async IAsyncEnumerable<MlflowMetric> MetricsAsync(MlflowRun run, [EnumeratorCancellation] CancellationToken ct)
    {
        var folder = Path.Combine(FolderOf(run.Info.ExperimentId!), run.Info.RunId!, "metrics");
        foreach (var (key, file) in Files(folder))
            await foreach (var line in File.ReadLinesAsync(file, ct))
                if (Point(line, key, file) is { } metric) yield return metric;
    }

    public async IAsyncEnumerable<ForeignModel> ModelsAsync(string experimentId, [EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var folder in Folders(Path.Combine(FolderOf(experimentId), "models")))
        {
            if (await MetaAsync(folder, ct) is not { } meta || !meta.TryGetValue("model_id", out var id)) continue;
            var status = meta.GetValueOrDefault("status", "2");
            var metrics = new List<MlflowMetric>();
            foreach (var (key, file) in Files(Path.Combine(folder, "metrics")))
            {
                // time value step run [data set and digest]
                await foreach (var line in File.ReadLinesAsync(file, ct))
                    if (Point(line, key, file) is { } point && line.Split(' ') is { Length: >= 4 } parts)
                        metrics.Add(point with { ModelId = id, RunId = parts[3], DatasetName = parts.Length > 5 ? string.Join(' ', parts[4..^1]) : null, DatasetDigest = parts.Length > 5 ? parts[^1] : null });
            }
            yield return new ForeignModel(new MlflowLoggedModel(new MlflowLoggedModelInfo
            {
                ModelId = id,
                ExperimentId = experimentId,
                Name = meta.GetValueOrDefault("name", id),
                ArtifactUri = meta.GetValueOrDefault("artifact_location") ?? meta.GetValueOrDefault("artifact_uri"),
                CreationTimestampMs = Number(meta, "creation_timestamp"),
                LastUpdatedTimestampMs = Number(meta, "last_updated_timestamp"),
                Status = int.TryParse(status, NumberStyles.None, CultureInfo.InvariantCulture, out var n) ? ModelStatus[Math.Clamp(n, 0, 3)] : status.StartsWith("LOGGED_MODEL_", StringComparison.Ordinal) ? status : "LOGGED_MODEL_" + status,
                ModelType = meta.GetValueOrDefault("model_type"),
                SourceRunId = meta.GetValueOrDefault("source_run_id"),
                Tags = await ValuesAsync(Path.Combine(folder, "tags"), ct),
            }, new MlflowLoggedModelData(await ValuesAsync(Path.Combine(folder, "params"), ct), metrics)), meta.GetValueOrDefault("lifecycle_stage", "active"));
        }
    }

    public async IAsyncEnumerable<ForeignRegistered> RegisteredAsync([EnumeratorCancellation] CancellationToken ct)
    {
        foreach (var folder in Folders(Path.Combine(_root, "models")))
        {
            if (await MetaAsync(folder, ct) is not { } meta || !meta.TryGetValue("name", out var name)) continue;
            var versions = new List<MlflowModelVersion>();
            foreach (var file in Folders(folder).Where(f => Path.GetFileName(f).StartsWith("version-", StringComparison.Ordinal)))
            {
                if (await MetaAsync(file, ct) is not { } version) continue;
                if (version.GetValueOrDefault("current_stage") == "Deleted_Internal") continue;
                versions.Add(new MlflowModelVersion
                {
                    Name = name,
                    Version = version.GetValueOrDefault("version", Path.GetFileName(file)["version-".Length..]),
                    CreationTimestamp = Number(version, "creation_timestamp"),
                    LastUpdatedTimestamp = Number(version, "last_updated_timestamp"),
                    Description = version.GetValueOrDefault("description"),
                    UserId = version.GetValueOrDefault("user_id"),
                    CurrentStage = version.GetValueOrDefault("current_stage", "None"),
                    Source = version.GetValueOrDefault("source"),
                    RunId = version.GetValueOrDefault("run_id"),
                    RunLink = version.GetValueOrDefault("run_link"),
                    Tags = await ValuesAsync(Path.Combine(file, "tags"), ct),
                });
            }
            yield return new ForeignRegistered(new MlflowRegisteredModel
            {
                Name = name,
                CreationTimestamp = Number(meta, "creation_timestamp"),
                LastUpdatedTimestamp = Number(meta, "last_updated_timestamp"),
                Description = meta.GetValueOrDefault("description"),
                Tags = await ValuesAsync(Path.Combine(folder, "tags"), ct),
                Aliases = [.. (await ValuesAsync(Path.Combine(folder, "aliases"), ct)).Select(a => new MlflowModelAlias(a.Key!, a.Value!.Trim()))],
            }, [.. versions.OrderBy(v => int.TryParse(v.Version, CultureInfo.InvariantCulture, out var n) ? n : 0)]);
        }
    }

    public async IAsyncEnumerable<ForeignFile> FilesAsync(string artifactUri, string? runId, string? modelId, [EnumeratorCancellation] CancellationToken ct)
    {
        await Task.CompletedTask;
        foreach (var file in _artifacts.Files(artifactUri)) yield return file;
    }

    public Task<IReadOnlyList<LeftBehind>> OthersAsync(CancellationToken ct)
    {
        var traces = Folders(_root).Sum(e => (long)Folders(Path.Combine(e, "traces")).Count());
        return Task.FromResult<IReadOnlyList<LeftBehind>>(traces == 0 ? _damaged : [.. _damaged, new LeftBehind("traces", traces, "traces are not imported yet")]);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async Task<MlflowRunInputs> InputsAsync(string experimentId, string run, CancellationToken ct)
    {
        var (datasets, models) = (new List<MlflowDatasetInput>(), new List<MlflowModelInput>());
        foreach (var folder in Folders(Path.Combine(run, "inputs")))
        {
            if (await MetaAsync(folder, ct) is not { } input || !input.TryGetValue("source_id", out var source)) continue;
            if (input.GetValueOrDefault("source_type") != "DATASET")
            {
                models.Add(new MlflowModelInput(input.GetValueOrDefault("destination_id", source)));
                continue;
            }
            if (await MetaAsync(Path.Combine(FolderOf(experimentId), "datasets", source), ct) is not { } dataset) continue;
            datasets.Add(new MlflowDatasetInput([.. input.Where(p => p.Key.StartsWith("tags.", StringComparison.Ordinal)).Select(p => new MlflowTag(p.Key[5..], p.Value))], new MlflowDataset
            {
                Name = dataset.GetValueOrDefault("name"),
                Digest = dataset.GetValueOrDefault("digest"),
                SourceType = dataset.GetValueOrDefault("source_type"),
                Source = dataset.GetValueOrDefault("source"),
                Schema = dataset.GetValueOrDefault("schema"),
                Profile = dataset.GetValueOrDefault("profile"),
            }));
        }
        return new MlflowRunInputs(datasets, models);
    }

    private async Task<MlflowRunOutputs> OutputsAsync(string run, CancellationToken ct)
    {
        var models = new List<MlflowModelOutput>();
        foreach (var folder in Folders(Path.Combine(run, "outputs")))
            if (await MetaAsync(folder, ct) is { } output) models.Add(new MlflowModelOutput(output.GetValueOrDefault("destination_id", Path.GetFileName(folder)), Number(output, "step") ?? 0));
        return new MlflowRunOutputs(models);
    }

    private string FolderOf(string experimentId) => Path.Combine(_root, experimentId) is var active && Directory.Exists(active) ? active : Path.Combine(_root, ".trash", experimentId);

    private async Task<IReadOnlyDictionary<string, string>?> MetaAsync(string folder, CancellationToken ct)
    {
        var file = Path.Combine(folder, "meta.yaml");
        if (!File.Exists(file)) return null;
        try
        {
            return MlflowMetaFile.Read(await SmallAsync(file, ct));
        }
        catch (Exception e) when (e is Protocols.ProtocolFormatException or IOException)
        {
            _damaged.Add(new LeftBehind("damaged descriptions", 1, $"{file}: {e.Message}"));
            return null;
        }
    }

    private static async Task<List<MlflowTag>> ValuesAsync(string folder, CancellationToken ct)
    {
        var values = new List<MlflowTag>();
        foreach (var (key, file) in Files(folder)) values.Add(new MlflowTag(key, await SmallAsync(file, ct)));
        return values;
    }

    private static async Task<string> SmallAsync(string file, CancellationToken ct) => new FileInfo(file).Length <= MaxSmallFile ? await File.ReadAllTextAsync(file, ct)
        : throw new IOException($"{file} is larger than {MaxSmallFile} bytes.");

    private MlflowMetric? Point(string line, string key, string file)
    {
        var parts = line.Split(' ');
        if (parts.Length >= 2 && long.TryParse(parts[0], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var time) && Value(parts[1]) is { } value
            && (parts.Length == 2 || long.TryParse(parts[2], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)))
            return new MlflowMetric { Key = key, Value = value, Timestamp = time, Step = parts.Length > 2 ? long.Parse(parts[2], CultureInfo.InvariantCulture) : 0 };
        if (line.Length > 0) _damaged.Add(new LeftBehind("damaged points", 1, $"{file}: '{(line.Length > 60 ? line[..60] : line)}'"));
        return null;
    }

    /// <summary>As Python writes them: <c>0.25</c>, <c>1e-05</c>, <c>nan</c>, <c>inf</c>, <c>-inf</c>.</summary>
    private static double? Value(string text) => text.ToLowerInvariant() switch
    {
        "nan" => double.NaN,
        "inf" or "infinity" => double.MaxValue,
        "-inf" or "-infinity" => double.MinValue,
        _ => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : null,
    };

    private static long? Number(IReadOnlyDictionary<string, string> meta, string key) =>
        meta.TryGetValue(key, out var text) && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? (long)number : null;

    private static IEnumerable<string> Folders(string folder) => Directory.Exists(folder) ? Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal) : [];

    private static IEnumerable<(string Key, string File)> Files(string folder) => !Directory.Exists(folder) ? []
        : Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(file => (Path.GetRelativePath(folder, file).Replace('\\', '/'), file));
}
