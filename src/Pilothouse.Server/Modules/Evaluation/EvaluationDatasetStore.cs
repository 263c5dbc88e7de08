using System.Text.Json;
using Pilothouse.Data;
using Pilothouse.Protocols.Mlflow;
using Pilothouse.Server.Platform;

namespace Pilothouse.Server.Modules.Evaluation;

/// <summary>SQL of MLflow's evaluation data sets.</summary>
internal sealed class EvaluationDatasetStore(Db db)
{
    public const int MaxRecords = 100_000;

    private const string Columns = "d.dataset_id AS DatasetId, d.name, d.schema_json AS Schema, d.records, d.has_profile AS HasProfile, d.digest, d.created_by AS CreatedBy, d.updated_by AS UpdatedBy, d.created_ms AS CreatedMs, d.updated_ms AS UpdatedMs";

    private const string RecordColumns = """
        record_id AS RecordId, dataset_id AS DatasetId, inputs, outputs, expectations, tags, source, source_type AS SourceType, source_id AS SourceId,
        created_by AS CreatedBy, updated_by AS UpdatedBy, created_ms AS CreatedMs, updated_ms AS UpdatedMs
        """;

    public Task CreateAsync(DatasetRow row, IReadOnlyDictionary<string, string?> tags, IReadOnlyList<string> experiments, CancellationToken ct) => db.WriteAsync(async session =>
    {
        await session.ExecuteAsync("""
            INSERT INTO evl_dataset (dataset_id, name, records, has_profile, digest, created_by, updated_by, created_ms, updated_ms) VALUES (@DatasetId, @Name, 0, 0, @Digest, @CreatedBy, @UpdatedBy, @CreatedMs, @UpdatedMs)
            """, row);
        await SetTagsAsync(session, row.DatasetId, tags);
        await AddExperimentsAsync(session, row.DatasetId, experiments);
    }, ct);

    public Task<DatasetRow?> FindAsync(string id, CancellationToken ct) => db.ReadAsync(session => FindAsync(session, id), ct);

    public async Task<(List<DatasetRow> Datasets, string? NextToken)> SearchAsync(IReadOnlyCollection<string> experiments, MlflowFilter filter, IReadOnlyList<MlflowOrder> orders, int limit, string? token, CancellationToken ct)
    {
        var search = new SortedSearch(db.Dialect);
        foreach (var order in orders) search.Sort(new SortKey(Column(order.Key), null, order.Key == "name", order.Descending));
        if (orders.Count == 0) search.Sort(new SortKey("d.created_ms", null, IsText: false, Descending: true));
        search.Sort(new SortKey("d.dataset_id", null, IsText: true, Descending: false));
        search.StartAfter(token);
        if (experiments.Count > 0) search.And($"d.dataset_id IN (SELECT e.dataset_id FROM evl_dataset_experiment e WHERE {db.Dialect.In("e.experiment_id", search.Bind(experiments.ToArray()))})");
        foreach (var c in filter.Comparisons) search.And(Condition(search, c));
        return await db.ReadAsync(async session =>
        {
            var rows = await session.QueryAsync<DatasetRow>($"SELECT {Columns} FROM evl_dataset d WHERE {search.Where} ORDER BY {search.OrderBy} LIMIT {search.Bind(limit + 1)}", search.Args);
            var more = rows.Count > limit;
            if (more) rows.RemoveAt(limit);
            await AddTagsAsync(session, rows);
            if (!more) return (rows, null);
            var last = await session.FirstOrDefaultAsync<dynamic>($"SELECT {search.CursorColumns} FROM evl_dataset d WHERE d.dataset_id = {search.Bind(rows[^1].DatasetId)}", search.Args);
            return (rows, (string?)search.TokenOf((IDictionary<string, object?>)last!));
        }, ct);
    }

    /// <summary>Deletes the data set, if it is there, with its records.</summary>
    public Task DeleteAsync(string id, CancellationToken ct) => db.WriteAsync(async session =>
    {
        foreach (var table in (string[])["evl_dataset_record", "evl_dataset_tag", "evl_dataset_experiment", "evl_dataset"]) await session.ExecuteAsync($"DELETE FROM {table} WHERE dataset_id = @id", new { id });
    }, ct);

