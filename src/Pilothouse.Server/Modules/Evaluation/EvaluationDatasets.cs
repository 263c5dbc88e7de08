using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>Rules of MLflow's evaluation data sets: questions with expected answers, from people, traces or programs.</summary>
internal sealed class EvaluationDatasets(EvaluationDatasetStore store, IExperiments experiments, Ids ids, TimeProvider time)
{
    public const int MaxLimit = 1000;
    private const int MaxName = 1000;
    private const int MaxExperiments = 1000;

    public async Task<MlflowEvaluationDataset> CreateAsync(string name, IReadOnlyList<string> experimentIds, string? tags, CancellationToken ct)
    {
        if (name.Length > MaxName) throw Invalid($"'name' exceeds the maximum length of {MaxName} characters");
        CheckExperiments(experimentIds);
        var given = tags is { Length: > 0 } ? EvaluationRecords.ReadTags(tags) : [];
        var now = time.NowMs();
        var user = EvaluationRecords.UserOf(given);
        var row = new DatasetRow { DatasetId = "d-" + ids.New(), Name = name.Replace('\0', ' '), Digest = Digest(name, now), CreatedBy = user, UpdatedBy = user, CreatedMs = now, UpdatedMs = now };
        foreach (var (key, value) in given) if (value is not null) row.Tags[key] = value;
        await store.CreateAsync(row, given, experimentIds, ct);
        return ToMlflow(row) with { ExperimentIds = experimentIds };
    }

    public async Task<MlflowEvaluationDataset> GetAsync(string id, CancellationToken ct) => ToMlflow(await store.FindAsync(id, ct) ?? throw EvaluationDatasetStore.Missing(id));

    public async Task<MlflowEvaluationDatasets> SearchAsync(IReadOnlyList<string> experimentIds, string? filter, long limit, IReadOnlyList<string> orderBy, string? token, CancellationToken ct)
    {
        if (limit < 1) throw Invalid($"Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer");
        CheckExperiments(experimentIds);
        var (rows, next) = await store.SearchAsync(experimentIds, MlflowFilter.Parse(filter, MlflowGrammar.EvaluationDatasets), MlflowOrder.Parse(orderBy, MlflowGrammar.EvaluationDatasets), (int)Math.Min(limit, MaxLimit), token, ct);
        return new MlflowEvaluationDatasets(rows.ConvertAll(ToMlflow), next);
    }

    public Task DeleteAsync(string id, CancellationToken ct) => store.DeleteAsync(id, ct);

    public async Task SetTagsAsync(string id, string tags, CancellationToken ct)
    {
        if (!await store.SetTagsAsync(id, EvaluationRecords.ReadTags(tags), time.NowMs(), ct)) throw EvaluationDatasetStore.Missing(id);
    }

    public Task DeleteTagAsync(string id, string key, CancellationToken ct) => store.DeleteTagAsync(id, key, ct);

    public async Task<MlflowExperimentIds> ExperimentsAsync(string id, CancellationToken ct) => new(await store.ExperimentsAsync(id, ct));

    public async Task<MlflowEvaluationDataset> AddExperimentsAsync(string id, IReadOnlyList<string> experimentIds, CancellationToken ct)
    {
        CheckExperiments(experimentIds);
        var dataset = await GetAsync(id, ct);
        foreach (var experimentId in experimentIds) await experiments.GetAsync(experimentId, ct);
        await store.AddExperimentsAsync(id, experimentIds, ct);
        return dataset;
    }

    public async Task<MlflowEvaluationDataset> RemoveExperimentsAsync(string id, IReadOnlyList<string> experimentIds, CancellationToken ct)
    {
        CheckExperiments(experimentIds);
        var dataset = await GetAsync(id, ct);
        await store.RemoveExperimentsAsync(id, experimentIds, ct);
        return dataset;
    }

    public async Task<MlflowRecordCounts> UpsertAsync(string id, string records, CancellationToken ct)
    {
        var (inserted, updated) = await store.UpsertAsync(id, EvaluationRecords.Read(records), () => "dr-" + ids.New(), time.NowMs(), ct);
        return new MlflowRecordCounts(inserted, updated);
    }

    public async Task<MlflowDatasetRecords> RecordsAsync(string id, long limit, string? token, CancellationToken ct)
    {
        if (limit < 1) throw Invalid($"Invalid value {limit} for parameter 'max_results' supplied. It must be a positive integer");
        Position? after = null;
        if (token is { Length: > 0 } && !PageToken.TryDecode(token, out after)) throw Invalid("Invalid page token, could not base64-decode");
        var size = (int)Math.Min(limit, MaxLimit);
        var rows = await store.RecordsAsync(id, size + 1, after?.RecordId, ct);
        var more = rows.Count > size;
        if (more) rows.RemoveAt(size);
        return new MlflowDatasetRecords($"[{string.Join(", ", rows.Select(Json))}]", more ? PageToken.Encode(new Position(rows[^1].RecordId)) : null);
    }

    public Task<int> DeleteRecordsAsync(string id, IReadOnlyList<string> recordIds, CancellationToken ct) =>
        recordIds.Count <= EvaluationRecords.MaxRecords ? store.DeleteRecordsAsync(id, recordIds, time.NowMs(), ct) : throw Invalid($"At most {EvaluationRecords.MaxRecords} records can be deleted in one call.");

    /// <summary>Eight hex digits that change with the content.</summary>
    public static string Digest(string name, long updatedMs) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{name}:{updatedMs}"))))[..8];

    private static MlflowEvaluationDataset ToMlflow(DatasetRow row) => new()
    {
        DatasetId = row.DatasetId,
        Name = row.Name,
        Tags = PythonJson.Write(row.Tags.ToDictionary(t => t.Key, t => (object?)t.Value)),
        Schema = row.Schema,
        Profile = row.HasProfile != 0 ? $"{{\"num_records\": {row.Records}}}" : null,
        Digest = row.Digest,
        CreatedTime = row.CreatedMs,
        LastUpdateTime = row.UpdatedMs,
        CreatedBy = row.CreatedBy,
        LastUpdatedBy = row.UpdatedBy,
    };

    private static string Json(RecordRow row)
    {
        var record = new Dictionary<string, object?>
        {
            ["dataset_record_id"] = row.RecordId,
            ["dataset_id"] = row.DatasetId,
            ["inputs"] = Element(row.Inputs),
            ["expectations"] = row.Expectations is null ? null : Element(row.Expectations),
            ["tags"] = Element(row.Tags),
            ["source"] = row.Source is null ? null : Element(row.Source),
            ["source_id"] = row.SourceId,
            ["source_type"] = row.SourceType,
            ["created_time"] = row.CreatedMs,
            ["last_update_time"] = row.UpdatedMs,
            ["created_by"] = row.CreatedBy,
            ["last_updated_by"] = row.UpdatedBy,
            ["outputs"] = Element(row.Outputs ?? "{}"),
        };
        return PythonJson.Write(record.Where(field => field.Value is not null));
    }

    private static JsonElement Element(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.Clone();
    }

    private static void CheckExperiments(IReadOnlyList<string> ids)
    {
        if (ids.Count > MaxExperiments) throw Invalid($"At most {MaxExperiments} experiments can be named in one call.");
        foreach (var id in ids)
            if (!long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out _)) throw Invalid($"Invalid experiment ID '{(id.Length <= 100 ? id : id[..100])}'. Experiment ID must be a valid integer.");
    }

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);

    private sealed record Position(string RecordId);
}
