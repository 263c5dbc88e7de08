using System.Text.Json;
using System.Text.Json.Nodes;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Rules of what a run read and made.</summary>
internal sealed class RunInputService(Db db, RunInputStore store)
{
    /// <summary>Data sets or models of one call.</summary>
    public const int MaxPerCall = 1000;
    public const int MaxExperiments = 20;
    public const int MaxSummaries = 1000;

    /// <summary>Characters of the tag that lists a run's models in the old way.</summary>
    public const int MaxHistory = 1_000_000;

    private const int MaxName = 500;
    private const int MaxDigest = 36;
    private const int MaxSource = 65_535;
    private const int MaxSchema = 1_048_575;
    private const int MaxProfile = 16_777_215;
    private const int MaxTagKey = 255;
    private const int MaxTagValue = 500;
    private const string HistoryTag = "mlflow.log-model.history";

    /// <summary>What the old <c>log-model</c> asks of a model.</summary>
    private static readonly string[] ModelFields = ["artifact_path", "flavors", "run_id", "utc_time_created"];

    public Task LogInputsAsync(string runId, IReadOnlyList<DatasetInput> datasets, IReadOnlyList<string> models, CancellationToken ct)
    {
        if (datasets.Count > MaxPerCall || models.Count > MaxPerCall) throw Invalid($"One call can log at most {MaxPerCall} data sets and {MaxPerCall} models. Send them in several calls.");
        foreach (var dataset in datasets) Check(dataset);
        return db.WriteAsync(async session =>
        {
            var run = await RunStore.RequireActiveAsync(session, runId);
            await RunInputStore.AddDatasetsAsync(session, run, datasets);
            await RunInputStore.AddModelInputsAsync(session, run.Num, models);
        }, ct);
    }

    public Task LogOutputsAsync(string runId, IReadOnlyList<(string Model, long Step)> models, CancellationToken ct)
    {
        if (models.Count > MaxPerCall) throw Invalid($"One call can log at most {MaxPerCall} models. Send them in several calls.");
        return db.WriteAsync(async session => await RunInputStore.AddModelOutputsAsync(session, (await RunStore.RequireActiveAsync(session, runId)).Num, models), ct);
    }

    /// <summary>The old way of logging a model: its description is appended to a tag of the run.</summary>
    public Task LogModelAsync(string runId, string modelJson, CancellationToken ct)
    {
        var model = Parse(modelJson) as JsonObject ?? throw Invalid("Malformed model info: 'model_json' is not a JSON object.");
        var missing = ModelFields.Where(field => !model.ContainsKey(field)).ToList();
        if (missing.Count > 0) throw Invalid($"Model json is missing mandatory fields: {string.Join(", ", missing)}");
        return db.WriteAsync(async session =>
        {
            var run = await RunStore.RequireActiveAsync(session, runId);
            var history = Parse(await RunStore.TagAsync(session, run.Num, HistoryTag) ?? "[]") as JsonArray ?? [];
            history.Add(model.DeepClone());
            var text = history.ToJsonString();
            if (text.Length > MaxHistory) throw Invalid($"The models logged on run {runId} in the old way exceed {MaxHistory} characters. Log them as logged models instead (MLflow 3).");
            await RunStore.SetTagsAsync(session, run.Num, [new MlflowPair(HistoryTag, text)]);
        }, ct);
    }

    public Task<List<MlflowDatasetSummary>> SearchDatasetsAsync(IReadOnlyList<string> experimentIds, CancellationToken ct)
    {
        if (experimentIds.Count == 0) throw Invalid("SearchDatasets request must specify at least one experiment_id.");
        if (experimentIds.Count > MaxExperiments) throw Invalid($"SearchDatasets request cannot specify more than {MaxExperiments} experiment_ids. Received {experimentIds.Count} experiment_ids.");
        return store.SummariesAsync([.. experimentIds.Select(ExperimentService.ParseId).Distinct()], MaxSummaries, ct);
    }

    private static void Check(DatasetInput dataset)
    {
        CheckLength("name", dataset.Name, MaxName);
        CheckLength("digest", dataset.Digest, MaxDigest);
        CheckLength("source_type", dataset.SourceType, MaxName);
        CheckLength("source", dataset.Source, MaxSource);
        CheckLength("schema", dataset.Schema, MaxSchema);
        CheckLength("profile", dataset.Profile, MaxProfile);
        foreach (var tag in dataset.Tags)
        {
            CheckLength("key", tag.Key, MaxTagKey);
            CheckLength("value", tag.Value, MaxTagValue);
        }
    }

    private static void CheckLength(string name, string? value, int max)
    {
        if (value?.Length > max) throw Names.TooLong(name, max);
    }

    private static JsonNode? Parse(string json)
    {
        try
        {
            return JsonNode.Parse(json);
        }
        catch (JsonException e)
        {
            throw Invalid($"Malformed model info, not valid JSON: {e.Message}");
        }
    }

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
