using Pilothouse.Data;

namespace Pilothouse.Server.Modules.Tracking.Garbage;

/// <summary>Something that was deleted and can go for good.</summary>
/// <param name="Num">Key in the tables.</param>
/// <param name="Place">Its artifacts' path below the proxy; null when they are elsewhere.</param>
internal sealed record Purgeable(string Kind, long Num, string Id, string Name, long DeletedMs, long Experiment, string? Place);

/// <summary>SQL that removes runs, models and experiments for good.</summary>
internal sealed class PurgeStore(Db db)
{
    /// <summary>Points deleted in one transaction: others write in between.</summary>
    private const int PointsAtOnce = 20_000;

    /// <summary>Tables with a column <c>run</c>, of which a run leaves nothing. <c>PurgeTests</c> finds tables that are missing here.</summary>
    internal static readonly string[] TablesOfRuns =
        ["trk_tag", "trk_param", "trk_latest", "trk_series_index", "trk_log", "trk_heartbeat", "trk_import", "trk_input_tag", "trk_input", "trk_model_input", "trk_model_output", "trk_model_metric", "trk_media_series",
        "trk_event_file", "trk_event_tag", "trk_event_stream"];

    /// <summary>Runs deleted before a time, those whose purge was cut short, and those that an experiment takes along.</summary>
    /// <param name="ids">Only these; null = all.</param>
    public async Task<List<Purgeable>> RunsAsync(long beforeMs, IReadOnlyList<string>? ids, IReadOnlyList<long> experiments, int limit, CancellationToken ct) => await db.ReadAsync(async session =>
    {
        var which = ids is null ? "" : $" AND {session.Dialect.In("id", "@ids")}";
        var sql = $"""
            SELECT num AS Num, id AS Id, name AS Name, COALESCE(deleted_ms, 0) AS DeletedMs, experiment AS Experiment, artifact_uri AS Uri FROM trk_run
            WHERE lifecycle = 'deleted' AND deleted_ms <= @beforeMs{which} OR lifecycle = 'purged' AND num < (SELECT MAX(num) FROM trk_run)
                OR lifecycle <> 'active' AND {session.Dialect.In("experiment", "@experiments")}
            ORDER BY num LIMIT @limit
            """;
        return Read("run", await session.QueryAsync<Row>(sql, new { beforeMs, ids = ids?.ToArray(), experiments = experiments.ToArray(), limit }));
    }, ct);

    /// <summary>As for runs; an experiment takes its models along, deleted or not.</summary>
    public async Task<List<Purgeable>> ModelsAsync(long beforeMs, IReadOnlyList<string>? ids, IReadOnlyList<long> experiments, int limit, CancellationToken ct) => await db.ReadAsync(async session =>
    {
        var which = ids is null ? "" : $" AND {session.Dialect.In("id", "@ids")}";
        var sql = $"""
            SELECT num AS Num, id AS Id, name AS Name, COALESCE(deleted_ms, 0) AS DeletedMs, experiment AS Experiment, artifact_uri AS Uri FROM trk_model
            WHERE lifecycle = 'deleted' AND deleted_ms <= @beforeMs{which} OR lifecycle = 'purged' OR {session.Dialect.In("experiment", "@experiments")} ORDER BY num LIMIT @limit
            """;
        return Read("model", await session.QueryAsync<Row>(sql, new { beforeMs, ids = ids?.ToArray(), experiments = experiments.ToArray(), limit }));
    }, ct);

    /// <summary>
    /// Experiments deleted before a time that have no active run. The first one (0) stays: clients count on it. The time of the last change is that of the
    /// deletion, since a deleted experiment cannot be changed.
    /// </summary>
    public async Task<List<Purgeable>> ExperimentsAsync(long beforeMs, IReadOnlyList<long>? ids, int limit, CancellationToken ct) => await db.ReadAsync(async session =>
    {
        var which = ids is null ? "" : $" AND {session.Dialect.In("e.id", "@ids")}";
        var sql = $"""
            SELECT e.id AS Num, CAST(e.id AS TEXT) AS Id, e.name AS Name, e.updated_ms AS DeletedMs, e.id AS Experiment, e.artifact_location AS Uri FROM trk_experiment e
            WHERE e.id <> 0 AND (e.lifecycle = 'deleted' AND e.updated_ms <= @beforeMs{which} OR e.lifecycle = 'purged')
                AND NOT EXISTS (SELECT 1 FROM trk_run r WHERE r.experiment = e.id AND r.lifecycle = 'active')
            ORDER BY e.id LIMIT @limit
            """;
        return Read("experiment", await session.QueryAsync<Row>(sql, new { beforeMs, ids = ids?.ToArray(), limit }));
    }, ct);

    public Task<(long Files, long Bytes)> SizeAsync(Purgeable item, CancellationToken ct) =>
        item.Place is { } place ? db.ReadAsync(session => ArtifactStore.SizeAsync(session, place), ct) : Task.FromResult((0L, 0L));