    /// <returns>False when there is no such data set.</returns>
    public Task<bool> SetTagsAsync(string id, IReadOnlyDictionary<string, string?> tags, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        if (await session.ExecuteAsync("UPDATE evl_dataset SET updated_ms = @now WHERE dataset_id = @id", new { id, now }) == 0) return false;
        await SetTagsAsync(session, id, tags);
        return true;
    }, ct);

    public Task DeleteTagAsync(string id, string key, CancellationToken ct) => db.WriteAsync(session => session.ExecuteAsync("DELETE FROM evl_dataset_tag WHERE dataset_id = @id AND key = @key", new { id, key }), ct);

    public Task<List<string>> ExperimentsAsync(string id, CancellationToken ct) =>
        db.ReadAsync(session => session.QueryAsync<string>("SELECT experiment_id FROM evl_dataset_experiment WHERE dataset_id = @id ORDER BY position, experiment_id LIMIT 1000", new { id }), ct);

    public Task AddExperimentsAsync(string id, IReadOnlyList<string> experiments, CancellationToken ct) => db.WriteAsync(session => AddExperimentsAsync(session, id, experiments), ct);

    public Task RemoveExperimentsAsync(string id, IReadOnlyList<string> experiments, CancellationToken ct) => db.WriteAsync(session =>
        session.ExecuteAsync($"DELETE FROM evl_dataset_experiment WHERE dataset_id = @id AND {session.Dialect.In("experiment_id", "@experiments")}", new { id, experiments = experiments.ToArray() }), ct);

    /// <summary>Inserts records, or merges them into those with the same inputs.</summary>
    /// <exception cref="PilothouseException">NotFound; FailedPrecondition beyond the bound.</exception>
    public Task<(int Inserted, int Updated)> UpsertAsync(string id, IReadOnlyList<RecordInput> records, Func<string> newId, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var dataset = await session.FirstOrDefaultAsync<DatasetRow>($"SELECT {Columns} FROM evl_dataset d WHERE d.dataset_id = @id{session.Dialect.ForUpdate}", new { id }) ?? throw Missing(id);
        int inserted = 0, updated = 0;
        foreach (var record in records)
        {
            var known = await session.FirstOrDefaultAsync<RecordRow>($"SELECT {RecordColumns} FROM evl_dataset_record WHERE dataset_id = @id AND input_hash = @InputHash", new { id, record.InputHash });
            if (known is null) inserted++;
            else updated++;
            await WriteAsync(session, id, record, known, newId, now);
        }
        if (dataset.Records + inserted > MaxRecords) throw new PilothouseException(ErrorCode.InvalidArgument, $"A data set holds at most {MaxRecords} records. Begin another.");
        if (records.Count == 0) return (0, 0);
        await session.ExecuteAsync("UPDATE evl_dataset SET schema_json = @schema, records = @count, has_profile = 1, digest = @digest, updated_by = @by, updated_ms = @now WHERE dataset_id = @id",
            new { id, schema = EvaluationRecords.Schema(dataset.Schema, records), count = dataset.Records + inserted, digest = EvaluationDatasets.Digest(dataset.Name, now), by = records[^1].User, now });
        return (inserted, updated);
    }, ct);

    /// <param name="after">Record id that the page begins behind, or null.</param>
    public Task<List<RecordRow>> RecordsAsync(string id, int limit, string? after, CancellationToken ct) => db.ReadAsync(session => session.QueryAsync<RecordRow>(
        $"SELECT {RecordColumns} FROM evl_dataset_record WHERE dataset_id = @id {(after is null ? "" : "AND record_id > @after")} ORDER BY record_id LIMIT @limit", new { id, limit, after }), ct);

    public Task<int> DeleteRecordsAsync(string id, IReadOnlyList<string> recordIds, long now, CancellationToken ct) => db.WriteAsync(async session =>
    {
        var deleted = 0;
        foreach (var chunk in recordIds.Chunk(500)) deleted += await session.ExecuteAsync($"DELETE FROM evl_dataset_record WHERE dataset_id = @id AND {session.Dialect.In("record_id", "@chunk")}", new { id, chunk });
        if (deleted > 0) await session.ExecuteAsync("UPDATE evl_dataset SET records = records - @deleted, updated_ms = @now WHERE dataset_id = @id", new { id, deleted, now });
        return deleted;
    }, ct);

    public static PilothouseException Missing(string id) => new(ErrorCode.NotFound, $"Evaluation dataset with id '{(id.Length <= 100 ? id : id[..100])}' not found");

    private static async Task<DatasetRow?> FindAsync(DbSession session, string id)
    {
        var row = await session.FirstOrDefaultAsync<DatasetRow>($"SELECT {Columns} FROM evl_dataset d WHERE d.dataset_id = @id", new { id });
        if (row is not null) await AddTagsAsync(session, [row]);
        return row;
    }

    private static async Task AddTagsAsync(DbSession session, List<DatasetRow> rows)
    {
        var byId = rows.ToDictionary(r => r.DatasetId);
        foreach (var ids in byId.Keys.Chunk(500))
            foreach (var tag in await session.QueryAsync<TagRow>($"SELECT dataset_id AS DatasetId, key, value FROM evl_dataset_tag WHERE {session.Dialect.In("dataset_id", "@ids")} ORDER BY position, key LIMIT 500000", new { ids }))
                byId[tag.DatasetId].Tags[tag.Key] = tag.Value;
    }

    private static async Task SetTagsAsync(DbSession session, string id, IReadOnlyDictionary<string, string?> tags)
    {
        var position = await session.ScalarAsync<long>("SELECT COALESCE(MAX(position), 0) FROM evl_dataset_tag WHERE dataset_id = @id", new { id });
        foreach (var (key, value) in tags)
        {
            if (value is null) await session.ExecuteAsync("DELETE FROM evl_dataset_tag WHERE dataset_id = @id AND key = @key", new { id, key });
            else await session.ExecuteAsync("INSERT INTO evl_dataset_tag (dataset_id, key, value, position) VALUES (@id, @key, @value, @position) ON CONFLICT (dataset_id, key) DO UPDATE SET value = excluded.value", new { id, key, value, position = ++position });
        }
    }

    private static async Task AddExperimentsAsync(DbSession session, string id, IReadOnlyList<string> experiments)
    {
        var position = await session.ScalarAsync<long>("SELECT COALESCE(MAX(position), 0) FROM evl_dataset_experiment WHERE dataset_id = @id", new { id });
        foreach (var experimentId in experiments)
            await session.ExecuteAsync("INSERT INTO evl_dataset_experiment (dataset_id, experiment_id, position) VALUES (@id, @experimentId, @position) ON CONFLICT DO NOTHING", new { id, experimentId, position = ++position });
    }

    private static Task<int> WriteAsync(DbSession session, string datasetId, RecordInput record, RecordRow? known, Func<string> newId, long now) => session.ExecuteAsync("""
        INSERT INTO evl_dataset_record (dataset_id, input_hash, record_id, inputs, outputs, expectations, tags, source, source_type, source_id, created_by, updated_by, created_ms, updated_ms)
        VALUES (@datasetId, @InputHash, @recordId, @inputs, @outputs, @expectations, @tags, @source, @SourceType, @SourceId, @User, @User, @now, @now)
        ON CONFLICT (dataset_id, input_hash) DO UPDATE SET outputs = COALESCE(excluded.outputs, evl_dataset_record.outputs), expectations = COALESCE(excluded.expectations, evl_dataset_record.expectations),
            tags = excluded.tags, updated_by = COALESCE(excluded.updated_by, evl_dataset_record.updated_by), updated_ms = excluded.updated_ms
        """, new
    {
        datasetId,
        record.InputHash,
        recordId = known?.RecordId ?? newId(),
        inputs = PythonJson.Write(record.Inputs),
        outputs = Json(record.Outputs),
        expectations = record.Expectations is { } expected ? EvaluationRecords.Merge(known?.Expectations, expected) : null,
        tags = record.Tags is { } added ? EvaluationRecords.Merge(known?.Tags, added) : known?.Tags ?? "{}",
        source = Json(record.Source),
        record.SourceType,
        record.SourceId,
        record.User,
        now,
    });

    private static string? Json(JsonElement? value) => value is { } given ? PythonJson.Write(given) : null;

    private static string Condition(SortedSearch search, MlflowComparison c)
    {
        if (c.Entity != MlflowEntity.Tag) return search.Compare(Column(c.Key), c);
        var tag = $"SELECT 1 FROM evl_dataset_tag t WHERE t.dataset_id = d.dataset_id AND t.key = {search.Bind(c.Key)}";
        return c.Operator switch
        {
            MlflowOperator.IsNull => $"NOT EXISTS ({tag})",
            MlflowOperator.IsNotNull => $"EXISTS ({tag})",
            _ => $"EXISTS ({tag} AND {search.Compare("t.value", c)})",
        };
    }

    private static string Column(string key) => key switch
    {
        "name" => "d.name",
        "created_by" => "d.created_by",
        "last_updated_by" => "d.updated_by",
        "created_time" => "d.created_ms",
        _ => "d.updated_ms",
    };

    private sealed class TagRow
    {
        public string DatasetId { get; init; } = "";
        public string Key { get; init; } = "";
        public string Value { get; init; } = "";
    }
}

internal sealed record DatasetRow
{
    public string DatasetId { get; init; } = "";
    public string Name { get; init; } = "";
    public string? Schema { get; init; }
    public long Records { get; init; }

    /// <summary>Whether there ever was a record.</summary>
    public long HasProfile { get; init; }
    public string Digest { get; init; } = "";
    public string? CreatedBy { get; init; }
    public string? UpdatedBy { get; init; }
    public long CreatedMs { get; init; }
    public long UpdatedMs { get; init; }
    public Dictionary<string, string> Tags { get; } = [];
}

internal sealed record RecordRow
{
    public string RecordId { get; init; } = "";
    public string DatasetId { get; init; } = "";
    public string Inputs { get; init; } = "{}";
    public string? Outputs { get; init; }
    public string? Expectations { get; init; }
    public string Tags { get; init; } = "{}";
    public string? Source { get; init; }
    public string? SourceType { get; init; }
    public string? SourceId { get; init; }
    public string? CreatedBy { get; init; }
    public string? UpdatedBy { get; init; }
    public long CreatedMs { get; init; }
    public long UpdatedMs { get; init; }
}
