using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>Rules of runs: what may be logged, and when.</summary>
internal sealed class RunService(Db db, RunStore store, MetricIngest ingest, IEventBus events, ILineage lineage, Ids ids, TimeProvider time)
{
    public const int MaxMetrics = 1000;
    public const int MaxParams = 100;
    public const int MaxTags = 100;
    public const int MaxEntities = 1000;

    public Task<RunStore.RunRow> GetAsync(string id, CancellationToken ct) => store.GetAsync(id, ct);

    public async Task<RunStore.RunRow> CreateAsync(string experimentId, string userId, string? name, long startMs, List<MlflowPair> tags, CancellationToken ct)
    {
        var experiment = ExperimentService.ParseId(experimentId);
        tags = [.. tags];
        var tagged = tags.FindLast(t => t.Key == MlflowNames.RunNameTag)?.Value;
        if (name is { Length: > 0 } && tagged is { Length: > 0 } && name != tagged)
            throw Invalid($"Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='{name}', mlflow.runName='{tagged}').");
        var id = ids.New();
        var runName = tagged is { Length: > 0 } ? tagged : name is { Length: > 0 } ? name : RunNames.For(id);
        if (tagged is null) tags.Add(new MlflowPair(MlflowNames.RunNameTag, runName));

        var run = await db.WriteAsync(async session =>
        {
            var owner = await ExperimentStore.FindAsync(session, experiment) ?? throw ExperimentService.Missing(experimentId);
            ExperimentService.RequireActive(owner);
            var row = new RunStore.RunRow { Id = id, Experiment = experiment, Name = runName, UserId = userId, StartMs = startMs, ArtifactUri = $"{owner.ArtifactLocation}/{id}/artifacts" };
            return await RunStore.CreateAsync(session, row, tags);
        }, ct);
        await events.PublishAsync(new RunChanged(id, run.Status), ct);
        return run;
    }

    /// <summary>Changes what is given; null stays.</summary>
    public async Task<RunStore.RunRow> UpdateAsync(string id, string? status, long? endMs, string? name, CancellationToken ct)
    {
        var run = await db.WriteAsync(async session =>
        {
            var row = await RunStore.RequireActiveAsync(session, id);
            row.Status = status ?? row.Status;
            row.EndMs = endMs ?? row.EndMs;
            if (name is { Length: > 0 })
            {
                row.Name = name;
                await RunStore.SetTagsAsync(session, row.Num, [new MlflowPair(MlflowNames.RunNameTag, name)]);
            }
            await RunStore.UpdateAsync(session, row);
            return row;
        }, ct);
        await events.PublishAsync(new RunChanged(id, run.Status), ct);
        return run;
    }

    /// <exception cref="PilothouseException">FailedPrecondition: a release or deployment stands on a model of the run.</exception>
    public async Task DeleteAsync(string id, CancellationToken ct)
    {
        await lineage.RequireFreeAsync([LineageNode.Run(id)], $"Run {id}", ct);
        await store.MoveAsync(id, Lifecycle.Deleted, time.NowMs(), ct);
    }

    public Task RestoreAsync(string id, CancellationToken ct) => store.MoveAsync(id, Lifecycle.Active, time.NowMs(), ct);

    public Task SetTagAsync(string id, MlflowPair tag, CancellationToken ct)
    {
        Names.CheckKey(tag.Key, "key", "key");
        return db.WriteAsync(async session =>
            await RunStore.SetTagsAsync(session, (await RunStore.RequireActiveAsync(session, id)).Num, [tag with { Value = Names.Cut(tag.Value, Names.MaxTagValue) }]), ct);
    }