    /// <summary>Takes what is still deleted out of everyone's sight; what was restored meanwhile stays. From here on there is no way back.</summary>
    /// <returns>What is to go.</returns>
    public static async Task<List<Purgeable>> TakeAsync(DbSession session, IReadOnlyList<Purgeable> items, long now)
    {
        var taken = new List<Purgeable>();
        foreach (var item in items)
        {
            var (table, key) = item.Kind switch { "run" => ("trk_run", "num"), "model" => ("trk_model", "num"), _ => ("trk_experiment", "id") };
            // Between the plan and now a run may have been restored, which keeps its experiment.
            // A model of a purged experiment goes whether it is deleted or not.
            var states = item.Kind == "model" ? $"(lifecycle <> 'active' OR EXISTS (SELECT 1 FROM trk_experiment e WHERE e.id = {item.Experiment} AND e.lifecycle = 'purged'))" : item.Kind == "experiment" ? "lifecycle <> 'active' AND NOT EXISTS (SELECT 1 FROM trk_run r WHERE r.experiment = trk_experiment.id AND r.lifecycle = 'active')" : "lifecycle <> 'active'";
            if (await session.ExecuteAsync($"UPDATE {table} SET lifecycle = 'purged' WHERE {key} = @Num AND {states}", new { item.Num }) == 0) continue;
            taken.Add(item);
            if (item.Place is { } place) await ArtifactStore.DeleteAsync(session, place, now);
        }
        return taken;
    }

    /// <summary>Removes the data of a run, and the run. Can be repeated when it was cut short.</summary>
    public async Task RemoveRunAsync(long run, long now, CancellationToken ct)
    {
        // By the points themselves, not by the latest values: a purge that was cut short may have removed those.
        while (await db.WriteAsync(session => session.ExecuteAsync("""
            DELETE FROM trk_metric WHERE run = @run AND (key, time_ms) <= (SELECT key, time_ms FROM
                (SELECT key, time_ms FROM trk_metric WHERE run = @run ORDER BY run, key, time_ms, step, value, is_nan LIMIT @limit) p ORDER BY key DESC, time_ms DESC LIMIT 1)
            """, new { run, limit = PointsAtOnce }), ct) > 0)
        {
        }
        await db.WriteAsync(async session =>
        {
            var media = "series IN (SELECT id FROM trk_media_series WHERE run = @run)";
            await GarbageStore.AddAsync(session, await session.QueryAsync<string>($"SELECT DISTINCT blob FROM trk_media WHERE blob IS NOT NULL AND {media}", new { run }), now);
            await GarbageStore.AddAsync(session, await session.QueryAsync<string>($"SELECT DISTINCT blob FROM trk_media_blob WHERE {media}", new { run }), now);
            foreach (var table in (string[])["trk_media", "trk_media_blob"]) await session.ExecuteAsync($"DELETE FROM {table} WHERE {media}", new { run });
            await session.ExecuteAsync("DELETE FROM trk_event_note WHERE file IN (SELECT id FROM trk_event_file WHERE run = @run)", new { run });
            await session.ExecuteAsync("DELETE FROM trk_event_source WHERE run_id = (SELECT id FROM trk_run WHERE num = @run)", new { run });
            foreach (var table in TablesOfRuns) await session.ExecuteAsync($"DELETE FROM {table} WHERE run = @run", new { run });
            // SQLite would give the number of the newest row to the next run: that one row stays, unseen, until there is a newer one.
            await session.ExecuteAsync("DELETE FROM trk_run WHERE num = @run AND num < (SELECT MAX(num) FROM trk_run)", new { run });
        }, ct);
    }

    public Task RemoveModelAsync(long model, CancellationToken ct) => db.WriteAsync(async session =>
    {
        foreach (var table in (string[])["trk_model_tag", "trk_model_param", "trk_model_metric"]) await session.ExecuteAsync($"DELETE FROM {table} WHERE model = @model", new { model });
        await session.ExecuteAsync("DELETE FROM trk_model WHERE num = @model", new { model });
    }, ct);

    public Task RemoveExperimentAsync(long experiment, CancellationToken ct) => db.WriteAsync(async session =>
    {
        foreach (var table in (string[])["trk_dataset", "trk_experiment_tag", "trk_view"]) await session.ExecuteAsync($"DELETE FROM {table} WHERE experiment = @experiment", new { experiment });
        await session.ExecuteAsync("DELETE FROM trk_experiment WHERE id = @experiment", new { experiment });
    }, ct);

    private static List<Purgeable> Read(string kind, List<Row> rows) =>
        rows.ConvertAll(r => new Purgeable(kind, r.Num, r.Id, r.Name, r.DeletedMs, r.Experiment, ArtifactService.PathIn(r.Uri) is { Length: > 0 } path ? path : null));

    private sealed class Row
    {
        public long Num { get; set; }
        public string Id { get; set; } = "";
        public string Name { get; set; } = "";
        public long DeletedMs { get; set; }
        public long Experiment { get; set; }
        public string Uri { get; set; } = "";
    }
}
