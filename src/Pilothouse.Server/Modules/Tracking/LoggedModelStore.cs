using System.Globalization;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Modules.Tracking.Api;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Tracking;

/// <summary>SQL of <c>trk_model</c>, its params, tags and metrics.</summary>
internal sealed class LoggedModelStore(Db db)
{
    /// <summary>Of each metric and data set the newest points are shown; all of them are in the history of their runs.</summary>
    public const int MaxPointsPerMetric = 100;

    public const string Columns = """
        m.num AS Num, m.id AS Id, m.experiment AS Experiment, m.name AS Name, m.model_type AS ModelType, m.source_run AS SourceRun, m.status AS Status,
        m.artifact_uri AS ArtifactUri, m.lifecycle AS Lifecycle, m.created_ms AS CreatedMs, m.updated_ms AS UpdatedMs
        """;

    public static async Task InsertAsync(DbSession session, ModelRow model, IReadOnlyList<MlflowPair> parameters, IReadOnlyList<MlflowPair> tags)
    {
        const string insert = """
            INSERT INTO trk_model (id, experiment, name, model_type, source_run, status, artifact_uri, lifecycle, created_ms, updated_ms)
            VALUES (@Id, @Experiment, @Name, @ModelType, @SourceRun, @Status, @ArtifactUri, @Lifecycle, @CreatedMs, @UpdatedMs) RETURNING num
            """;
        model.Num = await session.ScalarAsync<long>(insert, model);
        await AddParamsAsync(session, model, parameters);
        await SetTagsAsync(session, model.Num, tags);
        await AddDataAsync(session, [model]);
    }

    /// <summary>The model with its data, whatever its stage.</summary>
    public static async Task<ModelRow?> FindAsync(DbSession session, string id, bool withData)
    {
        var model = await session.FirstOrDefaultAsync<ModelRow>($"SELECT {Columns} FROM trk_model m WHERE m.id = @id AND m.lifecycle <> 'purged'", new { id });
        if (model is not null && withData) await AddDataAsync(session, [model]);
        return model;
    }

    /// <exception cref="PilothouseException">NotFound: no such model, or it is deleted.</exception>
    public static async Task<ModelRow> RequireActiveAsync(DbSession session, string id, bool withData) =>
        await FindAsync(session, id, withData) is { Lifecycle: Lifecycle.Active } model ? model : throw Missing(id);

    public Task<ModelRow> GetAsync(string id, CancellationToken ct) => db.ReadAsync(session => RequireActiveAsync(session, id, withData: true), ct);

    public static Task SetStatusAsync(DbSession session, long num, long status, long now) =>
        session.ExecuteAsync("UPDATE trk_model SET status = @status, updated_ms = @now WHERE num = @num", new { num, status, now });

    /// <summary>What is deleted already stays as it is.</summary>
    public static Task DeleteAsync(DbSession session, long num, long now) => session.ExecuteAsync(
        "UPDATE trk_model SET lifecycle = 'deleted', updated_ms = @now, deleted_ms = @now WHERE num = @num AND lifecycle = 'active'", new { num, now });

    /// <summary>Params are written once: the same value again is fine.</summary>
    /// <exception cref="PilothouseException">InvalidArgument: another value is there.</exception>
    public static async Task AddParamsAsync(DbSession session, ModelRow model, IReadOnlyList<MlflowPair> parameters)
    {
        if (parameters.Count == 0) return;
        var sql = $"SELECT model AS Owner, key AS Key, value AS Value FROM trk_model_param WHERE model = @num AND {session.Dialect.In("key", "@keys")}";
        var held = (await session.QueryAsync<PairRow>(sql, new { num = model.Num, keys = parameters.Select(p => p.Key).Distinct().ToArray() })).ToDictionary(p => p.Key, p => p.Value, StringComparer.Ordinal);
        var added = new List<MlflowPair>();
        foreach (var param in parameters)
        {
            if (held.TryAdd(param.Key, param.Value)) added.Add(param);
            else if (held[param.Key] != param.Value)
                throw new PilothouseException(ErrorCode.InvalidArgument, $"Changing param values is not allowed. Param with key='{param.Key}' was already logged with value='{held[param.Key]}' for model ID='{model.Id}'. Attempted logging new value '{param.Value}'.");
        }
        await session.BulkInsertAsync("trk_model_param", ["model", "key", "value"], added, (row, param) => WritePair(row, model.Num, param), ignoreDuplicates: false);
    }