    public Task DeleteTagAsync(string id, string key, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (!await RunStore.DeleteTagAsync(session, (await RunStore.RequireActiveAsync(session, id)).Num, key))
            throw new PilothouseException(ErrorCode.NotFound, $"No tag with name: {key} in run with id {id}");
    }, ct);

    public Task LogParamAsync(string id, MlflowPair param, CancellationToken ct)
    {
        Names.CheckKey(param.Key, "key", "Param key");
        return db.WriteAsync(async session =>
        {
            var run = await RunStore.RequireActiveAsync(session, id);
            foreach (var (given, old) in await RunStore.AddParamsAsync(session, run.Num, [param with { Value = Names.Cut(param.Value, Names.MaxParamValue) }]))
                throw Invalid($"Changing param values is not allowed. Param with key='{given.Key}' was already logged with value='{old}' for run ID='{id}'. Attempted logging new value '{given.Value}'.");
        }, ct);
    }

    /// <param name="model">The logged model that was measured; null when none was named.</param>
    public Task LogMetricAsync(string id, string key, MlflowPoint point, MlflowModelPoint? model, CancellationToken ct)
    {
        Names.CheckKey(key, "name", "Metric name");
        CheckTime(key, point);
        return WriteAsync(new MlflowBatch(id, [key], [point], [], []) { ModelPoints = model is null ? [] : [model] }, ct);
    }

    /// <summary>All of the batch or nothing; durable when the task completes.</summary>
    public Task LogBatchAsync(MlflowBatch batch, CancellationToken ct)
    {
        CheckLimits(batch);
        CheckNames(batch);
        return WriteAsync(batch with { Params = CutAll(batch.Params, Names.MaxParamValue), Tags = CutAll(batch.Tags, Names.MaxTagValue) }, ct);
    }

    private async Task WriteAsync(MlflowBatch batch, CancellationToken ct)
    {
        await ingest.WriteAsync(batch, ct);
        if (batch.Metrics.Length > 0) await events.PublishAsync(new MetricsLogged(batch.RunId, batch.Keys), ct);
    }

    private static void CheckLimits(MlflowBatch batch)
    {
        CheckLimit(batch.Metrics.Length, MaxMetrics, "metrics");
        CheckLimit(batch.Params.Count, MaxParams, "params");
        CheckLimit(batch.Tags.Count, MaxTags, "tags");
        CheckLimit(batch.Metrics.Length + batch.Params.Count + batch.Tags.Count, MaxEntities, "metrics, params, and tags");
    }

    private static void CheckLimit(int count, int max, string what)
    {
        if (count > max) throw Invalid($"A batch logging request can contain at most {max} {what}. Got {count} {what}. Please split up {what} across multiple requests and try again.");
    }

    private static void CheckNames(MlflowBatch batch)
    {
        for (var i = 0; i < batch.Keys.Count; i++)
        {
            // The hot path: the name of the field is made only for a key that may be refused.
            if (!Names.IsPlain(batch.Keys[i])) Names.CheckKey(batch.Keys[i], $"metrics[{Array.FindIndex(batch.Metrics, p => p.Key == i)}].name", "Metric name");
        }
        foreach (var point in batch.Metrics) CheckTime(batch.Keys[point.Key], point);
        for (var i = 0; i < batch.Params.Count; i++) Names.CheckKey(batch.Params[i].Key, $"params[{i}].key", "Param key");
        for (var i = 0; i < batch.Tags.Count; i++) Names.CheckKey(batch.Tags[i].Key, $"tags[{i}].key", $"tags[{i}].key");
        if (batch.Params.Count < 2) return;
        var twice = batch.Params.GroupBy(p => p.Key, StringComparer.Ordinal).Where(g => g.Count() > 1).Select(g => $"'{g.Key}'").ToList();
        if (twice.Count > 0) throw Invalid($"Duplicate parameter keys have been submitted: [{string.Join(", ", twice)}]. Please ensure the request contains only one param value per param key.");
    }

    private static void CheckTime(string key, MlflowPoint point)
    {
        if (point.Timestamp < 0)
            throw Invalid($"Invalid value {point.Timestamp} for parameter 'timestamp' supplied: metric '{key}' (value={point.Value}). Timestamp must be a nonnegative long (64-bit integer) ");
    }

    private static IReadOnlyList<MlflowPair> CutAll(IReadOnlyList<MlflowPair> pairs, int max) => pairs.Any(p => p.Value.Length > max) ? [.. pairs.Select(p => p with { Value = Names.Cut(p.Value, max) })] : pairs;

    private static PilothouseException Invalid(string message) => new(ErrorCode.InvalidArgument, message);
}
