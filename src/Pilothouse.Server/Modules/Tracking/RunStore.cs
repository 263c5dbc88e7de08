using System.Globalization;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>SQL of <c>trk_run</c>, tags and params; metrics are in <see cref="MetricStore"/>.</summary>
internal sealed class RunStore(Db db)
{
    /// <summary>SQLite binds at most 32,766 variables in a statement.</summary>
    public const int MaxIdsPerQuery = 10_000;

    public const string Columns = """
        r.num AS Num, r.id AS Id, r.experiment AS Experiment, r.name AS Name, r.user_id AS UserId, r.status AS Status, r.start_ms AS StartMs, r.end_ms AS EndMs,
        r.artifact_uri AS ArtifactUri, r.lifecycle AS Lifecycle
        """;

    public const int ColumnCount = 10;

    /// <summary>A run from a row that begins with <see cref="Columns"/>.</summary>
    public static RunRow Read(System.Data.Common.DbDataReader row) => new()
    {
        Num = row.GetInt64(0),
        Id = row.GetString(1),
        Experiment = row.GetInt64(2),
        Name = row.GetString(3),
        UserId = row.GetString(4),
        Status = row.GetString(5),
        StartMs = row.GetInt64(6),
        EndMs = row.IsDBNull(7) ? null : row.GetInt64(7),
        ArtifactUri = row.GetString(8),
        Lifecycle = row.GetString(9),
    };

    /// <exception cref="PilothouseException">NotFound, or the run is deleted.</exception>
    public static async Task<RunRow> RequireActiveAsync(DbSession session, string id) => RequireActive(await FindAsync(session, id), id);

    /// <inheritdoc cref="RequireActiveAsync"/>
    public static RunRow RequireActive(RunRow? run, string id) => run switch
    {
        null => throw Missing(id),
        { Lifecycle: Lifecycle.Active } => run,
        _ => throw new PilothouseException(ErrorCode.InvalidArgument, $"The run {id} must be in the 'active' state. Current state is {run.Lifecycle}."),
    };

    /// <summary>The runs of these ids, without tags, params and metrics; those that do not exist are missing.</summary>
    public static async Task<Dictionary<string, RunRow>> FindAllAsync(DbSession session, string[] ids) =>
        (await session.QueryAsync<RunRow>($"SELECT {Columns} FROM trk_run r WHERE {session.Dialect.In("r.id", "@ids")} AND r.lifecycle <> '{Lifecycle.Purged}'", new { ids })).ToDictionary(r => r.Id, StringComparer.Ordinal);

    public static Task<RunRow?> FindAsync(DbSession session, string id) => session.FirstOrDefaultAsync<RunRow>($"SELECT {Columns} FROM trk_run r WHERE r.id = @id AND r.lifecycle <> '{Lifecycle.Purged}'", new { id });

    /// <summary>Experiment of a run; null when there is no such run.</summary>
    public Task<long?> ExperimentOfAsync(string id, CancellationToken ct) => db.ReadAsync(session => session.ScalarAsync<long?>("SELECT experiment FROM trk_run WHERE id = @id", new { id }), ct);

    public static PilothouseException Missing(string id) => new(ErrorCode.NotFound, $"Run with id={id} not found");

    public static async Task<RunRow> CreateAsync(DbSession session, RunRow run, IReadOnlyCollection<MlflowPair> tags)
    {
        const string insert = """
            INSERT INTO trk_run (id, experiment, name, user_id, status, start_ms, end_ms, artifact_uri, lifecycle)
            VALUES (@Id, @Experiment, @Name, @UserId, @Status, @StartMs, @EndMs, @ArtifactUri, @Lifecycle) RETURNING num
            """;
        run.Num = await session.ScalarAsync<long>(insert, run);
        await SetTagsAsync(session, run.Num, tags);
        run.Tags.AddRange(tags.Select(t => t.ToTag()));
        return run;
    }

    public static Task UpdateAsync(DbSession session, RunRow run) =>
        session.ExecuteAsync("UPDATE trk_run SET status = @Status, end_ms = @EndMs, name = @Name WHERE num = @Num", run);