    public static Task SetTagsAsync(DbSession session, long model, IReadOnlyList<MlflowPair> tags)
    {
        var last = tags.Reverse().DistinctBy(t => t.Key, StringComparer.Ordinal).OrderBy(t => t.Key, StringComparer.Ordinal).ToList();
        return session.BulkUpsertAsync("trk_model_tag", ["model", "key", "value"], last, (row, tag) => WritePair(row, model, tag), "ON CONFLICT (model, key) DO UPDATE SET value = excluded.value");
    }

    public static async Task<bool> DeleteTagAsync(DbSession session, long model, string key) =>
        await session.ExecuteAsync("DELETE FROM trk_model_tag WHERE model = @model AND key = @key", new { model, key }) > 0;

    public static Task<string?> TagAsync(DbSession session, long model, string key) =>
        session.ScalarAsync<string>("SELECT value FROM trk_model_tag WHERE model = @model AND key = @key", new { model, key });

    /// <summary>Notes the points of a run that name a model; for use in the run's own write. A model that is not there (any more) is no fault: the run keeps its point.</summary>
    public static async Task AddMetricsAsync(DbSession session, long run, IReadOnlyList<MlflowModelPoint> points)
    {
        if (points.Count == 0) return;
        var ids = points.Select(p => p.ModelId).Distinct(StringComparer.Ordinal).ToArray();
        var sql = $"SELECT m.num AS Num, m.id AS Id FROM trk_model m WHERE {session.Dialect.In("m.id", "@ids")}";
        var models = (await session.QueryAsync<ModelRow>(sql, new { ids })).ToDictionary(m => m.Id, m => m.Num, StringComparer.Ordinal);
        var known = points.Where(p => models.ContainsKey(p.ModelId)).ToList();
        await session.BulkInsertAsync("trk_model_metric", ["model", "name", "dataset_name", "dataset_digest", "time_ms", "step", "value", "is_nan", "run"], known, (row, point) =>
        {
            row.Integer(models[point.ModelId]);
            row.Text(point.Key);
            row.Text(point.DatasetName);
            row.Text(point.DatasetDigest);
            row.Integer(point.Timestamp);
            row.Integer(point.Step);
            row.Real(double.IsNaN(point.Value) ? 0 : point.Value);
            row.Integer(double.IsNaN(point.Value) ? 1 : 0);
            row.Integer(run);
        }, ignoreDuplicates: true);
    }

    /// <summary>Fills params, tags and metrics.</summary>
    public static async Task AddDataAsync(DbSession session, IReadOnlyCollection<ModelRow> models)
    {
        var byNum = models.ToDictionary(m => m.Num);
        var args = new { ids = byNum.Keys.ToArray() };
        var mine = session.Dialect.In("model", "@ids");
        foreach (var tag in await session.QueryAsync<PairRow>($"SELECT model AS Owner, key AS Key, value AS Value FROM trk_model_tag WHERE {mine} ORDER BY key", args))
            byNum[tag.Owner].Tags.Add(new MlflowTag(tag.Key, tag.Value));
        foreach (var param in await session.QueryAsync<PairRow>($"SELECT model AS Owner, key AS Key, value AS Value FROM trk_model_param WHERE {mine} ORDER BY key", args))
            byNum[param.Owner].Params.Add(new MlflowTag(param.Key, param.Value));
        var metrics = $"""
            SELECT p.model AS Model, p.name AS Name, p.dataset_name AS DatasetName, p.dataset_digest AS DatasetDigest, p.time_ms AS TimeMs, p.step AS Step, p.value AS Value, p.is_nan AS IsNan, r.id AS Run
            FROM (SELECT x.*, ROW_NUMBER() OVER (PARTITION BY model, name, dataset_name, dataset_digest ORDER BY time_ms DESC, step DESC) AS place FROM trk_model_metric x WHERE {mine}) p
            JOIN trk_run r ON r.num = p.run WHERE p.place <= {MaxPointsPerMetric} ORDER BY p.model, p.time_ms, p.step, p.name
            """;
        foreach (var metric in await session.QueryAsync<ModelMetricRow>(metrics, args)) byNum[metric.Model].Metrics.Add(metric.ToMlflow(byNum[metric.Model].Id));
    }

