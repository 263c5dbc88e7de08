using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>SQL of <c>trk_experiment</c> and its tags.</summary>
internal sealed class ExperimentStore(Db db)
{
    private const string Summaries = """
        SELECT e.id AS Id, e.name AS Name, e.lifecycle AS Lifecycle, e.created_ms AS CreatedMs, e.updated_ms AS UpdatedMs,
            (SELECT COUNT(*) FROM trk_run r WHERE r.experiment = e.id AND r.lifecycle = 'active') AS Runs
        FROM trk_experiment e
        """;

    public const string Columns = "id AS Id, name AS Name, artifact_location AS ArtifactLocation, lifecycle AS Lifecycle, created_ms AS CreatedMs, updated_ms AS UpdatedMs";

    /// <param name="artifactLocation">Empty = below the server's own artifacts.</param>
    public Task<long> CreateAsync(string name, string artifactLocation, IReadOnlyList<MlflowPair> tags, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ScalarAsync<long?>("SELECT id FROM trk_experiment WHERE name = @name", new { name }) is not null)
            throw new PilothouseException(ErrorCode.AlreadyExists, $"Experiment(name={name}) already exists. Deleted experiments keep their name: restore it, or choose another name.");
        const string insert = """
            INSERT INTO trk_experiment (name, artifact_location, lifecycle, created_ms, updated_ms) VALUES (@name, @artifactLocation, 'active', @now, @now) RETURNING id
            """;
        var id = await session.ScalarAsync<long>(insert, new { name, artifactLocation, now });
        if (artifactLocation.Length == 0)
            await session.ExecuteAsync("UPDATE trk_experiment SET artifact_location = @location WHERE id = @id", new { id, location = $"mlflow-artifacts:/{id}" });
        foreach (var tag in tags) await SetTagAsync(session, id, tag);
        return id;
    }, ct);

    public Task<ExperimentRow?> FindAsync(long id, CancellationToken ct) =>
        db.ReadAsync(session => WithTagsAsync(session, session.FirstOrDefaultAsync<ExperimentRow>($"SELECT {Columns} FROM trk_experiment WHERE id = @id AND lifecycle <> '{Lifecycle.Purged}'", new { id })), ct);

    public Task<ExperimentRow?> FindAsync(string name, CancellationToken ct) =>
        db.ReadAsync(session => WithTagsAsync(session, session.FirstOrDefaultAsync<ExperimentRow>($"SELECT {Columns} FROM trk_experiment WHERE name = @name AND lifecycle <> '{Lifecycle.Purged}'", new { name })), ct);

    public static Task<ExperimentRow?> FindAsync(DbSession session, long id) =>
        session.FirstOrDefaultAsync<ExperimentRow>($"SELECT {Columns} FROM trk_experiment WHERE id = @id AND lifecycle <> '{Lifecycle.Purged}'", new { id });

    public Task<bool> RenameAsync(long id, string name, long now, CancellationToken ct) => db.WriteAsync(async session =>
        await session.ExecuteAsync("UPDATE trk_experiment SET name = @name, updated_ms = @now WHERE id = @id", new { id, name, now }) > 0, ct);

    /// <summary>Moves an experiment and its runs between active and deleted.</summary>
    /// <returns>False when it is not in the stage <paramref name="from"/>.</returns>
    public Task<bool> MoveAsync(long id, string from, string to, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ExecuteAsync("UPDATE trk_experiment SET lifecycle = @to, updated_ms = @now WHERE id = @id AND lifecycle = @from", new { id, from, to, now }) == 0) return false;
        long? deleted = to == Lifecycle.Deleted ? now : null;
        await session.ExecuteAsync("UPDATE trk_run SET lifecycle = @to, deleted_ms = @deleted WHERE experiment = @id AND lifecycle = @from", new { id, from, to, deleted });
        return true;
    }, ct);

    public Task SetTagAsync(long id, MlflowPair tag, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await SetTagAsync(session, id, tag);
        await session.ExecuteAsync("UPDATE trk_experiment SET updated_ms = @now WHERE id = @id", new { id, now });
    }, ct);

    /// <returns>False when there was no such tag.</returns>
    public Task<bool> DeleteTagAsync(long id, string key, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ExecuteAsync("DELETE FROM trk_experiment_tag WHERE experiment = @id AND key = @key", new { id, key }) == 0) return false;
        await session.ExecuteAsync("UPDATE trk_experiment SET updated_ms = @now WHERE id = @id", new { id, now });
        return true;
    }, ct);

    /// <summary>All experiments with the number of their active runs, newest first.</summary>
    public Task<List<Protocols.V1.ExperimentSummary>> SummariesAsync(int limit, CancellationToken ct) => db.ReadAsync(async session =>
        (await session.QueryAsync<SummaryRow>($"{Summaries} WHERE e.lifecycle <> '{Lifecycle.Purged}' ORDER BY e.created_ms DESC, e.id DESC LIMIT @limit", new { limit })).ConvertAll(r => r.ToSummary()), ct);

    /// <summary>One experiment with the number of its active runs.</summary>
    public Task<Protocols.V1.ExperimentSummary?> SummaryAsync(long id, CancellationToken ct) => db.ReadAsync(async session =>
        (await session.FirstOrDefaultAsync<SummaryRow>($"{Summaries} WHERE e.id = @id AND e.lifecycle <> '{Lifecycle.Purged}'", new { id }))?.ToSummary(), ct);

    private static async Task<ExperimentRow?> WithTagsAsync(DbSession session, Task<ExperimentRow?> find)
    {
        var row = await find;
        if (row is not null) await AddTagsAsync(session, [row]);
        return row;
    }

    public static async Task AddTagsAsync(DbSession session, List<ExperimentRow> rows)
    {
        if (rows.Count == 0) return;
        var byId = rows.ToDictionary(r => r.Id);
        var sql = $"SELECT experiment AS Owner, key AS Key, value AS Value FROM trk_experiment_tag WHERE {session.Dialect.In("experiment", "@ids")}";
        foreach (var chunk in byId.Keys.Chunk(RunStore.MaxIdsPerQuery))
            foreach (var tag in await session.QueryAsync<PairRow>(sql, new { ids = chunk })) byId[tag.Owner].Tags.Add(new MlflowTag(tag.Key, tag.Value));
    }

    private static Task<int> SetTagAsync(DbSession session, long id, MlflowPair tag) => session.ExecuteAsync(
        "INSERT INTO trk_experiment_tag (experiment, key, value) VALUES (@id, @Key, @Value) ON CONFLICT (experiment, key) DO UPDATE SET value = excluded.value", new { id, tag.Key, tag.Value });

    private static string Text(long id) => id.ToString(System.Globalization.CultureInfo.InvariantCulture);

    internal sealed class ExperimentRow
    {
        public long Id { get; set; }
        public string Name { get; set; } = "";
        public string ArtifactLocation { get; set; } = "";
        public string Lifecycle { get; set; } = "";
        public long CreatedMs { get; set; }
        public long UpdatedMs { get; set; }
        public List<MlflowTag> Tags { get; } = [];

        public MlflowExperiment ToMlflow() => new()
        {
            ExperimentId = Text(Id),
            Name = Name,
            ArtifactLocation = ArtifactLocation,
            LifecycleStage = Lifecycle,
            LastUpdateTime = UpdatedMs,
            CreationTime = CreatedMs,
            Tags = Tags,
        };
    }

    private sealed class SummaryRow
    {
        public long Id { get; set; }
        public string Name { get; set; } = "";
        public string Lifecycle { get; set; } = "";
        public long CreatedMs { get; set; }
        public long UpdatedMs { get; set; }
        public long Runs { get; set; }

        public Protocols.V1.ExperimentSummary ToSummary() => new(Text(Id), Name, Lifecycle, (int)Runs, CreatedMs, UpdatedMs);
    }
}

/// <summary>A tag or param of a run or experiment.</summary>
internal sealed class PairRow
{
    public long Owner { get; set; }
    public string Key { get; set; } = "";
    public string Value { get; set; } = "";
}