    /// <summary>Moves a run between active and deleted; a run that is there already stays.</summary>
    public Task MoveAsync(string id, string to, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        long? deleted = to == Lifecycle.Deleted ? now : null;
        if (await session.ExecuteAsync("UPDATE trk_run SET lifecycle = @to, deleted_ms = @deleted WHERE id = @id AND lifecycle <> 'purged'", new { id, to, deleted }) == 0) throw Missing(id);
    }, ct);

    /// <summary>Sets tags (the last of equal keys wins); the tag mlflow.runName is the run's name.</summary>
    public static async Task SetTagsAsync(DbSession session, long run, IReadOnlyCollection<MlflowPair> tags)
    {
        if (tags.Count == 0) return;
        var last = tags.Count == 1 ? tags : [.. tags.Reverse().DistinctBy(t => t.Key, StringComparer.Ordinal).OrderBy(t => t.Key, StringComparer.Ordinal)];
        await session.BulkUpsertAsync("trk_tag", ["run", "key", "value"], last, (row, tag) => WritePair(row, run, tag), "ON CONFLICT (run, key) DO UPDATE SET value = excluded.value");
        if (last.FirstOrDefault(t => t.Key == MlflowNames.RunNameTag) is { } name)
            await session.ExecuteAsync("UPDATE trk_run SET name = @name WHERE num = @run", new { run, name = name.Value });
    }

    public static Task<string?> TagAsync(DbSession session, long run, string key) => session.ScalarAsync<string>("SELECT value FROM trk_tag WHERE run = @run AND key = @key", new { run, key });

    public static async Task<bool> DeleteTagAsync(DbSession session, long run, string key) =>
        await session.ExecuteAsync("DELETE FROM trk_tag WHERE run = @run AND key = @key", new { run, key }) > 0;

    /// <summary>Adds params. They are written once: the same value again is fine.</summary>
    /// <returns>Those that have another value already, with the old value.</returns>
    public static async Task<List<(MlflowPair Param, string Old)>> AddParamsAsync(DbSession session, long run, IReadOnlyList<MlflowPair> parameters)
    {
        if (parameters.Count == 0) return [];
        var sql = $"SELECT run AS Owner, key AS Key, value AS Value FROM trk_param WHERE run = @run AND {session.Dialect.In("key", "@keys")}";
        var held = (await session.QueryAsync<PairRow>(sql, new { run, keys = parameters.Select(p => p.Key).ToArray() })).ToDictionary(p => p.Key, p => p.Value, StringComparer.Ordinal);
        var conflicts = parameters.Where(p => held.TryGetValue(p.Key, out var old) && old != p.Value).Select(p => (p, held[p.Key])).ToList();
        if (conflicts.Count > 0) return conflicts;
        var added = parameters.Where(p => !held.ContainsKey(p.Key)).ToList();
        await session.BulkInsertAsync("trk_param", ["run", "key", "value"], added, (row, param) => WritePair(row, run, param), ignoreDuplicates: false);
        return [];
    }

    /// <summary>The run with tags, params and latest metrics.</summary>
    /// <exception cref="PilothouseException">NotFound.</exception>
    public Task<RunRow> GetAsync(string id, CancellationToken ct) => db.ReadAsync(async session =>
    {
        var run = await FindAsync(session, id) ?? throw Missing(id);
        await AddDataAsync(session, [run], modelInputs: true);
        return run;
    }, ct);

    /// <summary>The run without its data.</summary>
    /// <exception cref="PilothouseException">NotFound.</exception>
    public Task<RunRow> HeadAsync(string id, CancellationToken ct) => db.ReadAsync(async session => await FindAsync(session, id) ?? throw Missing(id), ct);

    /// <summary>Fills tags, params, latest metrics, inputs and outputs: a few queries for any number of runs.</summary>
    public static async Task AddDataAsync(DbSession session, IReadOnlyCollection<RunRow> runs, bool modelInputs)
    {
        var byNum = runs.ToDictionary(r => r.Num);
        foreach (var chunk in byNum.Keys.Order().Chunk(MaxIdsPerQuery))
        {
            await session.ScanAsync("SELECT run, key, value FROM trk_tag WHERE run {0}", chunk, row => byNum[row.Integer(0)].Tags.Add(new MlflowTag(row.Text(1), row.Text(2))));
            await session.ScanAsync("SELECT run, key, value FROM trk_param WHERE run {0}", chunk, row => byNum[row.Integer(0)].Params.Add(new MlflowTag(row.Text(1), row.Text(2))));
            const string latest = "SELECT l.run, k.name, l.time_ms, l.step, l.value, l.is_nan FROM trk_latest l JOIN trk_metric_key k ON k.id = l.key WHERE l.run {0}";
            await session.ScanAsync(latest, chunk, row => byNum[row.Integer(0)].Metrics.Add(
                new MlflowMetric { Key = row.Text(1), Timestamp = row.Integer(2), Step = row.Integer(3), Value = row.Integer(5) == 0 ? row.Real(4) : double.NaN }));
            await RunInputStore.AddToAsync(session, byNum, chunk, modelInputs);
        }
    }

    private static void WritePair(IBulkRow row, long run, MlflowPair pair)
    {
        row.Integer(run);
        row.Text(pair.Key);
        row.Text(pair.Value);
    }

    internal sealed class RunRow
    {
        public long Num { get; set; }
        public string Id { get; set; } = "";
        public long Experiment { get; set; }
        public string Name { get; set; } = "";
        public string UserId { get; set; } = "";
        public string Status { get; set; } = MlflowNames.Running;
        public long StartMs { get; set; }
        public long? EndMs { get; set; }
        public string ArtifactUri { get; set; } = "";
        public string Lifecycle { get; set; } = Tracking.Lifecycle.Active;
        public List<MlflowTag> Tags { get; } = [];
        public List<MlflowTag> Params { get; } = [];
        public List<MlflowMetric> Metrics { get; } = [];
        public List<MlflowDatasetInput> DatasetInputs { get; } = [];
        public List<MlflowModelInput> ModelInputs { get; } = [];
        public List<MlflowModelOutput> ModelOutputs { get; } = [];

        public MlflowRunInfo ToInfo() => new()
        {
            RunUuid = Id,
            ExperimentId = Experiment.ToString(CultureInfo.InvariantCulture),
            RunName = Name,
            UserId = UserId,
            Status = Status,
            StartTime = StartMs,
            EndTime = EndMs,
            ArtifactUri = ArtifactUri,
            LifecycleStage = Lifecycle,
            RunId = Id,
        };

        /// <param name="outputs">runs/get and search have the field, create has not.</param>
        public MlflowRun ToMlflow(bool outputs) => new(ToInfo(), new MlflowRunData(Metrics, Params, Tags), new MlflowRunInputs(DatasetInputs, ModelInputs), outputs ? new MlflowRunOutputs(ModelOutputs) : null);
    }
}