    public static PilothouseException Missing(string id) => new(ErrorCode.NotFound, $"Logged model with ID '{id}' not found.");

    private static void WritePair(IBulkRow row, long model, MlflowPair pair)
    {
        row.Integer(model);
        row.Text(pair.Key);
        row.Text(pair.Value);
    }

    internal sealed class ModelRow
    {
        public long Num { get; set; }
        public string Id { get; set; } = "";
        public long Experiment { get; set; }
        public string Name { get; set; } = "";
        public string ModelType { get; set; } = "";
        public string SourceRun { get; set; } = "";
        /// <summary>Place in <see cref="MlflowNames.ModelStatus"/>, from 1.</summary>
        public long Status { get; set; }
        public string ArtifactUri { get; set; } = "";
        public string Lifecycle { get; set; } = Tracking.Lifecycle.Active;
        public long CreatedMs { get; set; }
        public long UpdatedMs { get; set; }
        public List<MlflowTag> Tags { get; } = [];
        public List<MlflowTag> Params { get; } = [];
        public List<MlflowMetric> Metrics { get; } = [];

        public string StatusName => MlflowNames.ModelStatus[(int)Status - 1];

        public string ExperimentId => Experiment.ToString(CultureInfo.InvariantCulture);

        public MlflowLoggedModel ToMlflow() => new(new MlflowLoggedModelInfo
        {
            ModelId = Id,
            ExperimentId = ExperimentId,
            Name = Name,
            CreationTimestampMs = CreatedMs,
            LastUpdatedTimestampMs = UpdatedMs,
            ArtifactUri = ArtifactUri,
            Status = StatusName,
            ModelType = ModelType,
            SourceRunId = SourceRun,
            Tags = Tags,
        }, new MlflowLoggedModelData(Params, Metrics));

        public LoggedModel ToApi() => new(Id, ExperimentId, Name, ArtifactUri, SourceRun, StatusName, ModelType, CreatedMs, UpdatedMs, Params.ToDictionary(p => p.Key!, p => p.Value!), Tags.ToDictionary(t => t.Key!, t => t.Value!),
            Metrics.ConvertAll(m => new LoggedModelMetric(m.Key!, m.Value ?? 0, m.Timestamp ?? 0, m.Step ?? 0, m.RunId ?? "", m.DatasetName ?? "", m.DatasetDigest ?? "")));
    }

    private sealed class ModelMetricRow
    {
        public long Model { get; set; }
        public string Name { get; set; } = "";
        public string DatasetName { get; set; } = "";
        public string DatasetDigest { get; set; } = "";
        public long TimeMs { get; set; }
        public long Step { get; set; }
        public double Value { get; set; }
        public long IsNan { get; set; }
        public string Run { get; set; } = "";

        public MlflowMetric ToMlflow(string modelId) => new()
        {
            Key = Name,
            Value = IsNan == 0 ? Value : double.NaN,
            Timestamp = TimeMs,
            Step = Step,
            DatasetName = DatasetName.Length > 0 ? DatasetName : null,
            DatasetDigest = DatasetDigest.Length > 0 ? DatasetDigest : null,
            ModelId = modelId,
            RunId = Run,
        };
    }
}
