using System.Data.Common;
using Dapper;
using Microsoft.Data.Sqlite;
using Npgsql;
using Pilothouse.Testing;

namespace Pilothouse.EndToEnd.Tests.Import;

/// <summary>
/// A store as MLflow 3 leaves it, made by our own SQL from the facts of its schema (github.com/mlflow/mlflow, tests/resources/db/latest_schema.sql): deleted experiments and runs, NaN, gaps in version
/// numbers, a prompt, a logged model, data sets, artifacts on disk and in a bucket.
/// </summary>
internal sealed class MlflowDatabase : IAsyncDisposable
{
    public const string Finished = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    public const string Deleted = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
    public const string Bucket = "cccccccccccccccccccccccccccccccc";
    public const string OfDeletedExperiment = "dddddddddddddddddddddddddddddddd";
    public const string Model = "m-eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
    public const int Points = 2500;

    private readonly Func<ValueTask> _drop;
    private readonly DirectoryInfo _folder;

    private MlflowDatabase(string source, DirectoryInfo folder, Func<ValueTask> drop) => (Source, _folder, _drop) = (source, folder, drop);

    /// <summary>As it is written on the command line.</summary>
    public string Source { get; }

    public string Artifacts => Path.Combine(_folder.FullName, "mlartifacts");

    public static async Task<MlflowDatabase> CreateAsync(string kind)
    {
        var folder = Directory.CreateTempSubdirectory("pilothouse-mlflow-");
        var (connection, source, drop) = kind == "postgres" ? await PostgresAsync() : (new SqliteConnection($"Data Source={Path.Combine(folder.FullName, "mlflow.db")};Pooling=False"), $"sqlite:///{Path.Combine(folder.FullName, "mlflow.db")}", () => ValueTask.CompletedTask);
        var store = new MlflowDatabase(source, folder, drop);
        await using (connection)
        {
            await connection.OpenAsync();
            var yes = kind == "postgres" ? "TRUE" : "1";
            var no = kind == "postgres" ? "FALSE" : "0";
            await connection.ExecuteAsync(Schema);
            await connection.ExecuteAsync(Rows(store.Artifacts).Replace("$no", no, StringComparison.Ordinal).Replace("$yes", yes, StringComparison.Ordinal));
            for (var i = 0; i < Points; i++)
                await connection.ExecuteAsync($"INSERT INTO metrics (key, value, timestamp, run_uuid, step, is_nan) VALUES ('train/loss', @value, @time, '{Finished}', @step, {no})", new { value = 1.0 / (i + 1), time = 1_700_000_000_000 + i, step = (long)i });
        }
        await store.WriteAsync($"5/{Finished}/artifacts/model/MLmodel", "flavors: {}\n");
        await store.WriteAsync($"5/{Finished}/artifacts/model/data/weights ü.bin", "weights");
        await store.WriteAsync($"5/models/{Model}/artifacts/MLmodel", "flavors: {python_function: {}}\n");
        return store;
    }

    public async ValueTask DisposeAsync()
    {
        _folder.Delete(recursive: true);
        await _drop();
    }

