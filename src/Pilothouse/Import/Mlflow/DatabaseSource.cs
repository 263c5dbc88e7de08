using System.Data.Common;
using System.Globalization;
using System.Runtime.CompilerServices;
using Dapper;
using Microsoft.Data.Sqlite;
using Npgsql;
using Pilothouse.Protocols.Mlflow;

namespace Pilothouse.Import.Mlflow;

/// <summary>
/// MLflow's own database, SQLite or PostgreSQL, of any version since 1.0: tables and columns that an older one lacks read as empty.
/// Its schema: github.com/mlflow/mlflow, tests/resources/db/latest_schema.sql and mlflow/store/*/dbmodels/models.py.
/// </summary>
internal sealed class DatabaseSource : IMlflowSource
{
    private const int RunsPerPage = 500;
    private static readonly string[] ModelStatus = ["LOGGED_MODEL_PENDING", "LOGGED_MODEL_PENDING", "LOGGED_MODEL_READY", "LOGGED_MODEL_UPLOAD_FAILED"];

    /// <summary>Tables that hold what is not brought over.</summary>
    private static readonly (string Table, string Kind, string Reason)[] Left =
    [
        ("trace_info", "traces", "traces are not imported yet; the old server can send them by OTLP"),
        ("assessments", "assessments", "they belong to traces"),
        ("evaluation_datasets", "evaluation data sets", "not imported yet"),
        ("scorers", "scorers", "not imported yet"),
        ("webhooks", "webhooks", "their secrets are encrypted with the old server's key: make them anew"),
        ("secrets", "gateway secrets", "encrypted with the old server's key"),
        ("endpoints", "gateway endpoints", "they need their secrets"),
        ("jobs", "jobs", "work of the old server"),
    ];

    private readonly Func<DbConnection> _connect;
    private readonly LocalArtifacts _artifacts;
    private readonly Dictionary<string, HashSet<string>> _columns;

    private DatabaseSource(Func<DbConnection> connect, Dictionary<string, HashSet<string>> columns, LocalArtifacts artifacts, string description) =>
        (_connect, _columns, _artifacts, Description) = (connect, columns, artifacts, description);

    public string Description { get; }

    /// <exception cref="IOException">Not MLflow's database.</exception>
    public static async Task<DatabaseSource> OpenSqliteAsync(string path, LocalArtifacts artifacts, CancellationToken ct)
    {
        if (!File.Exists(path)) throw new FileNotFoundException($"There is no file {path}.");
        var text = new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString();
        return await OpenAsync(() => new SqliteConnection(text), "SELECT m.name AS tbl, p.name AS col FROM sqlite_master m JOIN pragma_table_info(m.name) p WHERE m.type = 'table'", artifacts, $"sqlite:///{path}", ct);
    }

    /// <param name="address"><c>postgresql://user:password@host:5432/database</c>.</param>
    public static Task<DatabaseSource> OpenPostgresAsync(Uri address, LocalArtifacts artifacts, CancellationToken ct)
    {
        var user = address.UserInfo.Split(':', 2);
        var builder = new NpgsqlConnectionStringBuilder { Host = address.Host, Port = address.Port > 0 ? address.Port : 5432, Database = Uri.UnescapeDataString(address.AbsolutePath.Trim('/')), Options = "-c default_transaction_read_only=on" };
        if (user[0].Length > 0) builder.Username = Uri.UnescapeDataString(user[0]);
        if (user.Length > 1) builder.Password = Uri.UnescapeDataString(user[1]);
        return OpenAsync(() => new NpgsqlConnection(builder.ToString()), "SELECT table_name AS tbl, column_name AS col FROM information_schema.columns WHERE table_schema = current_schema()", artifacts,
            $"postgresql://{address.Host}:{builder.Port}/{builder.Database}", ct);
    }

    public async IAsyncEnumerable<MlflowExperiment> ExperimentsAsync([EnumeratorCancellation] CancellationToken ct)
    {
        var sql = $"SELECT {Text("experiments", "experiment_id")} AS ExperimentId, name AS Name, artifact_location AS ArtifactLocation, lifecycle_stage AS LifecycleStage, {Column("experiments", "creation_time", "BIGINT")} AS CreationTime, {Column("experiments", "last_update_time", "BIGINT")} AS LastUpdateTime FROM experiments ORDER BY experiment_id";
        foreach (var row in await QueryAsync<MlflowExperiment>(sql, null, ct))
            yield return row with { Tags = await TagsAsync("experiment_tags", "key", "value", "experiment_id", Number(row.ExperimentId), ct) };
    }

