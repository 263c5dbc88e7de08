using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Rules of logged models.</summary>
internal sealed class LoggedModelService(Db db, LoggedModelStore store, ILineage lineage, Ids ids, TimeProvider time) : ILoggedModels
{
    /// <summary>Params or tags of one call; clients send 100.</summary>
    public const int MaxPairs = 1000;
    public const int MaxName = 500;
    public const int MaxKey = 1000;
    public const int MaxValue = 100_000;
    private const string VersionsTag = "mlflow.modelVersions";

    private static readonly SearchValues<char> NotInNames = SearchValues.Create("/:.%\"'");

    public Task<LoggedModelStore.ModelRow> GetAsync(string id, CancellationToken ct) => store.GetAsync(id, ct);

    public async Task<LoggedModel?> FindAsync(string modelId, CancellationToken ct) =>
        (await db.ReadAsync(session => LoggedModelStore.FindAsync(session, modelId, withData: true), ct)) is { Lifecycle: Lifecycle.Active } model ? model.ToApi() : null;

    public Task<LoggedModelStore.ModelRow> CreateAsync(string experimentId, string name, string modelType, string sourceRun, List<MlflowPair> parameters, List<MlflowPair> tags, CancellationToken ct)
    {
        var experiment = ExperimentService.ParseId(experimentId);
        if (name.AsSpan().ContainsAny(NotInNames))
            throw Invalid($"Invalid model name ('{name}') provided. Model name must be a non-empty string and cannot contain the following characters: ('/', ':', '.', '%', '\"', \"'\")");
        if (name.Length > MaxName) throw Names.TooLong("name", MaxName);
        Check("params", parameters);
        Check("tags", tags);
        var id = ids.New();
        var now = time.NowMs();
        return db.WriteAsync(async session =>
        {
            var owner = await ExperimentStore.FindAsync(session, experiment) ?? throw ExperimentService.Missing(experimentId);
            ExperimentService.RequireActive(owner);
            var model = new LoggedModelStore.ModelRow
            {
                Id = $"m-{id}",
                Experiment = experiment,
                Name = name.Length > 0 ? name : RunNames.For(id),
                ModelType = modelType,
                SourceRun = sourceRun,
                Status = 1,
                ArtifactUri = $"{owner.ArtifactLocation}/models/m-{id}/artifacts",
                CreatedMs = now,
                UpdatedMs = now,
            };
            await LoggedModelStore.InsertAsync(session, model, parameters, tags);
            return model;
        }, ct);
    }

    /// <summary>Sets the status. A deleted model takes it too, as in MLflow: its upload may end after its deletion.</summary>
    public Task<LoggedModelStore.ModelRow> FinalizeAsync(string id, string status, CancellationToken ct)
    {
        var now = time.NowMs();
        return db.WriteAsync(async session =>
        {
            var model = await LoggedModelStore.FindAsync(session, id, withData: true) ?? throw LoggedModelStore.Missing(id);
            (model.Status, model.UpdatedMs) = (Array.IndexOf(MlflowNames.ModelStatus, status) + 1, now);
            await LoggedModelStore.SetStatusAsync(session, model.Num, model.Status, now);
            return model;
        }, ct);
    }

    /// <exception cref="PilothouseException">FailedPrecondition: a release or deployment stands on it.</exception>
    public async Task DeleteAsync(string id, CancellationToken ct)
    {
        await lineage.RequireFreeAsync([new LineageNode(LineageKind.LoggedModel, id)], $"Logged model {id}", ct);
        var now = time.NowMs();
        await db.WriteAsync(async session =>
        {
            var model = await LoggedModelStore.FindAsync(session, id, withData: false) ?? throw LoggedModelStore.Missing(id);
            await LoggedModelStore.DeleteAsync(session, model.Num, now);
        }, ct);
    }

    public Task AddParamsAsync(string id, List<MlflowPair> parameters, CancellationToken ct)
    {
        Check("params", parameters);
        return db.WriteAsync(async session => await LoggedModelStore.AddParamsAsync(session, await LoggedModelStore.RequireActiveAsync(session, id, withData: false), parameters), ct);
    }

    public Task SetTagsAsync(string id, List<MlflowPair> tags, CancellationToken ct)
    {
        Check("tags", tags);
        return db.WriteAsync(async session => await LoggedModelStore.SetTagsAsync(session, (await LoggedModelStore.RequireActiveAsync(session, id, withData: false)).Num, tags), ct);
    }

    public Task DeleteTagAsync(string id, string key, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (!await LoggedModelStore.DeleteTagAsync(session, (await LoggedModelStore.RequireActiveAsync(session, id, withData: false)).Num, key))
            throw new PilothouseException(ErrorCode.NotFound, $"No tag with key '{key}' found for model with ID '{id}'.");
    }, ct);

    public async Task AddVersionAsync(DbSession session, string modelId, string name, long version)
    {
        if (await LoggedModelStore.FindAsync(session, modelId, withData: false) is not { } model) return;
        var list = ParseList(await LoggedModelStore.TagAsync(session, model.Num, VersionsTag));
        list.Add(new JsonObject { ["name"] = name, ["version"] = version });
        await LoggedModelStore.SetTagsAsync(session, model.Num, [new MlflowPair(VersionsTag, list.ToJsonString())]);
    }

    /// <summary>Clients write this tag too, so it may hold anything.</summary>
    private static JsonArray ParseList(string? json)
    {
        try
        {
            return json is null ? [] : JsonNode.Parse(json) as JsonArray ?? [];
        }
        catch (JsonException)
        {
            return [];
        }
    }

    private static void Check(string what, List<MlflowPair> pairs)
    {
        if (pairs.Count > MaxPairs) throw Invalid($"One call can set at most {MaxPairs} {what} of a model; {pairs.Count} were sent. Send them in several calls.");
        for (var i = 0; i < pairs.Count; i++)
        {
            if (pairs[i].Key.Length > MaxKey) throw Names.TooLong($"{what}[{i}].key", MaxKey);
            if (pairs[i].Value.Length > MaxValue) throw Names.TooLong($"{what}[{i}].value", MaxValue);
        }
    }

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