    private async Task WriteAsync(string path, string text)
    {
        var file = Path.Combine(Artifacts, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllTextAsync(file, text);
    }

    private static async Task<(DbConnection, string, Func<ValueTask>)> PostgresAsync()
    {
        var (text, drop) = await TestDatabase.CreatePostgresDatabaseAsync();
        var parts = new NpgsqlConnectionStringBuilder(text);
        return (new NpgsqlConnection(text), $"postgresql://{parts.Username}{(parts.Password is { Length: > 0 } password ? ":" + Uri.EscapeDataString(password) : "")}@{parts.Host}:{parts.Port}/{parts.Database}", drop);
    }

    private const string Schema = """
        CREATE TABLE experiments (experiment_id INTEGER PRIMARY KEY, name VARCHAR(256) NOT NULL UNIQUE, artifact_location VARCHAR(256), lifecycle_stage VARCHAR(32), creation_time BIGINT, last_update_time BIGINT);
        CREATE TABLE experiment_tags (key VARCHAR(250) NOT NULL, value VARCHAR(5000), experiment_id INTEGER NOT NULL);
        CREATE TABLE runs (run_uuid VARCHAR(32) PRIMARY KEY, name VARCHAR(250), source_type VARCHAR(20), user_id VARCHAR(256), status VARCHAR(9), start_time BIGINT, end_time BIGINT, lifecycle_stage VARCHAR(20),
            artifact_uri VARCHAR(200), experiment_id INTEGER, deleted_time BIGINT);
        CREATE TABLE tags (key VARCHAR(250) NOT NULL, value VARCHAR(8000), run_uuid VARCHAR(32) NOT NULL);
        CREATE TABLE params (key VARCHAR(250) NOT NULL, value VARCHAR(8000) NOT NULL, run_uuid VARCHAR(32) NOT NULL);
        CREATE TABLE metrics (key VARCHAR(250) NOT NULL, value DOUBLE PRECISION NOT NULL, timestamp BIGINT NOT NULL, run_uuid VARCHAR(32) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, is_nan BOOLEAN NOT NULL);
        CREATE TABLE datasets (dataset_uuid VARCHAR(36) NOT NULL, experiment_id INTEGER NOT NULL, name VARCHAR(500) NOT NULL, digest VARCHAR(36) NOT NULL, dataset_source_type VARCHAR(36) NOT NULL, dataset_source TEXT NOT NULL,
            dataset_schema TEXT, dataset_profile TEXT);
        CREATE TABLE inputs (input_uuid VARCHAR(36) NOT NULL, source_type VARCHAR(36) NOT NULL, source_id VARCHAR(36) NOT NULL, destination_type VARCHAR(36) NOT NULL, destination_id VARCHAR(36) NOT NULL, step BIGINT DEFAULT '0' NOT NULL);
        CREATE TABLE input_tags (input_uuid VARCHAR(36) NOT NULL, name VARCHAR(255) NOT NULL, value VARCHAR(500) NOT NULL);
        CREATE TABLE logged_models (model_id VARCHAR(36) PRIMARY KEY, experiment_id INTEGER NOT NULL, name VARCHAR(500) NOT NULL, artifact_location VARCHAR(1000) NOT NULL, creation_timestamp_ms BIGINT NOT NULL,
            last_updated_timestamp_ms BIGINT NOT NULL, status INTEGER NOT NULL, lifecycle_stage VARCHAR(32), model_type VARCHAR(500), source_run_id VARCHAR(32), status_message VARCHAR(1000));
        CREATE TABLE logged_model_metrics (model_id VARCHAR(36) NOT NULL, metric_name VARCHAR(500) NOT NULL, metric_timestamp_ms BIGINT NOT NULL, metric_step BIGINT NOT NULL, metric_value DOUBLE PRECISION, experiment_id INTEGER NOT NULL,
            run_id VARCHAR(32) NOT NULL, dataset_uuid VARCHAR(36), dataset_name VARCHAR(500), dataset_digest VARCHAR(36));
        CREATE TABLE logged_model_params (model_id VARCHAR(36) NOT NULL, experiment_id INTEGER NOT NULL, param_key VARCHAR(255) NOT NULL, param_value TEXT NOT NULL);
        CREATE TABLE logged_model_tags (model_id VARCHAR(36) NOT NULL, experiment_id INTEGER NOT NULL, tag_key VARCHAR(255) NOT NULL, tag_value TEXT NOT NULL);
        CREATE TABLE registered_models (name VARCHAR(256) PRIMARY KEY, creation_time BIGINT, last_updated_time BIGINT, description VARCHAR(5000));
        CREATE TABLE registered_model_tags (key VARCHAR(250) NOT NULL, value VARCHAR(5000), name VARCHAR(256) NOT NULL);
        CREATE TABLE registered_model_aliases (alias VARCHAR(256) NOT NULL, version INTEGER NOT NULL, name VARCHAR(256) NOT NULL);
        CREATE TABLE model_versions (name VARCHAR(256) NOT NULL, version INTEGER NOT NULL, creation_time BIGINT, last_updated_time BIGINT, description VARCHAR(5000), user_id VARCHAR(256), current_stage VARCHAR(20), source VARCHAR(500),
            run_id VARCHAR(32), status VARCHAR(20), status_message VARCHAR(500), run_link VARCHAR(500));
        CREATE TABLE model_version_tags (key VARCHAR(250) NOT NULL, value VARCHAR(5000), name VARCHAR(256) NOT NULL, version INTEGER NOT NULL);
        CREATE TABLE trace_info (request_id VARCHAR(50) PRIMARY KEY, experiment_id INTEGER NOT NULL, timestamp_ms BIGINT NOT NULL, status VARCHAR(50) NOT NULL);
        """;

    private static string Rows(string artifacts) => $"""
        INSERT INTO experiments VALUES (0, 'Default', 'mlflow-artifacts:/0', 'active', 1, 1), (5, 'vision', 'mlflow-artifacts:/5', 'active', 1600000000000, 1600000000001), (7, 'old', 'mlflow-artifacts:/7', 'deleted', 2, 3);
        INSERT INTO experiment_tags VALUES ('team', 'nlp', 5);
        INSERT INTO runs (run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, artifact_uri, experiment_id) VALUES
            ('{Finished}', 'first ü', 'ann', 'FINISHED', 1700000000000, 1700000009000, 'active', 'file://{artifacts}/5/{Finished}/artifacts', 5),
            ('{Deleted}', 'second', 'bob', 'FAILED', 1700000000000, 1700000001000, 'deleted', 'mlflow-artifacts:/5/{Deleted}/artifacts', 5),
            ('{Bucket}', NULL, NULL, 'KILLED', 1700000000000, NULL, 'active', 's3://bucket/5/{Bucket}/artifacts', 5),
            ('{OfDeletedExperiment}', 'lost', 'ann', 'FINISHED', 1, 2, 'deleted', 'mlflow-artifacts:/7/{OfDeletedExperiment}/artifacts', 7);
        INSERT INTO tags VALUES ('mlflow.runName', 'first ü', '{Finished}'), ('note', NULL, '{Finished}'), ('quality', 'good', '{Finished}');
        INSERT INTO params VALUES ('lr', '0.1', '{Finished}'), ('text', '{new string('x', 7000)}', '{Finished}'), ('lr', '0.2', '{Deleted}');
        INSERT INTO metrics VALUES ('not finite', 0, 1700000000000, '{Finished}', 3, $yes), ('acc', 0.5, 1700000000000, '{Deleted}', 0, $no);
        INSERT INTO datasets VALUES ('d1', 5, 'corpus', 'abc123', 'local', 'file:///corpus.csv', 'the schema', NULL);
        INSERT INTO inputs VALUES ('i1', 'DATASET', 'd1', 'RUN', '{Finished}', 0), ('i2', 'RUN_OUTPUT', '{Finished}', 'MODEL_OUTPUT', '{Model}', 4), ('i3', 'RUN_INPUT', '{Bucket}', 'MODEL_INPUT', '{Model}', 0);
        INSERT INTO input_tags VALUES ('i1', 'mlflow.data.context', 'train');
        INSERT INTO logged_models VALUES ('{Model}', 5, 'classifier', 'mlflow-artifacts:/5/models/{Model}/artifacts', 1700000000000, 1700000000001, 2, 'active', 'agent', '{Finished}', NULL);
        INSERT INTO logged_model_metrics VALUES ('{Model}', 'f1', 1700000000000, 2, 0.75, 5, '{Finished}', 'd1', 'corpus', 'abc123');
        INSERT INTO logged_model_params VALUES ('{Model}', 5, 'depth', '3');
        INSERT INTO logged_model_tags VALUES ('{Model}', 5, 'kind', 'best');
        INSERT INTO registered_models VALUES ('shipper', 1, 2, 'Ships.'), ('greeting', 1, 2, NULL);
        INSERT INTO registered_model_tags VALUES ('owner', 'ann', 'shipper'), ('mlflow.prompt.is_prompt', 'true', 'greeting');
        INSERT INTO registered_model_aliases VALUES ('champion', 3, 'shipper'), ('live', 1, 'greeting');
        INSERT INTO model_versions VALUES
            ('shipper', 1, 1700000000000, 1700000000001, 'one', 'ann', 'Archived', 'file://{artifacts}/5/{Finished}/artifacts/model', '{Finished}', 'READY', NULL, NULL),
            ('shipper', 2, 1, 2, NULL, NULL, 'Deleted_Internal', 'REDACTED-SOURCE-PATH', NULL, 'READY', NULL, NULL),
            ('shipper', 3, 1700000000002, 1700000000003, NULL, 'bob', 'Production', 'models:/{Model}', '{Finished}', 'READY', NULL, NULL),
            ('shipper', 4, 1700000000004, 1700000000005, NULL, 'bob', 'None', 's3://bucket/5/{Bucket}/artifacts/model', '{Bucket}', 'READY', NULL, NULL),
            ('greeting', 1, 1700000000000, 1700000000001, 'hello', 'ann', 'None', 'prompt-template', NULL, 'READY', NULL, NULL);
        INSERT INTO model_version_tags VALUES ('quality', 'fine', 'shipper', 3), ('mlflow.prompt.is_prompt', 'true', 'greeting', 1), ('mlflow.prompt.text', 'Hello {"{{name}}"}!', 'greeting', 1);
        INSERT INTO trace_info VALUES ('tr-1', 5, 1, 'OK'), ('tr-2', 5, 1, 'OK');
        """;
}