    public async IAsyncEnumerable<MlflowRun> RunsAsync(string experimentId, [EnumeratorCancellation] CancellationToken ct)
    {
        var sql = $"""
            SELECT run_uuid AS RunId, {Column("runs", "name", "TEXT")} AS RunName, user_id AS UserId, status AS Status, start_time AS StartTime, end_time AS EndTime, artifact_uri AS ArtifactUri, lifecycle_stage AS LifecycleStage
            FROM runs WHERE experiment_id = @experiment AND run_uuid > @after ORDER BY run_uuid LIMIT {RunsPerPage}
            """;
        for (var after = ""; ;)
        {
            var page = await QueryAsync<MlflowRunInfo>(sql, new { experiment = Number(experimentId), after }, ct);
            foreach (var info in page) yield return await WithDataAsync(info with { ExperimentId = experimentId }, ct);
            if (page.Count < RunsPerPage) yield break;
            after = page[^1].RunId!;
        }
    }

    public async IAsyncEnumerable<MlflowMetric> MetricsAsync(MlflowRun run, [EnumeratorCancellation] CancellationToken ct)
    {
        await using var connection = await ConnectAsync(ct);
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT key, value, timestamp, {Column("metrics", "step", "BIGINT")}, {Column("metrics", "is_nan", "BIGINT")} FROM metrics WHERE run_uuid = @run ORDER BY key, timestamp";
        var parameter = command.CreateParameter();
        (parameter.ParameterName, parameter.Value) = ("run", run.Info.RunId);
        command.Parameters.Add(parameter);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            var nan = !reader.IsDBNull(4) && Convert.ToBoolean(reader.GetValue(4), CultureInfo.InvariantCulture);
            yield return new MlflowMetric { Key = reader.GetString(0), Value = nan ? double.NaN : reader.GetDouble(1), Timestamp = reader.GetInt64(2), Step = reader.IsDBNull(3) ? 0 : reader.GetInt64(3) };
        }
    }

    public async IAsyncEnumerable<ForeignModel> ModelsAsync(string experimentId, [EnumeratorCancellation] CancellationToken ct)
    {
        if (!_columns.ContainsKey("logged_models")) yield break;
        const string sql = """
            SELECT model_id AS Id, name AS Name, artifact_location AS Uri, creation_timestamp_ms AS Created, last_updated_timestamp_ms AS Updated, status AS Status, lifecycle_stage AS Lifecycle, model_type AS Type,
                source_run_id AS Run FROM logged_models WHERE experiment_id = @experiment ORDER BY model_id
            """;
        foreach (var row in await QueryAsync<ModelRow>(sql, new { experiment = Number(experimentId) }, ct))
        {
            var metrics = await QueryAsync<MlflowMetric>("""
                SELECT metric_name AS Key, metric_value AS Value, metric_timestamp_ms AS Timestamp, metric_step AS Step, dataset_name AS DatasetName, dataset_digest AS DatasetDigest, model_id AS ModelId, run_id AS RunId
                FROM logged_model_metrics WHERE model_id = @id ORDER BY run_id, metric_name, metric_timestamp_ms, metric_step
                """, new { id = row.Id }, ct);
            yield return new ForeignModel(new MlflowLoggedModel(new MlflowLoggedModelInfo
            {
                ModelId = row.Id,
                ExperimentId = experimentId,
                Name = row.Name,
                ArtifactUri = row.Uri,
                CreationTimestampMs = row.Created,
                LastUpdatedTimestampMs = row.Updated,
                Status = ModelStatus[Math.Clamp(row.Status, 0, 3)],
                ModelType = row.Type,
                SourceRunId = row.Run,
                Tags = await TagsAsync("logged_model_tags", "tag_key", "tag_value", "model_id", row.Id, ct),
            }, new MlflowLoggedModelData(await TagsAsync("logged_model_params", "param_key", "param_value", "model_id", row.Id, ct), metrics)), row.Lifecycle ?? "active");
        }
    }

    public async IAsyncEnumerable<ForeignRegistered> RegisteredAsync([EnumeratorCancellation] CancellationToken ct)
    {
        if (!_columns.ContainsKey("registered_models")) yield break;
        foreach (var model in await QueryAsync<MlflowRegisteredModel>("SELECT name AS Name, creation_time AS CreationTimestamp, last_updated_time AS LastUpdatedTimestamp, description AS Description FROM registered_models ORDER BY name", null, ct))
        {
            var args = new { name = model.Name };
            var versions = await QueryAsync<MlflowModelVersion>($"""
                SELECT name AS Name, {Text("model_versions", "version")} AS Version, creation_time AS CreationTimestamp, last_updated_time AS LastUpdatedTimestamp, description AS Description, user_id AS UserId, current_stage AS CurrentStage,
                    source AS Source, run_id AS RunId, {Column("model_versions", "run_link", "TEXT")} AS RunLink FROM model_versions WHERE name = @name AND current_stage <> 'Deleted_Internal' ORDER BY version
                """, args, ct);
            var tags = !_columns.ContainsKey("model_version_tags") ? [] : await QueryAsync<VersionTag>("SELECT version AS Version, key AS Key, value AS Value FROM model_version_tags WHERE name = @name ORDER BY version, key", args, ct);
            var aliases = !_columns.ContainsKey("registered_model_aliases") ? []
                : await QueryAsync<AliasRow>("SELECT alias AS Alias, version AS Version FROM registered_model_aliases WHERE name = @name ORDER BY alias", args, ct);
            yield return new ForeignRegistered(model with
            {
                Tags = await TagsAsync("registered_model_tags", "key", "value", "name", model.Name!, ct),
                Aliases = [.. aliases.Select(a => new MlflowModelAlias(a.Alias, a.Version.ToString(CultureInfo.InvariantCulture)))],
            }, [.. versions.Select(v => v with { Tags = [.. tags.Where(t => t.Version == Number(v.Version)).Select(t => new MlflowTag(t.Key, t.Value ?? ""))] })]);
        }
    }

    public async IAsyncEnumerable<ForeignFile> FilesAsync(string artifactUri, string? runId, string? modelId, [EnumeratorCancellation] CancellationToken ct)
    {
        await Task.CompletedTask;
        foreach (var file in _artifacts.Files(artifactUri)) yield return file;
    }

    public async Task<IReadOnlyList<LeftBehind>> OthersAsync(CancellationToken ct)
    {
        var left = new List<LeftBehind>();
        foreach (var (table, kind, reason) in Left)
            if (_columns.ContainsKey(table) && (await QueryAsync<long>($"SELECT COUNT(*) FROM {table}", null, ct))[0] is > 0 and var count) left.Add(new LeftBehind(kind, count, reason));
        if (_columns.ContainsKey("model_versions") && (await QueryAsync<long>("SELECT COUNT(*) FROM model_versions WHERE current_stage = 'Deleted_Internal'", null, ct))[0] is > 0 and var deleted)
            left.Add(new LeftBehind("deleted model versions", deleted, "MLflow itself shows them no more; their numbers are not given again"));
        return left;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static async Task<DatabaseSource> OpenAsync(Func<DbConnection> connect, string catalog, LocalArtifacts artifacts, string description, CancellationToken ct)
    {
        try
        {
            await using var connection = connect();
            await connection.OpenAsync(ct);
            var columns = (await connection.QueryAsync<CatalogRow>(new CommandDefinition(catalog, cancellationToken: ct))).GroupBy(r => r.Tbl).ToDictionary(g => g.Key, g => g.Select(r => r.Col).ToHashSet());
            return columns.ContainsKey("experiments") && columns.ContainsKey("runs") ? new DatabaseSource(connect, columns, artifacts, description)
                : throw new IOException($"{description} is not a database of MLflow: it has no tables 'experiments' and 'runs'.");
        }
        catch (DbException e)
        {
            throw new IOException($"{description} cannot be read: {e.Message}", e);
        }
    }

    private async Task<MlflowRun> WithDataAsync(MlflowRunInfo info, CancellationToken ct)
    {
        var args = new { run = info.RunId };
        var inputs = new List<MlflowDatasetInput>();
        var (modelInputs, modelOutputs) = (new List<MlflowModelInput>(), new List<MlflowModelOutput>());
        if (_columns.ContainsKey("inputs") && _columns.ContainsKey("datasets"))
        {
            foreach (var row in await QueryAsync<InputRow>("""
                SELECT i.input_uuid AS Id, d.name AS Name, d.digest AS Digest, d.dataset_source_type AS SourceType, d.dataset_source AS Source, d.dataset_schema AS SchemaText, d.dataset_profile AS Profile
                FROM inputs i JOIN datasets d ON d.dataset_uuid = i.source_id WHERE i.destination_id = @run ORDER BY d.name, d.digest
                """, args, ct))
            {
                inputs.Add(new MlflowDatasetInput(await TagsAsync("input_tags", "name", "value", "input_uuid", row.Id, ct),
                    new MlflowDataset { Name = row.Name, Digest = row.Digest, SourceType = row.SourceType, Source = row.Source, Schema = row.SchemaText, Profile = row.Profile }));
            }
        }
        if (_columns.ContainsKey("inputs") && _columns.ContainsKey("logged_models"))
        {
            // Types RUN_INPUT/MODEL_INPUT and RUN_OUTPUT/MODEL_OUTPUT: the run is the source, the model the destination.
            foreach (var row in await QueryAsync<LinkRow>($"SELECT i.destination_type AS Type, i.destination_id AS Model, {Column("inputs", "step", "BIGINT")} AS Step FROM inputs i JOIN logged_models m ON m.model_id = i.destination_id WHERE i.source_id = @run", args, ct))
            {
                if (row.Type.Contains("OUTPUT", StringComparison.OrdinalIgnoreCase)) modelOutputs.Add(new MlflowModelOutput(row.Model, row.Step ?? 0));
                else modelInputs.Add(new MlflowModelInput(row.Model));
            }
        }
        return new MlflowRun(info, new MlflowRunData(null, await TagsAsync("params", "key", "value", "run_uuid", info.RunId!, ct), await TagsAsync("tags", "key", "value", "run_uuid", info.RunId!, ct)),
            new MlflowRunInputs(inputs, modelInputs), new MlflowRunOutputs(modelOutputs));
    }

    private async Task<List<MlflowTag>> TagsAsync(string table, string key, string value, string owner, object id, CancellationToken ct) => !_columns.ContainsKey(table) ? []
        : [.. (await QueryAsync<PairRow>($"SELECT {key} AS Key, {value} AS Value FROM {table} WHERE {owner} = @id ORDER BY {key}", new { id }, ct)).Select(p => new MlflowTag(p.Key, p.Value ?? ""))];

    private string Column(string table, string column, string type) => _columns.TryGetValue(table, out var has) && has.Contains(column) ? column : $"CAST(NULL AS {type})";

    private static string Text(string table, string column) => $"CAST({table}.{column} AS TEXT)";

    private static long Number(string? text) => long.Parse(text!, CultureInfo.InvariantCulture);

    private async Task<List<T>> QueryAsync<T>(string sql, object? args, CancellationToken ct)
    {
        await using var connection = await ConnectAsync(ct);
        return (await connection.QueryAsync<T>(new CommandDefinition(sql, args, cancellationToken: ct))).AsList();
    }

    private async Task<DbConnection> ConnectAsync(CancellationToken ct)
    {
        var connection = _connect();
        await connection.OpenAsync(ct);
        return connection;
    }

    private sealed class CatalogRow { public string Tbl { get; set; } = ""; public string Col { get; set; } = ""; }

    private sealed class PairRow { public string Key { get; set; } = ""; public string? Value { get; set; } }

    private sealed class VersionTag { public long Version { get; set; } public string Key { get; set; } = ""; public string? Value { get; set; } }

    private sealed class AliasRow { public string Alias { get; set; } = ""; public long Version { get; set; } }

    private sealed class LinkRow { public string Type { get; set; } = ""; public string Model { get; set; } = ""; public long? Step { get; set; } }

    private sealed class InputRow
    {
        public string Id { get; set; } = "";
        public string Name { get; set; } = "";
        public string Digest { get; set; } = "";
        public string SourceType { get; set; } = "";
        public string Source { get; set; } = "";
        public string? SchemaText { get; set; }
        public string? Profile { get; set; }
    }

    private sealed class ModelRow
    {
        public string Id { get; set; } = "";
        public string Name { get; set; } = "";
        public string Uri { get; set; } = "";
        public long Created { get; set; }
        public long Updated { get; set; }
        public int Status { get; set; }
        public string? Lifecycle { get; set; }
        public string? Type { get; set; }
        public string? Run { get; set; }
    }
}
