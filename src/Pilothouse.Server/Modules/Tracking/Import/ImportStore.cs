using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Protocols.V1;

namespace Pilothouse.Server.Modules.Tracking.Import;

/// <summary>SQL of <c>trk_import</c>, and rows of other stores with their own ids and times.</summary>
internal sealed class ImportStore(Db db)
{
    public Task<long> AddExperimentAsync(ImportExperiment experiment, Func<DbSession, long, Task> alongside, CancellationToken ct) => db.WriteAsync(async session =>
    {
        const string insert = "INSERT INTO trk_experiment (name, artifact_location, lifecycle, created_ms, updated_ms) VALUES (@Name, '', @LifecycleStage, @CreatedMs, @UpdatedMs) RETURNING id";
        var id = await session.ScalarAsync<long>(insert, experiment);
        await session.ExecuteAsync("UPDATE trk_experiment SET artifact_location = @location WHERE id = @id", new { id, location = $"mlflow-artifacts:/{id}" });
        await AddTagsAsync(session, id, experiment.Tags);
        await alongside(session, id);
        return id;
    }, ct);

    /// <summary>Tags that are not there yet; those that are keep their value.</summary>
    public Task AddExperimentTagsAsync(long id, IReadOnlyDictionary<string, string> tags, CancellationToken ct) => db.WriteAsync(session => AddTagsAsync(session, id, tags), ct);

    public Task<ImportedRun> PutRunAsync(string id, RunStore.RunRow fresh, ImportRun given, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var held = await RunStore.FindAsync(session, id);
        var run = held ?? await RunStore.CreateAsync(session, fresh, []);
        if (held is not null && await session.ScalarAsync<long>("SELECT COUNT(*) FROM trk_import WHERE run = @Num AND status = @Status AND COALESCE(end_ms, -1) = @end AND status NOT IN ('RUNNING', 'SCHEDULED')",
            new { run.Num, given.Status, end = given.EndMs ?? -1 }) > 0) return new ImportedRun(run.ArtifactUri, false, true, 0, 0, []);
        var tags = await AddMissingAsync(session, "trk_tag", run.Num, given.Tags);
        var parameters = await AddMissingAsync(session, "trk_param", run.Num, given.Params);
        return new ImportedRun(run.ArtifactUri, held is null, false, tags.Added, parameters.Added, parameters.Other);
    }, ct);

    public Task EndRunAsync(string id, ImportEnd end, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var run = await RunStore.FindAsync(session, id) ?? throw RunStore.Missing(id);
        long? deleted = end.LifecycleStage == Lifecycle.Deleted ? now : null;
        await session.ExecuteAsync("UPDATE trk_run SET status = @Status, end_ms = @EndMs, lifecycle = @LifecycleStage, deleted_ms = @deleted WHERE num = @Num", new { end.Status, end.EndMs, end.LifecycleStage, deleted, run.Num });
        await session.ExecuteAsync("""
            INSERT INTO trk_import (run, status, end_ms, done_ms) VALUES (@Num, @Status, @EndMs, @now)
            ON CONFLICT (run) DO UPDATE SET status = excluded.status, end_ms = excluded.end_ms, done_ms = excluded.done_ms
            """, new { run.Num, end.Status, end.EndMs, now });
    }, ct);

    public Task<ImportedModel> PutModelAsync(LoggedModelStore.ModelRow fresh, IReadOnlyList<MlflowPair> parameters, IReadOnlyList<MlflowPair> tags, CancellationToken ct) => db.WriteAsync(async session =>
    {
        const long pending = 1;
        if (await LoggedModelStore.FindAsync(session, fresh.Id, withData: false) is { } held)
        {
            if (held.Status == pending && fresh.Status != pending) await LoggedModelStore.SetStatusAsync(session, held.Num, fresh.Status, fresh.UpdatedMs);
            return new ImportedModel(held.ArtifactUri, false, held.Status != pending);
        }
        await LoggedModelStore.InsertAsync(session, fresh, parameters, tags);
        return new ImportedModel(fresh.ArtifactUri, true, false);
    }, ct);

    /// <param name="table"><c>trk_tag</c> or <c>trk_param</c>.</param>
    private static async Task<(int Added, List<string> Other)> AddMissingAsync(DbSession session, string table, long run, IReadOnlyDictionary<string, string> pairs)
    {
        if (pairs.Count == 0) return (0, []);
        var held = (await session.QueryAsync<PairRow>($"SELECT run AS Owner, key AS Key, value AS Value FROM {table} WHERE run = @run", new { run })).ToDictionary(p => p.Key, p => p.Value, StringComparer.Ordinal);
        var added = pairs.Where(p => !held.ContainsKey(p.Key)).ToList();
        await session.BulkInsertAsync(table, ["run", "key", "value"], added, (row, pair) =>
        {
            row.Integer(run);
            row.Text(pair.Key);
            row.Text(pair.Value);
        }, ignoreDuplicates: true);
        return (added.Count, [.. pairs.Where(p => held.TryGetValue(p.Key, out var value) && value != p.Value).Select(p => p.Key)]);
    }

    private static async Task AddTagsAsync(DbSession session, long id, IReadOnlyDictionary<string, string> tags)
    {
        foreach (var (key, value) in tags)
            await session.ExecuteAsync("INSERT INTO trk_experiment_tag (experiment, key, value) VALUES (@id, @key, @value) ON CONFLICT (experiment, key) DO NOTHING", new { id, key, value });
    }
}
